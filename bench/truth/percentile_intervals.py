"""Intervals of percentiles against loads whose percentiles are known, were they to go on for ever.

Windows are cut out of loads that have long begun. What is read of them is what the files of a real
load would say (`bench/truth/percentiles.py` reads such files).
"""

from __future__ import annotations

import bisect
import functools
import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from analysis.inference import geometric_mean_interval
from analysis.summaries.response_times import ResponseTimes, response_times, telling
from bench.truth.conditions import Condition, Figure, Part, Promise, at_most, between, share
from bench.truth.queues import LIFO, RANDOM, Request, Served, simulate, truth_s
from rig.disk.hdr import new_histogram
from rig.disk.rows import SecondRow
from rig.disk.sent import Counts, Sent
from rig.inference.stationarity import state_of, window_of

BEFORE_S = 20.0
"""So long a load has been going on when the window begins."""
FOR_EVER_S = 3000.0
ASKED = (0.5, 0.95)


@dataclass(frozen=True)
class Cut(Served):
    """A load that nobody follows beyond its end."""

    @property
    def followed_s(self) -> float:
        """What comes later is in no window."""
        return self.end_s


@dataclass(frozen=True)
class Load:
    """How requests are made, and the percentiles of their response times."""

    requests: Callable[[random.Random, float], list[Request]]
    """From a moment before 0 until a time in s, by chance."""
    true_s: Callable[[float], float]
    users: int | None = None


def independent(per_s: float) -> Load:
    """Poisson arrivals; each is answered by itself, after a lognormal time."""
    of = statistics.NormalDist()

    def true_s(quantile: float) -> float:
        return 0.05 * math.exp(0.5 * of.inv_cdf(quantile))

    def requests(chance: random.Random, until_s: float) -> list[Request]:
        found, at_s = [], 0.0
        while (at_s := at_s + chance.expovariate(per_s)) < until_s:
            found.append(Request(at_s, 0, at_s + true_s(chance.random())))
        return found

    return Load(requests, true_s)


def queue(served: Cut, true_s: Callable[[float], float] | None = None) -> Load:
    """One server; without a formula the truth is a long load's."""

    def requests(chance: random.Random, until_s: float) -> list[Request]:
        return simulate(replace(served, window_s=until_s - served.ramp_s), chance)

    return Load(requests, true_s or partial(for_ever_s, served), served.users or None)


@functools.cache
def for_ever_s(served: Cut, quantile: float) -> float:
    """The percentile of a long load of a server."""
    window = replace(served, ramp_s=BEFORE_S, window_s=FOR_EVER_S)
    return truth_s(_answered_for_ever(served), window, quantile)


@functools.lru_cache(maxsize=1)
def _answered_for_ever(served: Cut) -> list[Request]:
    requests = simulate(replace(served, window_s=FOR_EVER_S), random.Random(0))
    return [request for request in requests if math.isfinite(request.ended_s)]


def mm1(per_s: float, utilisation: float) -> Load:
    """Response times of M/M/1, first come first served, are exponential."""
    rate = per_s / utilisation - per_s
    served = Cut(utilisation / per_s, 0.0, per_s=per_s, regular=False)
    return queue(served, lambda quantile: -math.log(1 - quantile) / rate)


def saturated(users: int, round_s: float) -> Load:
    """Users who never think: a response is as many exponential services (Erlang)."""

    def true_s(quantile: float) -> float:
        from scipy import special

        return float(special.gammaincinv(users, quantile)) * round_s / users

    return queue(Cut(round_s / users, 0.0, users=users, regular=False), true_s)


@dataclass(frozen=True)
class Seen:
    """What is known of a window."""

    times: ResponseTimes
    by_second: Sequence[Counts]


_BUCKETS = new_histogram()


def _counts(requests: Sequence[Request]) -> Counts:
    """As the recorder's histogram has them."""
    found = Counter(round(1e6 * one.response_s) for one in requests)
    buckets: Counter[int] = Counter()
    for us, count in found.items():
        buckets[_BUCKETS.get_highest_equivalent_value(us)] += count
    return tuple(sorted(buckets.items()))


def seen(
    requests: Sequence[Request], users: int | None, end_s: float, begin_s: float = BEFORE_S
) -> Seen:
    """Of the requests of a window."""
    sent = [one for one in requests if begin_s <= one.sent_s < end_s]
    answered = _counts([one for one in sent if one.ended_s < end_s])
    waiting = sorted(round(1e6 * (end_s - one.sent_s)) for one in sent if one.ended_s >= end_s)
    ended: dict[int, list[Request]] = {}
    for one in requests:
        if begin_s <= one.ended_s < end_s:
            ended.setdefault(int(one.ended_s), []).append(one)
    started = Counter(int(one.sent_s) for one in sent)
    rows = []
    begins = sorted(one.sent_s for one in requests)
    ends = sorted(one.ended_s for one in requests)
    for second in range(int(begin_s), int(end_s)):
        under_way = bisect.bisect_left(begins, second + 1) - bisect.bisect_left(ends, second + 1)
        done = len(ended.get(second, ()))
        rows.append(SecondRow(second, "steady", users, started[second], under_way, users, done, 0))
    found = Sent(answered, answered, waiting_us=waiting)
    window = window_of(rows, found.ended, waiting, begin_s, end_s)
    by_second = [_counts(ended[second]) for second in sorted(ended)]
    return Seen(response_times(found, state_of(window)), telling(by_second, window))


