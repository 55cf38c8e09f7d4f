"""Where one level overtakes another along a factor: which point to measure next, and the answer.

Pure. A design asks `next_level` between blocks, a report `crossovers` at the end, of the same fit.
May not know plans, records or files.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rig.inference.ratio_line import (
    Line,
    Point,
    fit,
    interval,
    mean_at,
    rising,
    scatter_about_monotone,
    scatter_of_repeats,
    weighted_line,
)
from rig.inference.ratios import CONFIDENCE, Observation
from rig.inference.student import t_quantile
from rig.model import Level

MOST_PAIRS = 6
"""So many pairs of trials, twelve trials, are spent on one crossover."""

SPREAD = (1.0, 0.8, 1.25, 1.0)
"""Where inner points are measured, as multiples of the crossover as known by then."""

FAR = 1.5
"""All ratios on one side, and this far from 1: there is nothing left to search."""

CLEAR = 1.25
"""A ratio this far from 1 is on its side, where no line tells how much ratios scatter …"""

BEYOND = 2.5
"""… and so many standard deviations, where ratios scatter about any curve that only rises."""

NARROW, NARROW_PART = 2.0, 0.05
"""A bracket is narrow enough to name a level in it where its ends are within this factor, or within
this part of the range."""

UNEQUAL_P = 0.01
"""A line whose slope has a larger p has none: nothing overtakes anything. Less than 5 %, as its
pairs stand where earlier ones were nearest to 1."""

_LEVELS = 400
"""Levels between the ends are multiples of this part of the range: finer ones nobody can set."""

Say = Callable[[float], str]


class Outcome(enum.StrEnum):
    """What a search has come to."""

    FOUND = "found"
    BRACKET = "between two levels"
    """One overtakes the other, but the ratio follows no line there: no level is named."""
    NONE = "none in range"
    """One is ahead at every level measured, the middle included."""
    SEVERAL = "more than one"
    """One is ahead at both ends, the other in between."""
    OPEN = "cannot be told"
    """Equal, as far as the pairs can tell."""
    NOT_MEASURED = "not measured"
    """Not at two levels."""


@dataclass(frozen=True)
class Crossover:
    """Where numerator ÷ denominator passes 1, for one combination of the other levels.

    `at`, `low`, `high`: in the unit of the searched factor; `at` is None but where the outcome is
    found. `low` to `high`: of a level found or bracketed, all levels at which the two may be equal,
    at 95 %, and at least a measured level on each side; else those at which the line's interval
    holds 1, None where there are none, or too few points to tell. Ends equal to those of the range
    mean that it may lie beyond.
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
    outcome: Outcome = Outcome.FOUND

    @property
    def conclusion(self) -> str:
        """The finding with its caveat."""
        return "; ".join(filter(None, [self.finding, self.caveat]))


def next_level(points: Sequence[Point], between: tuple[float, float]) -> float | None:
    """The level to measure a pair at next; None when the search is over.

    First both ends. Then, where the ratio passes 1 between them, near where it does; where it
    does not, see `_one_sided`. `MOST_PAIRS` in all.
    """
    measured = {point.at for point in points}
    for end in between:
        if end not in measured:
            return end
    if len(points) >= MOST_PAIRS:
        return None
    around = _bracket(_means(points))
    return _one_sided(points, between) if around is None else _inside(points, between, around)


def _one_sided(points: Sequence[Point], between: tuple[float, float]) -> float | None:
    """Where both ends are on one side: the level nearest to passing, again, until it is `FAR`; the
    middle, once, before that is called none."""
    means = _means(points)
    nearest = min(means, key=lambda at: abs(means[at]))
    far = abs(means[nearest]) > math.log(FAR)
    if len(means) == 2 and (far or len(points) == MOST_PAIRS - 1):
        return _settable((between[0] + between[1]) / 2, between)
    return None if far else nearest


