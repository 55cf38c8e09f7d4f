"""The highest rate at which an objective is kept: which rate to try next, and the answer.

Pure. A design asks `next_rate` between blocks, a report `capacity_of` at the end, of the same
posterior. May not know plans, records or files.
"""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rig.inference.threshold import Reading, Threshold, threshold
from rig.model import digits

FEWEST_NEAR = 3
"""Trials about the capacity without which it has no interval."""

MOST_BESIDE = 5
"""So many trials of a cell, beside its repeats, are spent on finding where to repeat."""

NEAR = math.log(1.35)
"""Trials no farther from a capacity are about it. It is looked for nowhere else, once the objective
was kept and missed at rates no farther apart."""

TWICE = 2
"""An end of the range is tried so often before it is the answer."""

CLOSE = math.log(3)
"""What is left of the range is tried at its top, once it is no wider."""

EDGE = 0.15
"""The next rate stays so far inside a wide bracket, as a part of it: no guess is worth less."""

APART = 1.25
"""Kept at a rate so many times one at which it was missed: no scatter of trials makes that."""


@dataclass(frozen=True)
class Tried:
    """One trial of a cell at one rate.

    `excess`: the log of what was measured ÷ its limit, of the limit kept worst; above 0 the
    objective is missed. None: the trial tells nothing of the target.
    """

    rate_per_s: float
    excess: float | None
    goodput_rps: float | None = None
    offered_rps: float | None = None
    """What came, by the chance of its arrivals; where nobody counted, the rate asked for."""
    requests: int | None = None
    """Meant for its window; None where nobody counted."""

    @property
    def came_per_s(self) -> float:
        """The rate that the target saw."""
        return self.offered_rps or self.rate_per_s

    @property
    def kept(self) -> bool:
        """Whether it kept the objective."""
        return self.excess is not None and self.excess <= 0

    @property
    def missed(self) -> bool:
        """Whether it missed the objective."""
        return self.excess is not None and self.excess > 0


@dataclass(frozen=True)
class SearchSpec:
    """A search for a capacity: between which rates it looks, how precisely, how often."""

    between: tuple[float, float]
    within: float
    """Half of the interval's width, as a share: 0.05 is ±5 %."""
    repeats: int = FEWEST_NEAR
    """Trials about the capacity, at least."""
    rate_per_s: float | None = None
    """A rate that is to be carried, and is tried first for that reason."""

    @property
    def most(self) -> int:
        """Trials of a cell at most."""
        return MOST_BESIDE + self.repeats


class Outcome(enum.StrEnum):
    """What a search has come to."""

    FOUND = "found"
    BRACKET = "between two rates"
    """Kept at one, missed at the other; too few trials stand between them."""
    NEVER = "never kept"
    """Not even at the lowest rate."""
    THROUGHOUT = "kept up to the top"
    """At the highest rate of the range, too."""
    UNSENT = "kept as far as could be sent"
    """What was tried beyond tells nothing of the target."""
    NOT_MONOTONE = "not monotone"
    """Kept at a rate well above one at which it was missed."""
    OPEN = "not searched to its end"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Capacity:
    """The answer of one cell; rates per second.

    `low_per_s` to `high_per_s`: at 95 % where it was found, else the last rate up to which all
    trials kept the objective and the first from which on all missed it. None where there is none.
    """

    outcome: Outcome
    tried: tuple[Tried, ...] = ()
    per_s: float | None = None
    low_per_s: float | None = None
    high_per_s: float | None = None
    near: int = 0
    """Trials that the interval rests on."""

    @property
    def rank(self) -> float:
        """By which cells are ordered: what is known to be carried, at its most likely."""
        return self.per_s or self.low_per_s or 0.0

    def carries(self, rate_per_s: float) -> bool | None:
        """Whether it carries a rate; None where that is not decided."""
        if self.outcome is Outcome.NEVER:
            return False
        if self.high_per_s is not None and rate_per_s >= self.high_per_s:
            return None if self.outcome is Outcome.NOT_MONOTONE else False
        return True if self.low_per_s is not None and rate_per_s <= self.low_per_s else None

    @property
    def finding(self) -> str:
        """The outcome in words, with its rates."""
        low, high = (None if at is None else digits(at) for at in (self.low_per_s, self.high_per_s))
        lowest = digits(min((one.rate_per_s for one in self.tried), default=0.0))
        return {
            Outcome.FOUND: f"carries {digits(self.per_s or 0.0)} /s (95 %: {low} to {high})",
            Outcome.BRACKET: f"carries {low} /s and not {high} /s",
            Outcome.NEVER: f"does not carry even {lowest} /s",
            Outcome.THROUGHOUT: f"carries {low} /s, the highest rate asked for",
            Outcome.UNSENT: f"carries {low} /s; beyond that no trial tells of the target",
            Outcome.NOT_MONOTONE: f"carries {low} /s, misses the objective above, "
            f"keeps it again higher up, and misses it from {high} /s on",
            Outcome.OPEN: f"carries {low} /s so far" if low else f"does not carry {high} /s",
            Outcome.NOT_MEASURED: "no trial tells whether it keeps the objective",
        }[self.outcome]


