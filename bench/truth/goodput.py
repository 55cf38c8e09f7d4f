"""Goodput and its within-trial intervals against ground truth: windows of simulated answers.

Each server answers at a rate that is known. What is read of a window is what the recorder
keeps of it: for each second how many answers, and when the first and the last came.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from analysis.inference import within
from bench.truth.conditions import Condition, Figure, Part, Promise, at_most, between
from rig.inference import CONFIDENCE, t_quantile
from rig.inference.goodput import Group, goodput_of

BEGIN_S = 3.0
"""When the window begins: after a ramp."""

SETTLED = 20
"""So many gaps before it a server has begun: the window finds it in the middle of things."""

Server = Callable[[random.Random, float], list[float]]
"""Draws the times of all correct answers until a time, ascending, in s."""


def regular(rate_rps: float, cv: float = 0.0) -> Server:
    """Gaps that differ by a CV, each by itself (gamma): 0 is a clock, 1 a Poisson process."""
    mean_s = 1 / rate_rps

    def gap_s(chance: random.Random) -> float:
        return chance.gammavariate(1 / cv**2, mean_s * cv**2) if cv else mean_s

    def times(chance: random.Random, until_s: float) -> list[float]:
        at_s = -(SETTLED + chance.random()) * mean_s
        found = []
        while (at_s := at_s + gap_s(chance)) < until_s:
            found.append(at_s)
        return found

    return times


def clumps(size: int, period_s: float, wide_s: float, cv: float = 0.0) -> Server:
    """`size` threads in step: they answer together, within `wide_s`, once in a period."""
    beats = regular(1 / period_s, cv)

    def times(chance: random.Random, until_s: float) -> list[float]:
        spread = sorted(chance.random() * wide_s for _ in range(size))
        found = (beat + off_s for beat in beats(chance, until_s) for off_s in spread)
        return sorted(at_s for at_s in found if at_s < until_s)

    return times


def wandering(rate_rps: float, cv: float, likeness: float, second_s: float = 1.0) -> Server:
    """A rate that differs from second to second, each like the one before (AR(1))."""

    def times(chance: random.Random, until_s: float) -> list[float]:
        found: list[float] = []
        away, at_s, owed = chance.gauss(0, 1), -second_s, chance.random()
        while at_s < until_s:
            now_rps = max(0.0, rate_rps * (1 + cv * away))
            count = int(owed + now_rps * second_s)
            found += [at_s + (n + 1 - owed) / now_rps for n in range(count)]
            owed += now_rps * second_s - count
            away = likeness * away + math.sqrt(1 - likeness**2) * chance.gauss(0, 1)
            at_s += second_s
        return sorted(one for one in found if one < until_s)

    return times


def counted(times_s: Sequence[float], end_s: float) -> list[Group]:
    """What the recorder keeps of a window: to the second, times to the microsecond."""
    inside = (at_s for at_s in times_s if BEGIN_S <= at_s < end_s)
    seconds = (list(found) for _, found in itertools.groupby(inside, key=int))
    return [Group(len(one), round(one[0], 6), round(one[-1], 6)) for one in seconds]


Outage = Callable[[Sequence[float], float, float], list[float]]
"""What is left of answers where nothing came between two times."""


def lost(times_s: Sequence[float], from_s: float, to_s: float) -> list[float]:
    """Answers in an outage are lost."""
    return [at_s for at_s in times_s if not from_s <= at_s < to_s]


def late(times_s: Sequence[float], from_s: float, to_s: float) -> list[float]:
    """A server stands still, and goes on where it was."""
    return [at_s if at_s < from_s else at_s + to_s - from_s for at_s in times_s]


def _groups(server: Server, window_s: float, seed: int) -> tuple[list[Group], float]:
    """What is kept of one window, and when it ends."""
    end_s = BEGIN_S + window_s
    return counted(server(random.Random(seed), end_s), end_s), end_s


@dataclass(frozen=True)
class Errors:
    """Of one window, as shares of the true rate."""

    published: float
    by_count: float
    """Of answers ÷ window."""


def errors(server: Server, rate_rps: float, window_s: float, seed: int) -> Errors | None:
    """How far a goodput is from the truth; None where none is published."""
    groups, end_s = _groups(server, window_s, seed)
    rate, _ = goodput_of(groups, BEGIN_S, end_s)
    if rate is None:
        return None
    counted_rps = sum(group.count for group in groups) / window_s
    return Errors(rate / rate_rps - 1, counted_rps / rate_rps - 1)


def scatter(found: Sequence[Errors | None]) -> Figure:
    """The root mean square of the published errors; their mean; and that of answers ÷ window."""
    known = [one for one in found if one is not None]
    published, off = (
        _rms(one.published for one in known),
        statistics.fmean(one.published for one in known),
    )
    by_count = _rms(one.by_count for one in known)
    return Figure(published, f"{published:.2%}  mean {off:+.2%}  by count {by_count:.2%}")


def _rms(of: Iterable[float]) -> float:
    return math.sqrt(statistics.fmean(one * one for one in of))


def raised(server: Server, window_s: float, how: Outage, seed: int) -> float | None:
    """Goodput with outages ÷ without; None where one of them has none.

    Outages of any length anywhere in the window, its edges included, up to three of them.
    """
    chance = random.Random(seed)
    end_s = BEGIN_S + window_s
    times_s = server(chance, end_s)
    before, _ = goodput_of(counted(times_s, end_s), BEGIN_S, end_s)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        from_s = max(BEGIN_S, BEGIN_S + window_s * chance.uniform(-0.3, 1))
        times_s = how(times_s, from_s, from_s + window_s * chance.uniform(0.01, 0.8))
    after, _ = goodput_of(counted(times_s, end_s), BEGIN_S, end_s)
    return None if before is None or after is None else after / before


def highest(found: Sequence[float | None]) -> Figure:
    """The highest ratio; the mean one; and how often it is above 1."""
    ratios = [one for one in found if one is not None]
    above = statistics.fmean(one > 1 + 1e-5 for one in ratios)
    mean = statistics.fmean(ratios)
    return Figure(max(ratios), f"{max(ratios):.3f}  mean {mean:.2f}  above 1 in {above:.1%}")


@dataclass(frozen=True)
class Within:
    """One within-trial interval: whether it holds the true rate, and half its width as a share."""

    held: bool
    wide: float


def interval(server: Server, rate_rps: float, window_s: float, seed: int) -> Within | None:
    """None where the window is too short to tell."""
    groups, end_s = _groups(server, window_s, seed)
    rate, _ = goodput_of(groups, BEGIN_S, end_s)
    error = within(groups, BEGIN_S, end_s)
    if rate is None or error is None:
        return None
    reach = t_quantile(CONFIDENCE, error.df) * error.log_se
    return Within(abs(math.log(rate / rate_rps)) <= reach, math.expm1(reach))


def held(found: Sequence[Within | None]) -> Figure:
    """The share of intervals that hold the truth; of all windows, those with a wrong one, and
    those too short to tell; half the width of the median interval."""
    known = [one for one in found if one is not None]
    if not known:
        return Figure(1.0, "all too short")
    holds = statistics.fmean(one.held for one in known)
    silent, wrong = 1 - len(known) / len(found), (1 - holds) * len(known) / len(found)
    wide = statistics.median(one.wide for one in known)
    shown = f"{holds:.1%}  wrong {wrong:.1%}  too short {silent:.0%}  ±{wide:.2%}"
    return Figure(holds, shown)


IN_STEP = 20
"""The threads of an app worker."""

SERVERS: Mapping[str, tuple[Server, float]] = {
    "a clock, 1.23 /s": (regular(1.23), 1.23),
    "a clock, 5 /s: whole numbers in each second": (regular(5.0), 5.0),
    "a clock, 9.5 /s": (regular(9.5), 9.5),
    "gaps of 5 % CV, 1.23 /s": (regular(1.23, 0.05), 1.23),
    "gaps of 30 % CV, 2 /s": (regular(2.0, 0.3), 2.0),
    "Poisson, 1 /s": (regular(1.0, 1.0), 1.0),
    "Poisson, 5 /s": (regular(5.0, 1.0), 5.0),
    "Poisson, 100 /s": (regular(100.0, 1.0), 100.0),
    "20 in step, every 2.5 s": (clumps(IN_STEP, 2.5, 0.1), IN_STEP / 2.5),
    "20 in step, every 1.3 s": (clumps(IN_STEP, 1.3, 0.1), IN_STEP / 1.3),
    "20 in step, every 0.85 s": (clumps(IN_STEP, 0.85, 0.1), IN_STEP / 0.85),
    "20 in step, every 2.5 s, CV 10 %": (clumps(IN_STEP, 2.5, 0.1, 0.1), IN_STEP / 2.5),
}

STEADY = tuple(name for name in SERVERS if "CV" not in name and "Poisson" not in name)
"""Those whose window does not matter, so that a later one is no other one."""

WANDERING_RPS = 20.0
WANDERING = tuple(itertools.product((0.0, 0.4, 0.8), (12.0, 30.0, 60.0, 120.0)))
"""Likeness of neighbouring seconds, and the window's length in s."""


