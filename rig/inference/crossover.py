"""Where one level overtakes another along a factor: which point to measure next, and the answer.

Pure. A design asks `next_level` between blocks, a report `crossovers`
at the end, of the same fit. May not know plans, records or files.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rig.inference.ratios import CONFIDENCE, Observation
from rig.inference.student import t_quantile
from rig.model import Level

MOST_PAIRS = 6
"""So many pairs of trials, twelve trials, are spent on one crossover."""

SPREAD = (1.0, 0.8, 1.25, 1.0)
"""Where inner points are measured, as multiples of the crossover as known by then."""

MISFIT = 0.12
"""A scatter about the line above this is the line's fault, unless repeated ratios scatter so."""

MISFIT_OF_REPEATS = 1.5
"""… which is so where it is below this multiple of their scatter about their own mean."""

FAR = 1.5
"""Ratios on one side at both ends, and this far from 1: there is nothing left to search."""

_LEVELS = 400
"""Levels between the ends are multiples of this part of the range: finer ones nobody can set."""

_FEWEST = 3
_ROUNDS = 20
_GRID = 2000
_LEAST = 1e-3

Say = Callable[[float], str]


@dataclass(frozen=True)
class Point:
    """One pair of trials in one block: numerator ÷ denominator, as a log, at one level."""

    at: float
    log_ratio: float


@dataclass(frozen=True)
class Crossover:
    """Where numerator ÷ denominator passes 1, for one combination of the other levels.

    `at`, `low`, `high`: in the unit of the searched factor; `at` is None where it is not
    within the range, for the reason in `finding`. `low` to `high` at 95 %: all levels at which the
    two may be equal; None where there are none, or too few points to tell. Ends equal to
    those of the range mean that it may lie beyond.
    """

    levels: Mapping[str, Level]
    """Without the factor compared and the factor searched."""
    at: float | None
    low: float | None
    high: float | None
    finding: str
    """Which of the two overtakes the other; or why there is no such level."""
    points: tuple[Point, ...] = ()
    caveat: str = ""
    """Why the interval is not to be relied on; or empty."""

    @property
    def conclusion(self) -> str:
        """The finding with its caveat."""
        return "; ".join(filter(None, [self.finding, self.caveat]))


@dataclass(frozen=True)
class _Line:
    """ratio = start + slope · level, fitted to `points`; relative errors of equal size."""

    start: float
    slope: float
    points: tuple[Point, ...]
    scatter: float
    """Standard deviation of a log ratio about the line."""
    covariance: tuple[float, float, float]
    """Of start and slope per unit of scatter²: start, both, slope."""

    def ratio(self, at: float) -> float:
        return max(_LEAST, self.start + self.slope * at)

    def root(self, low: float, high: float) -> float:
        if self.slope == 0:
            return low
        return min(high, max(low, (1 - self.start) / self.slope))

    @property
    def misfit(self) -> bool:
        """Whether its points scatter more than repeats of one level explain."""
        return self.scatter > max(MISFIT, MISFIT_OF_REPEATS * _scatter_of_repeats(self.points))

    def log_se(self, at: float) -> float:
        both = self.covariance
        variance = both[0] + 2 * at * both[1] + at * at * both[2]
        return self.scatter * math.sqrt(max(0.0, variance)) / self.ratio(at)


def next_level(points: Sequence[Point], between: tuple[float, float]) -> float | None:
    """The level to measure a pair at next; None when the search is over.

    First both ends. Then, where the ratio passes 1 between them, near where it does; where it
    does not, the nearer end again, until it is `FAR` from passing. `MOST_PAIRS` in all.
    """
    low, high = between
    measured = {point.at for point in points}
    for end in between:
        if end not in measured:
            return end
    if len(points) >= MOST_PAIRS:
        return None
    ends = [_mean_at(points, low), _mean_at(points, high)]
    if min(ends) > 0 or max(ends) < 0:
        nearest = min(abs(end) for end in ends)
        if nearest > math.log(FAR):
            return None
        return low if abs(ends[0]) <= abs(ends[1]) else high
    root = _fit(_rising(points)[0], between).root(low, high)
    inner = sum(point.at not in between for point in points)
    aimed = root * SPREAD[inner % len(SPREAD)]
    step = (high - low) / _LEVELS
    return min(high, max(low, round(low + round((aimed - low) / step) * step, 6)))


def _rising(points: Sequence[Point]) -> tuple[tuple[Point, ...], int]:
    """The points of the ratio or, where that falls, of its inverse; and 1, or -1 for the inverse.

    What grows with a delay is what a slow side pays for it, so that is the straight line.
    """
    by_level = sorted(points, key=lambda point: point.at)
    if by_level[-1].log_ratio >= by_level[0].log_ratio:
        return tuple(points), 1
    return tuple(replace(point, log_ratio=-point.log_ratio) for point in points), -1


def _mean_at(points: Sequence[Point], at: float) -> float:
    return statistics.fmean(point.log_ratio for point in points if point.at == at)