def next_rate(tried: Sequence[Tried], spec: SearchSpec) -> float | None:
    """The rate to try next; None when the search is over.

    First the middle one; then upwards until the objective is missed, or downwards until it is kept;
    then inside the bracket, until that is narrow; then where the posterior has its median, until
    its interval is.
    """
    if len(tried) >= spec.most:
        return None
    kept, missed = _rates(tried)
    if not kept:
        return _downwards(tried, missed, spec)
    if not missed:
        return _upwards(tried, max(kept), spec)
    if pair := _contradiction(tried):
        return next((rate for rate in pair if _times(tried, rate) < TWICE), None)
    if not _narrow(kept, missed):
        below, above = _bracket(kept, missed)
        rate = _settable(_guess(tried, below, above), spec.between)
        while below < rate and _times(tried, rate) >= TWICE:
            # it told nothing: lower it may
            rate = _settable(math.sqrt(below * rate), spec.between)
        return rate
    found = _posterior(tried)
    enough = _near(tried, found.at) >= max(FEWEST_NEAR, spec.repeats)
    if enough and math.expm1(found.reach) <= spec.within:
        return None
    return _settable(math.exp(found.at), spec.between)


def capacity_of(tried: Sequence[Tried], spec: SearchSpec) -> Capacity:
    """The answer from one cell's trials, whether its search has ended or not."""
    every = tuple(sorted(tried, key=lambda one: one.rate_per_s))
    kept, missed = _rates(tried)
    if not kept:
        return Capacity(_unkept(missed, spec), every, high_per_s=min(missed, default=None))
    if not missed:
        return Capacity(_unmissed(tried, max(kept), spec), every, low_per_s=max(kept))
    below, above = _bracket(kept, missed)
    if _contradiction(tried):
        return Capacity(Outcome.NOT_MONOTONE, every, None, below, above)
    if not _narrow(kept, missed):
        return Capacity(Outcome.BRACKET, every, None, below, above)
    found = _posterior(tried)
    near = _near(tried, found.at)
    if near < FEWEST_NEAR:
        return Capacity(Outcome.BRACKET, every, None, below, above, near)
    at, low, high = (math.exp(one) for one in (found.at, found.low, found.high))
    return Capacity(Outcome.FOUND, every, at, low, high, near)


def _rates(tried: Sequence[Tried]) -> tuple[list[float], list[float]]:
    """The rates at which the objective was kept, and those at which it was missed."""
    kept = [one.rate_per_s for one in tried if one.kept]
    return kept, [one.rate_per_s for one in tried if one.missed]


