"""The straight line that a ratio follows along a factor, and the levels at which it may be 1.

Pure. A synchronous worker serves 1 ÷ (s0 + n · delay), so the ratio of anything steady to it is a
straight line in the delay.
"""

from __future__ import annotations

import functools
import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rig.inference.student import t_quantile, t_tail

MISFIT = 0.12
"""A scatter about the line above this is the line's fault, unless repeated ratios scatter so."""

MISFIT_OF_REPEATS = 1.5
"""… which is so where it is below this multiple of their scatter about their own mean."""

CONFIDENCE = 0.97
"""What is computed where pairs stand near where earlier ones looked equal, so that 95 % hold the
truth."""

_FEWEST = 3
_ROUNDS = 20
_GRID = 2000
_LEAST = 1e-3


@dataclass(frozen=True)
class Point:
    """One pair of trials in one block: numerator ÷ denominator, as a log, at one level."""

    at: float
    log_ratio: float


@dataclass(frozen=True)
class Line:
    """ratio = start + slope · level, fitted to `points`; relative errors of equal size."""

    start: float
    slope: float
    points: tuple[Point, ...]
    scatter: float
    """Standard deviation of a log ratio about the line."""
    covariance: tuple[float, float, float]
    """Of start and slope per unit of scatter²: start, both, slope."""

    @property
    def df(self) -> int:
        """Degrees of freedom."""
        return len(self.points) - 2

    @property
    def slope_p(self) -> float:
        """Two-sided p of no slope at all; 1 where nothing is left to tell it by."""
        se = self.scatter * math.sqrt(self.covariance[2])
        if self.df < 1 or (se == 0 and self.slope == 0):
            return 1.0
        return t_tail(self.slope / se, self.df) if se else 0.0

    def root(self, low: float, high: float) -> float:
        if self.slope == 0:
            return low
        return min(high, max(low, (1 - self.start) / self.slope))

    @property
    def misfit(self) -> bool:
        """Whether its points scatter more than repeats of one level explain."""
        return self.scatter > max(MISFIT, MISFIT_OF_REPEATS * scatter_of_repeats(self.points))

    def first_held(self, levels: Iterable[float], quantile: float) -> float | None:
        """The first of these levels at which 1 is within so many standard errors of the line."""
        start, slope, scatter = self.start, self.slope, self.scatter
        of_start, of_both, of_slope = self.covariance
        for at in levels:  # thousands, so that nothing is looked up twice
            ratio = max(_LEAST, start + slope * at)
            variance = of_start + 2 * at * of_both + at * at * of_slope
            log_se = scatter * math.sqrt(max(0.0, variance)) / ratio
            if abs(math.log(ratio)) <= quantile * log_se:
                return at
        return None


def rising(points: Sequence[Point]) -> tuple[tuple[Point, ...], int]:
    """The points of the ratio or, where that falls, of its inverse; and 1, or -1 for the inverse.

    What grows with a delay is what a slow side pays for it, so that is the straight line.
    """
    by_level = sorted(points, key=lambda point: point.at)
    if by_level[-1].log_ratio >= by_level[0].log_ratio:
        return tuple(points), 1
    return tuple(Point(point.at, -point.log_ratio) for point in points), -1


def mean_at(points: Sequence[Point], at: float) -> float:
    return statistics.fmean(point.log_ratio for point in points if point.at == at)


def interval(line: Line, between: tuple[float, float]) -> tuple[float | None, float | None]:
    """The first and the last level at which the line's interval holds 1."""
    df = line.df
    if df < 1:
        return None, None
    quantile, levels = t_quantile(CONFIDENCE, df), _grid(*between)
    return line.first_held(levels, quantile), line.first_held(reversed(levels), quantile)


@functools.cache
def _grid(low: float, high: float) -> tuple[float, ...]:
    """Finer towards the low end, where a fifth of a millisecond matters."""
    return (*(low + (high - low) * (step / _GRID) ** 2 for step in range(_GRID)), high)


def fit(points: Sequence[Point], between: tuple[float, float]) -> Line:
    """The line through all points, or through those nearest the crossover that do fit one."""
    kept = tuple(points)
    while True:
        line = weighted_line(kept)
        fewer = _without_farthest(kept, line.root(*between))
        if not line.misfit or len(kept) <= _FEWEST or fewer is None:
            return line
        kept = fewer


def scatter_of_repeats(points: Sequence[Point]) -> float:
    """Standard deviation of log ratios about the mean of their level; 0 where none is repeated."""
    levels = {point.at for point in points}
    df = len(points) - len(levels)
    left = (point.log_ratio - mean_at(points, point.at) for point in points)
    return math.sqrt(math.fsum(one**2 for one in left) / df) if df else 0.0


def scatter_about_monotone(points: Sequence[Point]) -> float:
    """Standard deviation of log ratios about the nearest curve that only rises, straight or not.

    Isotonic regression by pooling adjacent violators (Barlow et al. 1972, Statistical Inference
    under Order Restrictions); each of its levels takes a degree of freedom. 0 where none is left.
    """
    ordered = sorted(rising(points)[0], key=lambda point: point.at)
    pools: list[list[float]] = []
    for _, of_level in itertools.groupby(ordered, key=lambda point: point.at):
        pool = [point.log_ratio for point in of_level]
        while pools and statistics.fmean(pools[-1]) >= statistics.fmean(pool):
            pool = pools.pop() + pool
        pools.append(pool)
    left = math.fsum((one - statistics.fmean(pool)) ** 2 for pool in pools for one in pool)
    df = len(points) - len(pools)
    return math.sqrt(left / df) if df else 0.0


def _without_farthest(points: tuple[Point, ...], root: float) -> tuple[Point, ...] | None:
    """All but the farthest point without which both signs and two levels are left; or None."""
    order = sorted(points, key=lambda point: -abs(math.log((point.at + 0.5) / (root + 0.5))))
    for point in order:
        rest = list(points)
        rest.remove(point)
        signs = {one.log_ratio > 0 for one in rest}
        if len(signs) == 2 and len({one.at for one in rest}) > 1:
            return tuple(rest)
    return None


def weighted_line(points: tuple[Point, ...]) -> Line:
    """Least squares with relative errors, weights renewed from the fit until they settle."""
    ratios = [math.exp(point.log_ratio) for point in points]
    fitted = list(ratios)
    start, slope, covariance = 1.0, 0.0, (0.0, 0.0, 0.0)
    for _ in range(_ROUNDS):
        weights = [1 / value**2 for value in fitted]
        total = math.fsum(weights)
        mean_at = math.fsum(w * p.at for w, p in zip(weights, points, strict=True)) / total
        mean = math.fsum(w * r for w, r in zip(weights, ratios, strict=True)) / total
        spread = math.fsum(w * (p.at - mean_at) ** 2 for w, p in zip(weights, points, strict=True))
        slope = math.fsum(
            w * (p.at - mean_at) * (r - mean)
            for w, p, r in zip(weights, points, ratios, strict=True)
        )
        slope = slope / spread
        start = mean - slope * mean_at
        covariance = (1 / total + mean_at**2 / spread, -mean_at / spread, 1 / spread)
        # a line that dips below zero somewhere must not weigh that point without bounds
        lines = [start + slope * point.at for point in points]
        fitted = [max(line, ratio / 50) for line, ratio in zip(lines, ratios, strict=True)]
    left = [p.log_ratio - math.log(value) for p, value in zip(points, fitted, strict=True)]
    scatter = math.sqrt(math.fsum(one**2 for one in left) / max(1, len(points) - 2))
    return Line(start, slope, points, scatter, covariance)
