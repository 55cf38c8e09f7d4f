"""What became of the users' sessions, apart from all that the load counts. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

MOST_KINDS, OTHERS = 20, "otherwise"
"""Different failures that are told apart."""


class SessionCount:
    """One load worker's count."""

    def __init__(self) -> None:
        self.requests = self.done = 0
        self.took_s = self.longest_s = 0.0
        self.first_s, self.last_s = math.inf, 0.0
        self.failed: Counter[str] = Counter()

    def begin(self, at_s: float) -> None:
        """A session begins, so long after the first one could."""
        self.first_s, self.last_s = min(self.first_s, at_s), max(self.last_s, at_s)

    def sent(self) -> None:
        """A request of a session leaves."""
        self.requests += 1

    def end(self, took_s: float) -> None:
        """A session is complete."""
        self.done += 1
        self.took_s += took_s
        self.longest_s = max(self.longest_s, took_s)

    def fail(self, says: str) -> None:
        """A session came to an end before its last step."""
        known = says in self.failed or len(self.failed) < MOST_KINDS
        self.failed[says if known else OTHERS] += 1

    def to_wire(self) -> dict[str, Any]:
        """As it travels."""
        return {**vars(self), "failed": dict(self.failed)}


def together(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What `load.json` says of all load workers' sessions."""
    every = list(parts)
    failed: Counter[str] = Counter()
    for one in every:
        failed.update(one["failed"])
    done = sum(one["done"] for one in every)
    took_s = sum(one["took_s"] for one in every)
    first_s = min((one["first_s"] for one in every), default=math.inf)
    last_s = max((one["last_s"] for one in every), default=0.0)
    return {
        "requests": sum(one["requests"] for one in every),
        "done": done,
        "failed": dict(failed.most_common()),
        "mean_ms": round(1000 * took_s / done, 3) if done else None,
        "longest_ms": round(1000 * max((one["longest_s"] for one in every), default=0.0), 3),
        "begun_over_s": round(max(0.0, last_s - first_s), 3),
    }
