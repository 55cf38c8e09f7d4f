"""Goodput and its within-trial intervals against ground truth: windows of simulated answers.

Each server answers at a rate that is known. What is read of a window is what the recorder
keeps of it: for each second how many answers, and when the first and the last came.
`bench/ground_truth.py` prints these figures with its own.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analysis.inference import within
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


@dataclass(frozen=True)
class Accuracy:
    """Of the published rates, as shares of the true one."""

    off: float
    """On average."""
    scatter: float
    """Root mean square of the error."""
    by_count: float
    """The same of answers ÷ window."""


def accuracy(server: Server, rate_rps: float, window_s: float, trials: int) -> Accuracy:
    """How far the goodput is from the truth."""
    errors, plain = [], []
    for seed in range(trials):
        end_s = BEGIN_S + window_s
        groups = counted(server(random.Random(seed), end_s), end_s)
        rate, _ = goodput_of(groups, BEGIN_S, end_s)
        if rate is not None:
            errors.append(rate / rate_rps - 1)
            plain.append(sum(group.count for group in groups) / window_s / rate_rps - 1)
    return Accuracy(statistics.fmean(errors), _rms(errors), _rms(plain))


def _rms(of: Sequence[float]) -> float:
    return math.sqrt(statistics.fmean(one * one for one in of))


@dataclass(frozen=True)
class Outages:
    """What outages do to the goodput, as published."""

    raised: float
    """The share of windows in which the number is higher with the outage than without."""
    by: float
    """The mean ratio, with ÷ without."""
    up_to: float
    """The highest."""


def outages(server: Server, window_s: float, trials: int, how: Outage = lost) -> Outages:
    """Outages of any length anywhere in the window, its edges included, up to three of them."""
    ratios = []
    for seed in range(trials):
        chance = random.Random(seed)
        end_s = BEGIN_S + window_s
        times_s = server(chance, end_s)
        before, _ = goodput_of(counted(times_s, end_s), BEGIN_S, end_s)
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            from_s = max(BEGIN_S, BEGIN_S + window_s * chance.uniform(-0.3, 1))
            times_s = how(times_s, from_s, from_s + window_s * chance.uniform(0.01, 0.8))
        after, _ = goodput_of(counted(times_s, end_s), BEGIN_S, end_s)
        if before is not None and after is not None:
            ratios.append(after / before)
    raised = statistics.fmean(ratio > 1 + 1e-5 for ratio in ratios)
    return Outages(raised, statistics.fmean(ratios), max(ratios))


@dataclass(frozen=True)
class Within:
    """Of within-trial intervals."""

    held: float
    """How many of those published hold the true rate."""
    silent: float
    """The share of windows that are said to be too short to tell."""
    wide: float
    """Half the width of the median one, as a share."""

    @property
    def wrong(self) -> float:
        """The share of all windows that publish an interval without the truth in it."""
        return (1 - self.held) * (1 - self.silent)


def intervals(server: Server, rate_rps: float, window_s: float, trials: int) -> Within:
    """How often the interval within a trial holds the true rate."""
    held, widths = [], []
    for seed in range(trials):
        end_s = BEGIN_S + window_s
        groups = counted(server(random.Random(seed), end_s), end_s)
        rate, _ = goodput_of(groups, BEGIN_S, end_s)
        error = within(groups, BEGIN_S, end_s)
        if rate is None or error is None:
            continue
        reach = t_quantile(CONFIDENCE, error.df) * error.log_se
        held.append(abs(math.log(rate / rate_rps)) <= reach)
        widths.append(math.expm1(reach))
    if not held:
        return Within(1.0, 1.0, math.nan)
    return Within(statistics.fmean(held), 1 - len(held) / trials, statistics.median(widths))


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


def lines(trials: int) -> Iterator[tuple[str, str]]:
    """Each figure: what it is of, and what it says."""
    yield "goodput of 12 s: off on average, scatter, scatter of answers ÷ window", ""
    for name, (server, rate_rps) in SERVERS.items():
        found = accuracy(server, rate_rps, 12.0, trials)
        yield f"  {name}", f"{found.off:+.2%}  {found.scatter:.2%}  {found.by_count:.2%}"
    yield "an outage raises it in, with ÷ without on average, at most", ""
    for name, (server, _) in SERVERS.items():
        gone = outages(server, 12.0, trials)
        yield f"  {name}", f"{gone.raised:.1%}  {gone.by:.2f}  {gone.up_to:.3f}"
    yield "the same where a server stands still meanwhile, and loses nothing", ""
    for name in STEADY:
        still = outages(SERVERS[name][0], 12.0, trials, late)
        yield f"  {name}", f"{still.raised:.1%}  {still.by:.2f}  {still.up_to:.3f}"
    yield "within-trial intervals of 12 s: hold the truth, too short to tell, half-width", ""
    for name, (server, rate_rps) in SERVERS.items():
        yield f"  {name}", _said(intervals(server, rate_rps, 12.0, trials))
    for likeness, window_s in WANDERING:
        server = wandering(WANDERING_RPS, 0.1, likeness)
        name = f"  seconds of 10 % CV, AR {likeness:g}, {window_s:g} s"
        yield name, _said(intervals(server, WANDERING_RPS, window_s, trials))


def _said(found: Within) -> str:
    return f"{found.held:.1%}  {found.silent:.0%}  ±{found.wide:.2%}"
