"""The arithmetic: the best seconds, percentiles a sample can carry, medians.

Pure numbers in, numbers out. May not know files, cells or verdicts.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping

from hdrh.histogram import HdrHistogram

BEYOND = 5
"""So many answers must lie beyond a percentile for it to be more than one user's luck."""

BEST_S = 5


def best_rps(per_second: Mapping[int, int], whole_seconds: int) -> float | None:
    """The best rate over `BEST_S` consecutive whole seconds; None if the load was shorter."""
    if whole_seconds < BEST_S:
        return None
    starts = range(whole_seconds - BEST_S + 1)
    return max(sum(per_second.get(at + i, 0) for i in range(BEST_S)) for at in starts) / BEST_S


def percentile_ms(histogram: HdrHistogram, percent: int) -> float | None:
    """A percentile of a histogram in µs, in ms; None with fewer than `BEYOND` answers beyond it."""
    count = histogram.get_total_count()
    at_or_below = -(-count * percent // 100)
    if count - at_or_below < BEYOND:
        return None
    return float(histogram.get_value_at_percentile(percent)) / 1000


def median(values: Iterable[float | None]) -> float | None:
    """The median of the values there are; None if there are none."""
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None


def share(part: int, whole: int) -> float | None:
    """part ÷ whole; None of nothing."""
    return part / whole if whole else None
