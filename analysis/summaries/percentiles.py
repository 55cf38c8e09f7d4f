"""The arithmetic: the best seconds, percentiles a sample can carry, medians.

Pure numbers in, numbers out. May not know files, cells or verdicts.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

from hdrh.histogram import HdrHistogram

from rig.disk.histograms import percentile_us

BEYOND = 5
"""So many answers must lie beyond a percentile for it to be more than one user's luck."""

BEST_S = 5

NEVER_S = 3600.0
"""The end of the recorder's range: no answer takes that long."""


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
    return percentile_us(histogram, percent) / 1000


def bounds_ms(
    answered: HdrHistogram, overdue_s: Sequence[float], percent: int, dropped_share: float = 0.0
) -> tuple[float | None, float | None]:
    """A percentile's lower and upper bound in ms, from answers in µs and the ages of overdue ones.

    Lower: each overdue request is answered now, at its age. Upper: it is never answered; None
    where that leaves the percentile without a bound. (None, None) where the sample cannot carry
    the percentile, or where it lies among the arrivals that were dropped.
    """
    if percent > 100 * (1 - dropped_share):
        return None, None
    lower = percentile_ms(_with(answered, overdue_s), percent)
    if not overdue_s or lower is None:
        return lower, lower
    upper = percentile_ms(_with(answered, [NEVER_S] * len(overdue_s)), percent)
    return lower, upper if upper is not None and upper < 1000 * NEVER_S else None


def _with(answered: HdrHistogram, ages_s: Sequence[float]) -> HdrHistogram:
    merged = HdrHistogram(
        answered.lowest_trackable_value,
        answered.highest_trackable_value,
        answered.significant_figures,
    )
    merged.add(answered)
    for age_s in ages_s:
        merged.record_value(max(1, round(age_s * 1e6)))
    return merged


def median(values: Iterable[float | None]) -> float | None:
    """The median of the values there are; None if there are none."""
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None


def share(part: int, whole: int) -> float | None:
    """part ÷ whole; None of nothing."""
    return part / whole if whole else None