def _inside(
    points: Sequence[Point], between: tuple[float, float], around: tuple[float, float]
) -> float:
    """About where a line passes 1; the middle of a wide bracket where no line has found it."""
    inner = sum(point.at not in between for point in points)
    upward, _ = rising(points)
    if inner > 1 and not _narrow(around, between) and weighted_line(upward).misfit:
        return _settable((around[0] + around[1]) / 2, between)
    root = fit(upward, between).root(*between)
    return _settable(root * SPREAD[inner % len(SPREAD)], between)


def _settable(aimed: float, between: tuple[float, float]) -> float:
    low, high = between
    step = (high - low) / _LEVELS
    return min(high, max(low, round(low + round((aimed - low) / step) * step, 6)))


def _means(points: Sequence[Point]) -> dict[float, float]:
    """The mean log ratio at each level, in the order of levels."""
    return {at: mean_at(points, at) for at in sorted({point.at for point in points})}


def _bracket(means: Mapping[float, float]) -> tuple[float, float] | None:
    """The last level up to which all are on the first one's side of 1, and the first one from
    which on all are on the last one's. None where first and last are on one side."""
    levels = list(means)
    start = means[levels[0]] > 0
    if start == (means[levels[-1]] > 0):
        return None
    below = list(itertools.takewhile(lambda at: (means[at] > 0) == start, levels))
    above = list(itertools.takewhile(lambda at: (means[at] > 0) != start, reversed(levels)))
    return below[-1], above[-1]


def _narrow(around: tuple[float, float], between: tuple[float, float]) -> bool:
    first, last = around
    near = last - first <= NARROW_PART * (between[1] - between[0])
    return near or (first > 0 and last / first <= NARROW)


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

    What bends the straight line (users or connections running out) bends it far from the
    crossover, so that points that do not fit are dropped from the far side first. The interval is
    Fieller's (1954, J. Royal Statist. Soc. B 16), every level at which the line's own interval
    holds 1, widened until it has a measured level on each side.
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
    found = Crossover(dict(levels or {}), None, None, None, "", tuple(points))
    means = _means(points)
    if len(means) < 2:
        finding = "not measured at two levels"
        return replace(found, finding=finding, outcome=Outcome.NOT_MEASURED)
    around = _bracket(means)
    if around is None:
        return _on_one_side(found, means, between, names, say)
    return _passing(found, means, around, between, names, say)


def _on_one_side(
    found: Crossover,
    means: Mapping[float, float],
    between: tuple[float, float],
    names: tuple[str, str],
    say: Say,
) -> Crossover:
    """Where first and last level are on one side of 1."""
    ahead, behind = names if next(iter(means.values())) > 0 else names[::-1]
    first, last = interval(weighted_line(rising(found.points)[0]), between)
    found = replace(found, low=first, high=last)
    ends = f"{ahead} is ahead at {say(min(means))} and {say(max(means))}"
    over = [at for at in means if (means[at] > 0) != (means[min(means)] > 0)]
    if any(_clear(found.points, at) for at in over):
        finding = f"{ends}, but {behind} is in between: {_listed(over, say)}"
        return replace(found, finding=finding, outcome=Outcome.SEVERAL)
    if over:
        finding = f"{ends}, but both may be equal at {_listed(over, say)}"
        return replace(found, finding=finding, outcome=Outcome.OPEN)
    if (first, last) == between:
        finding = "the two cannot be told apart in the range"
        return replace(found, finding=finding, outcome=Outcome.OPEN)
    if len(means) == 2:
        finding = f"{ends}; nothing was measured in between"
        return replace(found, finding=finding, outcome=Outcome.OPEN)
    where = f"{ahead} is ahead at {_listed(list(means), say)}"
    if first is not None and min(map(abs, means.values())) < math.log(CLEAR):
        finding = f"{where}, though both may be equal {_where(first, last, between)}"
        return replace(found, finding=finding, outcome=Outcome.OPEN)
    return replace(found, finding=f"none in range: {where}", outcome=Outcome.NONE)


