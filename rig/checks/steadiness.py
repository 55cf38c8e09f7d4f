"""Was the goodput of the steady window steady?"""

from __future__ import annotations

import math

from rig.model import Status
from rig.record import Check, Record

NAME = "steadiness"
SHARE = 0.1
DEVIATIONS = 3.0
FEWEST = 30


def steadiness(record: Record) -> Check:
    """First third against last third; warns when they differ by more than 10 % and by chance.

    Counts a and b of a Poisson process differ by chance with a standard deviation of √(a + b):
    what lies within three of these is no drift. Fewer than 30 answers could not show one.
    """
    first, last = record.load.successes_first_third, record.load.successes_last_third
    if first is None or last is None or first + last < FEWEST:
        counted = "" if first is None or last is None else f": {first} and {last}"
        message = f"too few correct answers in the window's first and last third{counted}"
        return Check(NAME, Status.UNKNOWN, message, needs="more answers in the window")
    drift = last - first
    allowed = max(SHARE * (first + last) / 2, DEVIATIONS * math.sqrt(first + last))
    message = f"{first} correct answers in the window's first third, {last} in its last"
    return Check(NAME, Status.WARN if abs(drift) > allowed else Status.PASS, message)