Held = Mapping[float, bool | None]
"""Of each of `ASKED` whether its interval holds the truth; None without one."""


def held(load: Load, window_s: float, seed: int) -> Held:
    """One window."""
    end_s = BEFORE_S + window_s
    one = seen(load.requests(random.Random(seed), end_s), load.users, end_s)
    found: dict[float, bool | None] = {}
    for quantile in ASKED:
        low, high = one.times.interval_ms(quantile, one.by_second)
        true_ms = 1000 * load.true_s(quantile)
        found[quantile] = None if low is None or high is None else low <= true_ms <= high
    return found


def _said(found: Sequence[Held]) -> tuple[float, float, str]:
    """The share of the intervals that hold the truth; of all windows those with a wrong one, of
    the percentile with most; in words."""
    given = [one for each in found for one in each.values() if one is not None]
    holds = statistics.fmean(given) if given else 1.0
    wrong = max(statistics.fmean(each[one] is False for each in found) for one in ASKED)
    shares = (
        f"p{100 * quantile:g} {statistics.fmean(each[quantile] is not None for each in found):.0%}"
        for quantile in ASKED
    )
    return holds, wrong, f"{holds:.1%}  wrong {wrong:.1%}  given {' '.join(shares)}"


def holding(found: Sequence[Held]) -> Figure:
    """The share of the intervals that hold the truth."""
    holds, _, words = _said(found)
    return Figure(holds, words)


def wrongly(found: Sequence[Held]) -> Figure:
    """The share of all windows that give a percentile an interval without the truth."""
    _, wrong, words = _said(found)
    return Figure(wrong, words)


def repeated(trials: int, cv: float, seed: int) -> bool:
    """Whether the interval between trials holds the truth."""
    chance = random.Random(seed)
    low, high = geometric_mean_interval([math.exp(chance.gauss(0, cv)) for _ in range(trials)])
    assert low is not None
    assert high is not None
    return low <= 1 <= high


TIMES = 300
HOLD = between(0.93, 0.97)
WIDER = Promise("wider than need be", 0.93)
WANDERING = Promise("response times wander for longer than the window", high=0.06)


@dataclass(frozen=True)
class Named:
    """A load, the windows cut out of it, and whether most of them tell of its percentiles."""

    name: str
    load: Load = field(repr=False)
    window_s: float = 12.0
    tells: bool = True

    @property
    def title(self) -> str:
        """With the length of its windows."""
        return f"{self.name}, {self.window_s:g} s"


LOADS: Sequence[Named] = (
    *(Named(f"independent, {per_s:g} /s", independent(per_s)) for per_s in (20.0, 50.0)),
    Named("M/M/1, 20 /s, utilisation 0.3", mm1(20, 0.3)),
    Named("M/M/1, 20 /s, utilisation 0.6", mm1(20, 0.6), tells=False),
    Named("M/M/1, 20 /s, utilisation 0.8", mm1(20, 0.8), tells=False),
    Named("M/M/1, 20 /s, utilisation 0.9", mm1(20, 0.9), tells=False),
    Named("M/M/1, 20 /s, utilisation 0.6", mm1(20, 0.6), 60.0),
    Named("M/M/1, 20 /s, utilisation 0.8", mm1(20, 0.8), 60.0),
    Named("last come first, 20 /s, 0.6", queue(Cut(0.03, 0.0, per_s=20, discipline=LIFO))),
    Named("any next, 20 /s, 0.6", queue(Cut(0.03, 0.0, per_s=20, discipline=RANDOM))),
    Named("20 users who think 1 s, 0.6", queue(Cut(0.03, 0.0, users=20, think_s=1.0)), tells=False),
    Named("10 users, rounds of 0.25 s", saturated(10, 0.25)),
    Named("10 users, rounds of 1 s", saturated(10, 1.0), tells=False),
    Named("10 users, rounds of 4 s", saturated(10, 4.0), tells=False),
    Named("10 users, rounds of 1 s", saturated(10, 1.0), 60.0),
)


def _within() -> Iterator[Condition[Any]]:
    for one in LOADS:
        if one.tells:
            once = partial(held, one.load, one.window_s)
            yield Condition(one.title, once, holding, TIMES, HOLD, WIDER)


def _within_short() -> Iterator[Condition[Any]]:
    for one in LOADS:
        if not one.tells:
            once = partial(held, one.load, one.window_s)
            yield Condition(one.title, once, wrongly, 2 * TIMES, at_most(0.05), WANDERING)


def _between() -> Iterator[Condition[Any]]:
    for trials in (2, 4, 8):
        name = f"{trials} trials, 10 % CV"
        yield Condition(name, partial(repeated, trials, 0.1), share, 1000, HOLD)


PARTS: Sequence[Part] = (
    Part(
        "95 % intervals of p50 and p95 within a trial",
        "hold the truth",
        tuple(_within()),
    ),
    Part(
        "the same, where most windows do not tell",
        "wrong, of all windows",
        tuple(_within_short()),
    ),
    Part("95 % intervals of percentiles between trials", "hold the truth", tuple(_between())),
)
