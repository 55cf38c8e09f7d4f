"""What a doctor says of one thing that it looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """One thing looked at. `needed`: without it nothing can run there."""

    name: str
    fine: bool
    message: str
    needed: bool = True