def _downwards(tried: Sequence[Tried], missed: Sequence[float], spec: SearchSpec) -> float | None:
    """Where nothing was kept yet: by what was served in overload, else at the bottom."""
    low, high = spec.between
    if not tried:
        wanted = spec.rate_per_s or 0.0
        return wanted if low <= wanted <= high else _settable(math.sqrt(low * high), spec.between)
    if len(tried) == 1 and missed and missed[0] > low:
        return _settable(_guess(tried, low, missed[0]), spec.between)
    return low if _times(tried, low) < TWICE else None


def _unkept(missed: Sequence[float], spec: SearchSpec) -> Outcome:
    if not missed:
        return Outcome.NOT_MEASURED
    return Outcome.NEVER if min(missed) == spec.between[0] else Outcome.OPEN


def _upwards(tried: Sequence[Tried], highest: float, spec: SearchSpec) -> float | None:
    """Where nothing was missed yet: farther up, to the top or to what tells nothing."""
    high = spec.between[1]
    dumb = min((one.rate_per_s for one in tried if one.rate_per_s > highest), default=None)
    if dumb is not None:
        wide = math.log(dumb / highest) > 2 * math.log1p(spec.within)
        return _settable(math.sqrt(highest * dumb), spec.between) if wide else None
    if highest == high:
        return high if _times(tried, high) < TWICE else None
    if math.log(high / highest) <= CLOSE:
        return high
    return _settable(math.sqrt(highest * high), spec.between)


def _unmissed(tried: Sequence[Tried], highest: float, spec: SearchSpec) -> Outcome:
    if highest == spec.between[1]:
        return Outcome.THROUGHOUT
    beyond = any(one.rate_per_s > highest for one in tried)
    return Outcome.UNSENT if beyond else Outcome.OPEN


def _times(tried: Sequence[Tried], rate_per_s: float) -> int:
    return sum(one.rate_per_s == rate_per_s for one in tried)


def _contradiction(tried: Sequence[Tried]) -> tuple[float, float] | None:
    """A rate at which all trials missed, and one well above it at which all kept the objective."""
    kept, missed = map(set, _rates(tried))
    lowest, highest = min(missed - kept, default=math.inf), max(kept - missed, default=0.0)
    return (lowest, highest) if highest > APART * lowest else None


def _bracket(kept: Sequence[float], missed: Sequence[float]) -> tuple[float, float]:
    """The last rate up to which all were kept, and the first from which on all were missed."""
    below = max((rate for rate in kept if rate < min(missed)), default=min(kept))
    above = min((rate for rate in missed if rate > max(kept)), default=max(missed))
    return min(below, above), max(below, above)


def _narrow(kept: Sequence[float], missed: Sequence[float]) -> bool:
    """Whether the objective was kept and missed at rates that are near each other."""
    return any(abs(math.log(one / other)) <= NEAR for one in kept for other in missed)


def _guess(tried: Sequence[Tried], below: float, above: float) -> float:
    """Inside a wide bracket: what the target served when too much was asked of it, where that
    can be; else its middle on the log scale."""
    first, last = math.log(below), math.log(above)
    served = [one.goodput_rps for one in tried if one.rate_per_s == above and one.goodput_rps]
    guess = math.log(statistics.fmean(served)) if served else first
    if not first < guess < last:
        guess = (first + last) / 2
    edge = EDGE * (last - first)
    return math.exp(min(last - edge, max(first + edge, guess)))


def _near(tried: Sequence[Tried], at: float) -> int:
    """How many trials are about a capacity, of which `at` is the log."""
    told = (one for one in tried if one.excess is not None)
    return sum(abs(math.log(one.came_per_s) - at) <= NEAR for one in told)


def _posterior(tried: Sequence[Tried]) -> Threshold:
    """Of the log of the capacity."""
    readings = [
        Reading(math.log(one.came_per_s), one.excess, one.requests)
        for one in tried
        if one.excess is not None
    ]
    below, above = _bracket(*_rates(tried))
    return threshold(readings, (math.log(below), math.log(above)))


def _settable(aimed: float, between: tuple[float, float]) -> float:
    """Within the range, with four digits: finer differences nobody can tell."""
    return min(between[1], max(between[0], float(f"{aimed:.4g}")))
