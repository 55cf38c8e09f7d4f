"""The arithmetic: the best seconds, medians, shares.

Pure numbers in, numbers out. May not know files, cells or verdicts.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping

BEST_S = 5


def best_rps(per_second: Mapping[int, int], whole_seconds: int) -> float | None:
    """The best rate over `BEST_S` consecutive whole seconds; None if the load was shorter."""
    if whole_seconds < BEST_S:
        return None
    starts = range(whole_seconds - BEST_S + 1)
    return max(sum(per_second.get(at + i, 0) for i in range(BEST_S)) for at in starts) / BEST_S


def median(values: Iterable[float | None]) -> float | None:
    """The median of the values there are; None if there are none."""
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None


def share(part: int, whole: int) -> float | None:
    """part ÷ whole; None of nothing."""
    return part / whole if whole else None