TIMES = 1000
REGULAR = ("a clock", "gaps of 5 %")
HOLD = between(0.93, 0.97)
FLOOR = Promise("wider than need be", 0.93)
FEW_SEEN = Promise("nearly all windows are too short to tell", 0.85)
ALIKE = {
    (likeness, window_s): Promise("few seconds, which resemble each other", low)
    for likeness, window_s, low in (
        (0.4, 12.0, 0.83),
        (0.8, 12.0, 0.4),
        (0.8, 30.0, 0.65),
        (0.8, 60.0, 0.87),
    )
}
"""Where an interval within a trial is too narrow, as docs/method.md has it."""
NEVER = Promise("never above 1", high=1 + 1e-5)
CLUMP = Promise("a clump that lost its first answer came later", high=1.002)


def _rates() -> Iterator[Condition[Any]]:
    for name, (server, rate_rps) in SERVERS.items():
        promise = at_most(0.01 + 0.01 * ("5 %" in name)) if name.startswith(REGULAR) else None
        once = partial(errors, server, rate_rps, 12.0)
        yield Condition(name, once, scatter, TIMES, promise)


def _outages(names: Iterable[str], how: Outage) -> Iterator[Condition[Any]]:
    for name in names:
        once = partial(raised, SERVERS[name][0], 12.0, how)
        yield Condition(name, once, highest, TIMES, NEVER, CLUMP if "in step" in name else None)


def _intervals() -> Iterator[Condition[Any]]:
    for name, (server, rate_rps) in SERVERS.items():
        once = partial(interval, server, rate_rps, 12.0)
        limit = FEW_SEEN if "2.5 s, CV" in name else FLOOR
        yield Condition(name, once, held, TIMES, HOLD, limit)
    for likeness, window_s in WANDERING:
        once = partial(interval, wandering(WANDERING_RPS, 0.1, likeness), WANDERING_RPS, window_s)
        name = f"seconds of 10 % CV, AR {likeness:g}, {window_s:g} s"
        yield Condition(name, once, held, TIMES, HOLD, ALIKE.get((likeness, window_s)))


PARTS: Sequence[Part] = (
    Part("goodput of 12 s", "root mean square of its errors", tuple(_rates())),
    Part("goodput, answers lost ÷ not", "at most", tuple(_outages(SERVERS, lost))),
    Part("goodput, a server stood still ÷ not", "at most", tuple(_outages(STEADY, late))),
    Part("95 % within-trial intervals, of 12 s", "hold the truth", tuple(_intervals())),
)
