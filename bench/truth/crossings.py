"""Searches for crossovers, against curves whose crossings are known."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.truth.conditions import Condition, Figure, Part, Promise, at_most, between
from rig.inference.crossover import Crossover, Outcome, crossover, next_level
from rig.inference.ratio_line import Point


@dataclass(frozen=True)
class Curve:
    """The log ratio along a factor from 0 to 20, and where it passes 1: once, or not at all.

    `truths`: outcomes that say nothing false where it does not pass once.
    """

    log_ratio: Callable[[float], float]
    passes_at: float | None = None
    truths: tuple[Outcome, ...] = ()

    def is_false(self, found: Crossover) -> bool:
        """Whether an answer says what is not so."""
        if self.passes_at is None:
            return found.outcome not in self.truths
        if found.outcome in (Outcome.FOUND, Outcome.BRACKET):
            assert found.low is not None
            assert found.high is not None
            return not found.low <= self.passes_at <= found.high
        if found.outcome is Outcome.NONE and found.low is not None and found.high is not None:
            return not found.low <= self.passes_at <= found.high
        return found.outcome in (Outcome.NONE, Outcome.SEVERAL)


BETWEEN = (0.0, 20.0)


def line(chance: random.Random) -> Curve:
    """A synchronous worker against something steady."""
    s0_ms, n, at = chance.uniform(1, 10), chance.choice([1, 2, 7, 8]), chance.uniform(0.3, 18)
    return Curve(lambda ms: math.log((s0_ms + n * ms) / (s0_ms + n * at)), at)


def step(chance: random.Random) -> Curve:
    """A threshold: up to it one is ahead by some factor, beyond it the other."""
    at, jump = chance.uniform(0.5, 19.5), math.log(chance.uniform(1.2, 2))
    return Curve(lambda ms: jump if ms > at else -jump, at)


def falling(chance: random.Random) -> Curve:
    """The inverse of a bent line: it grows up to some delay, and not from there on."""
    s0_ms, n, at = chance.uniform(1, 10), chance.choice([1, 2, 7, 8]), chance.uniform(1, 10)
    bend = at * chance.uniform(1.2, 2)
    return Curve(lambda ms: -math.log((s0_ms + n * min(ms, bend)) / (s0_ms + n * at)), at)


def equal(_chance: random.Random) -> Curve:
    """The same curve twice."""
    return Curve(lambda _: 0.0, None, (Outcome.OPEN,))


def hump(chance: random.Random) -> Curve:
    """One is ahead at both ends, the other about the middle."""
    sign = chance.choice([-1, 1])
    low, high = math.log(chance.uniform(1.3, 2)), math.log(chance.uniform(1.3, 2))
    wide = chance.uniform(6, 12)

    def log_ratio(ms: float) -> float:
        return sign * (high if abs(ms - 10) < wide / 2 else -low)

    return Curve(log_ratio, None, (Outcome.SEVERAL, Outcome.OPEN))


def ahead(chance: random.Random) -> Curve:
    """One is ahead throughout, by 1.3 to 3."""
    by, slope = chance.uniform(1.3, 3), chance.uniform(0, 0.5)
    return Curve(lambda ms: math.log(by + slope * ms), None, (Outcome.NONE, Outcome.OPEN))


CURVES: Mapping[str, Callable[[random.Random], Curve]] = {
    "straight lines": line,
    "bent lines": falling,
    "steps": step,
    "equal curves": equal,
    "humps": hump,
    "one ahead throughout": ahead,
}


@dataclass(frozen=True)
class Rivals:
    """A sync worker of 1 ÷ (s0 + n · delay), and an async one that its CPU and users limit."""

    s0_ms: float
    n: float
    cpu_ms: float
    client_n: float
    users: int

    def log_ratio(self, delay_ms: float) -> float:
        """async ÷ sync."""
        sync = self.s0_ms + self.n * delay_ms
        waiting = (self.cpu_ms + self.client_n * delay_ms) / self.users
        return math.log(sync / max(self.cpu_ms, waiting))

    def crossover_ms(self, high_ms: float) -> float:
        """Where they are equal, by bisection."""
        low_ms = 0.0
        for _ in range(60):
            middle_ms = (low_ms + high_ms) / 2
            if self.log_ratio(middle_ms) < 0:
                low_ms = middle_ms
            else:
                high_ms = middle_ms
        return low_ms


def rivals(chance: random.Random, users: int) -> Rivals:
    """A pair whose crossover lies between 0.3 and 18 ms."""
    s0_ms, n = chance.uniform(1, 10), chance.choice([1, 2, 7, 8])
    cpu_ms = s0_ms + n * chance.uniform(0.3, 18)
    return Rivals(s0_ms, n, cpu_ms, chance.choice([1, 2, 8]), users)


def searched(
    log_ratio: Callable[[float], float], chance: random.Random, cv: float
) -> tuple[Point, ...]:
    """The points of one search; a pair of trials scatters by √2 of one."""
    points: tuple[Point, ...] = ()
    while (at := next_level(points, BETWEEN)) is not None:
        points += (Point(at, log_ratio(at) + chance.gauss(0, cv * math.sqrt(2))),)
    return points


@dataclass(frozen=True)
class Said:
    """What a search came to."""

    false: bool
    outcome: str


def said(kind: str, cv: float, seed: int) -> Said:
    """By one search along a curve of a kind."""
    chance = random.Random(seed)
    curve = CURVES[kind](chance)
    found = crossover(searched(curve.log_ratio, chance, cv), BETWEEN)
    return Said(curve.is_false(found), found.outcome.value)


def falsely(found: Sequence[Said]) -> Figure:
    """The share of searches that say something false; and what they say."""
    false = statistics.fmean(one.false for one in found)
    words = Counter(one.outcome for one in found).most_common()
    shares = ", ".join(f"{word} {count / len(found):.0%}" for word, count in words)
    return Figure(false, f"{false:.1%}  {shares}")


@dataclass(frozen=True)
class Near:
    """How a search went for a crossover that is there."""

    near: bool
    """Within the larger of 10 % and 0.5 ms of the truth."""
    held: bool | None
    """Whether its interval holds the truth; None without one."""
    trials: int


def near(cv: float, users: int, seed: int) -> Near:
    """One search."""
    chance = random.Random(seed)
    them = rivals(chance, users)
    true_ms = them.crossover_ms(BETWEEN[1])
    points = searched(them.log_ratio, chance, cv)
    found = crossover(points, BETWEEN)
    error_ms = math.inf if found.at is None else abs(found.at - true_ms)
    held = None
    if found.low is not None and found.high is not None:
        held = found.low <= true_ms <= found.high
    return Near(error_ms <= max(0.1 * true_ms, 0.5), held, 2 * len(points))


def held(found: Sequence[Near]) -> Figure:
    """The share of the intervals that hold the truth; of searches that are near; their trials."""
    holds = statistics.fmean(one.held for one in found if one.held is not None)
    is_near = statistics.fmean(one.near for one in found)
    trials = statistics.fmean(one.trials for one in found)
    return Figure(holds, f"{holds:.1%}  near {is_near:.1%}  {trials:.1f} trials")


NEAREST = ("straight lines", "bent lines", "equal curves")
"""Whose shares are near what is promised, and take more searches to be told from it."""


def _curves() -> Iterator[Condition[Any]]:
    for kind in CURVES:
        for cv in (0.03, 0.05, 0.1):
            once = partial(said, kind, cv)
            times = 1000 if cv == 0.1 and kind in NEAREST else 250
            yield Condition(f"{kind}, {cv:.0%} CV", once, falsely, times, at_most(0.05))


WIDE = Promise("wider than need be: up to a measured level on each side", 0.93)


def _rivals() -> Iterator[Condition[Any]]:
    for users in (150, 10):
        for cv in (0.02, 0.03, 0.05):
            once = partial(near, cv, users)
            name, hold = f"{cv:.0%} CV, {users} users", between(0.93, 0.97)
            yield Condition(name, once, held, 1000, hold, WIDE)


PARTS: Sequence[Part] = (
    Part("searches between 0 and 20 ms", "say something false; what they say", tuple(_curves())),
    Part("intervals of crossovers", "hold the truth; searches; trials", tuple(_rivals())),
)