def _listed(levels: Sequence[float], say: Say) -> str:
    said = [say(at) for at in levels]
    return " and ".join(filter(None, [", ".join(said[:-1]), said[-1]]))


def _clear(points: Sequence[Point], at: float) -> bool:
    """Whether a level's ratio is on its side of 1: by its repeats, or, measured once, by `FAR`."""
    logs = [point.log_ratio for point in points if point.at == at]
    df = len(points) - len({point.at for point in points})
    away = abs(sum(logs)) / len(logs)
    if len(logs) < 2:
        return away > math.log(FAR)
    return away > t_quantile(CONFIDENCE, df) * scatter_of_repeats(points) / math.sqrt(len(logs))


def _passing(
    found: Crossover,
    means: Mapping[float, float],
    around: tuple[float, float],
    between: tuple[float, float],
    names: tuple[str, str],
    say: Say,
) -> Crossover:
    """Where first and last level are on different sides of 1."""
    upward, _ = rising(found.points)
    whole, line = weighted_line(upward), fit(upward, between)
    first, last = interval(line, between)
    if not _overtakes(whole, line, means, around, between):
        finding = "the two cannot be told apart in the range"
        return replace(found, low=between[0], high=between[1], finding=finding,
                       outcome=Outcome.OPEN)  # fmt: skip
    throughout = (first, last) == between
    low, high = (
        _surely(found.points, means, around, between) if throughout or whole.misfit else around
    )
    if first is not None and last is not None and not throughout:
        low, high = min(low, first), max(high, last)
    leads, yields = names if means[max(means)] > 0 else names[::-1]
    at, step = line.root(*between), (between[1] - between[0]) / _LEVELS
    fits = line.df > 0 and (not whole.misfit or _narrow(around, between))
    if not fits or not low - step <= at <= high + step or (low, high) == between:
        finding = f"{leads} overtakes {yields} somewhere between {say(low)} and {say(high)}"
        return replace(found, low=low, high=high, finding=finding, outcome=Outcome.BRACKET)
    caveat = "over the whole range the ratio follows no line" if whole.misfit else ""
    at = min(high, max(low, at))
    return replace(found, at=at, low=low, high=high, finding=f"{leads} overtakes {yields}",
                   caveat=caveat)  # fmt: skip


def _overtakes(
    whole: Line,
    line: Line,
    means: Mapping[float, float],
    around: tuple[float, float],
    between: tuple[float, float],
) -> bool:
    """Whether the ratio really passes 1: by the slope of a line that fits all pairs, unless both
    may be equal throughout; else by a level on each side that is clear of 1, as of a step or of
    two pairs only."""
    if not whole.misfit and interval(line, between) != between and line.slope_p < UNEQUAL_P:
        return True
    before = max(abs(mean) for at, mean in means.items() if at <= around[0])
    after = max(abs(mean) for at, mean in means.items() if at >= around[1])
    return min(before, after) > _clear_from(whole.points)


def _clear_from(points: Sequence[Point]) -> float:
    """The log ratio from which on a level surely is on its side, where no line tells."""
    return max(math.log(CLEAR), BEYOND * scatter_about_monotone(points))


def _surely(
    points: Sequence[Point],
    means: Mapping[float, float],
    around: tuple[float, float],
    between: tuple[float, float],
) -> tuple[float, float]:
    """The bracket, widened to levels that are clear of 1, or to the ends of the range."""
    least = _clear_from(points)
    clear = [at for at, mean in means.items() if abs(mean) > least]
    return (
        max((at for at in clear if at <= around[0]), default=between[0]),
        min((at for at in clear if at >= around[1]), default=between[1]),
    )


def _where(first: float, last: float | None, between: tuple[float, float]) -> str:
    """Where the line's interval holds 1, in words."""
    last = between[1] if last is None else last
    if first == between[0]:
        return f"up to {last:.3g}"
    return f"from {first:.3g} " + ("on" if last == between[1] else f"to {last:.3g}")