def crossovers(
    observations: Iterable[Observation],
    factor: str,
    numerator: Level,
    denominator: Level,
    *,
    along: str,
    between: tuple[float, float],
    say: Say | None = None,
) -> tuple[Crossover, ...]:
    """The crossover of every combination of the levels other than `factor` and `along`.

    `say` puts a level of `along` into words.

    Why a straight line: a synchronous worker serves 1 ÷ (s0 + n · delay), so the ratio of
    anything steady to it is a straight line in the delay; and what bends it (users or
    connections running out) bends it far from the crossover, so that points that do not fit
    are dropped from the far side first. The interval is Fieller's (1954, J. Royal
    Statist. Soc. B 16): every level at which the line's own interval holds 1.
    """
    names = str(numerator), str(denominator)
    in_words = say or f"{along} {{:g}}".format
    return tuple(
        crossover(points, between, levels, names, in_words)
        for levels, points in points_of(observations, factor, numerator, denominator, along)
    )


def points_of(
    observations: Iterable[Observation],
    factor: str,
    numerator: Level,
    denominator: Level,
    along: str,
) -> list[tuple[Mapping[str, Level], tuple[Point, ...]]]:
    """Each other combination of levels and its pairs: usable trials of one block and level."""
    groups: dict[frozenset[tuple[str, Level]], list[Observation]] = {}
    for one in observations:
        rest = {name: at for name, at in one.levels.items() if name not in (factor, along)}
        groups.setdefault(frozenset(rest.items()), []).append(one)
    found: list[tuple[Mapping[str, Level], tuple[Point, ...]]] = []
    for group in groups.values():
        usable = [one for one in group if one.usable]
        under = {
            (one.block, one.levels[along]): one.log
            for one in usable
            if one.levels[factor] == denominator
        }
        points = tuple(
            Point(float(one.levels[along]), one.log - under[one.block, one.levels[along]])
            for one in usable
            if one.levels[factor] == numerator and (one.block, one.levels[along]) in under
        )
        first = group[0].levels
        levels = {name: at for name, at in first.items() if name not in (factor, along)}
        found.append((levels, points))
    return found


def crossover(
    points: Sequence[Point],
    between: tuple[float, float],
    levels: Mapping[str, Level] | None = None,
    names: tuple[str, str] = ("numerator", "denominator"),
    say: Say = "level {:g}".format,
) -> Crossover:
    """The answer from one group's points; `names` of numerator and denominator."""
    low, high = between
    over, under = names
    about, kept = dict(levels or {}), tuple(points)
    if len({point.at for point in points}) < 2:
        return Crossover(about, None, None, None, "not measured at two levels", kept)
    rising, sign = _rising(points)
    line = _fit(rising, between)
    first, last = _interval(line, between)
    at_ends = sign * math.log(line.ratio(low)), sign * math.log(line.ratio(high))
    maybe = _maybe_equal(first, last, between)
    if min(at_ends) > 0:
        finding = f"none in range: {over} is ahead already at {say(low)}{maybe}"
        return Crossover(about, None, first, last, finding, kept)
    if max(at_ends) < 0:
        finding = f"none in range: {under} is still ahead at {say(high)}{maybe}"
        return Crossover(about, None, first, last, finding, kept)
    leads, yields = (over, under) if at_ends[1] > at_ends[0] else (under, over)
    finding = f"{leads} overtakes {yields}"
    caveat = "the ratio does not follow a line there, so mind the interval" if line.misfit else ""
    return Crossover(about, line.root(low, high), first, last, finding, kept, caveat)


def _maybe_equal(first: float | None, last: float | None, between: tuple[float, float]) -> str:
    """Where the line's interval holds 1, in words; nothing where it does not."""
    if first is None or last is None:
        return ""
    at_low, at_high = first == between[0], last == between[1]
    if at_low and at_high:
        where = "throughout"
    elif at_low:
        where = f"up to {last:.3g}"
    elif at_high:
        where = f"from {first:.3g} on"
    else:
        where = f"from {first:.3g} to {last:.3g}"
    return f", though both may be equal {where}"


def _interval(line: _Line, between: tuple[float, float]) -> tuple[float | None, float | None]:
    """The first and the last level at which the line's interval holds 1."""
    df = len(line.points) - 2
    if df < 1:
        return None, None
    quantile, (low, high) = t_quantile(CONFIDENCE, df), between
    # finer towards the low end, where a fifth of a millisecond matters
    levels = [*(low + (high - low) * (step / _GRID) ** 2 for step in range(_GRID)), high]
    held = [at for at in levels if abs(math.log(line.ratio(at))) <= quantile * line.log_se(at)]
    return (held[0], held[-1]) if held else (None, None)


def _fit(points: Sequence[Point], between: tuple[float, float]) -> _Line:
    """The line through all points, or through those nearest the crossover that do fit one."""
    kept = tuple(points)
    while True:
        line = _weighted_line(kept)
        fewer = _without_farthest(kept, line.root(*between))
        if not line.misfit or len(kept) <= _FEWEST or fewer is None:
            return line
        kept = fewer


def _scatter_of_repeats(points: Sequence[Point]) -> float:
    """Standard deviation of log ratios about the mean of their level; 0 where none is repeated."""
    levels = {point.at for point in points}
    df = len(points) - len(levels)
    left = (point.log_ratio - _mean_at(points, point.at) for point in points)
    return math.sqrt(math.fsum(one**2 for one in left) / df) if df else 0.0


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


def _weighted_line(points: tuple[Point, ...]) -> _Line:
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
    return _Line(start, slope, points, scatter, covariance)
