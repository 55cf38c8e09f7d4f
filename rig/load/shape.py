"""The ramp of a closed load, a step a second, as Locust starts users. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Users:
    """How many users, when."""

    start_users: int
    per_s: float
    end_users: int

    @property
    def ramp_s(self) -> float:
        """Seconds until the last user has been started."""
        return float(math.ceil(max(0, self.end_users - self.start_users) / self.per_s))

    def at(self, elapsed_s: float) -> int:
        """Users that should be active `elapsed_s` after the load began."""
        steps = math.floor(max(0.0, elapsed_s))
        return min(self.end_users, int(self.start_users + self.per_s * steps))
