"""Searches for capacities, against targets whose capacity is known."""

from __future__ import annotations

import functools
import math
import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr

from bench.truth.conditions import Condition, Figure, Part, Promise, at_least, between
from rig.inference.capacity import Outcome, SearchSpec, Tried, capacity_of, next_rate
from rig.inference.threshold import FARTHEST, JUMP, LAPSE, SCATTERS, SLOPES

BETWEEN = (5.0, 2000.0)
SPEC = SearchSpec(BETWEEN, 0.05)
CAPACITIES = (8.0, 1500.0)
NEAR = 0.05
ABOUT = 0.3
"""So far from a capacity, as logs, windows are tried to learn how they scatter."""
FAR = 3.0
"""An excess of which nothing but the side is told."""
LIMIT_S, WINDOW_S, RAMP_S = 0.3, 12.0, 3.0

Curve = Callable[[float], float]
"""The excess over the log of rate ÷ capacity."""


@dataclass(frozen=True)
class Target:
    """A curve, what scatters beside the capacity, and what is left of the goodput in overload."""

    curve: Curve
    noise: float = 0.0
    """Standard deviation of the excess: a percentile of some hundred requests."""
    served: float = 1.0
    lapses: float = 0.0
    """The part of trials that tell nothing: anything may come of them."""


def queue(chance: random.Random) -> Target:
    """Steep, and the steeper below its limit."""
    below, above = chance.uniform(6, 25), chance.uniform(4, 12)
    return Target(lambda far: below * far if far < 0 else above * far, 0.05)


def collapsing(chance: random.Random) -> Target:
    """A queue whose goodput breaks down where too much is asked of it."""
    return Target(queue(chance).curve, 0.05, chance.uniform(0.1, 0.6))


def gentle(chance: random.Random) -> Target:
    """Response times that grow little faster than the rate does."""
    slope = chance.uniform(1.5, 4)
    return Target(lambda far: slope * far, 0.04)


def cliff(chance: random.Random) -> Target:
    """Nobody waits up to the capacity of a regular server; beyond it a queue grows."""
    grows = LIMIT_S / WINDOW_S * chance.uniform(0.5, 1.5)

    def excess(far: float) -> float:
        return -4.0 if far < -grows else math.log(max(1e-2, (far + grows) / grows))

    return Target(excess, 0.05)


def step(_chance: random.Random) -> Target:
    """Requests are refused from one rate on."""
    return Target(lambda far: math.copysign(FAR, far))


def assumed(chance: random.Random) -> Target:
    """As the posterior takes it to be beforehand."""
    below, above = (
        None if chance.random() < JUMP else math.exp(chance.uniform(*map(math.log, SLOPES)))
        for _ in range(2)
    )

    def excess(far: float) -> float:
        slope = below if far < 0 else above
        return math.copysign(FAR, far) if slope is None else slope * far

    return Target(excess, lapses=LAPSE)


TARGETS: Mapping[str, Callable[[random.Random], Target]] = {
    "queues": queue,
    "queues that collapse": collapsing,
    "gentle curves": gentle,
    "cliffs": cliff,
    "steps": step,
}


@dataclass(frozen=True)
class Searched:
    """How a search went."""

    error: float | None
    """The log of what was found ÷ the truth; None where nothing was."""
    held: bool
    trials: int


def searched(true_per_s: float, trial: Callable[[float], Tried]) -> Searched:
    """One search, of which `trial` measures at a rate."""
    tried: list[Tried] = []
    while (rate := next_rate(tried, SPEC)) is not None:
        tried.append(trial(rate))
    found = capacity_of(tried, SPEC)
    if found.per_s is None or found.low_per_s is None or found.high_per_s is None:
        within = found.outcome is Outcome.BRACKET and found.carries(true_per_s) is None
        return Searched(None, within, len(tried))
    held = found.low_per_s <= true_per_s <= found.high_per_s
    return Searched(math.log(found.per_s / true_per_s), held, len(tried))


def by_curve(kind: str, cv: float, seed: int) -> Searched:
    """Along a curve of a kind; the capacity of each trial scatters."""
    chance = random.Random(seed)
    return _along(TARGETS[kind](chance), cv, chance)


def by_assumption(scatters: Sequence[float], seed: int) -> Searched:
    """Along a curve as the posterior takes it to be beforehand, with any of these scatters."""
    chance = random.Random(seed)
    return _along(assumed(chance), chance.choice(scatters), chance)


def _along(target: Target, cv: float, chance: random.Random) -> Searched:
    true_per_s = math.exp(chance.uniform(*map(math.log, CAPACITIES)))

    def trial(rate: float) -> Tried:
        its_own = true_per_s * math.exp(chance.gauss(0, cv))
        far = math.log(rate / its_own)
        served = rate if far < 0 else min(rate, its_own * target.served)
        excess = target.curve(far) + chance.gauss(0, target.noise)
        if chance.random() < target.lapses:
            excess = chance.choice((-FAR, chance.uniform(-FARTHEST, FARTHEST), FAR))
        return Tried(rate, excess, served)

    return searched(true_per_s, trial)


Service = Callable[[np.random.Generator, int], Any]
"""Times of so many requests, whose mean is 1."""


def exponential(chance: np.random.Generator, count: int) -> Any:
    """Varying as much as their mean."""
    return chance.exponential(1.0, count)


def regular(_chance: np.random.Generator, count: int) -> Any:
    """All alike."""
    return np.ones(count)


def lognormal(chance: np.random.Generator, count: int) -> Any:
    """Varying by twice their mean."""
    sigma = math.sqrt(math.log(5))
    return chance.lognormal(-(sigma**2) / 2, sigma, count)


def _p95_s(
    service: Service, service_s: float, rate: float, chance: np.random.Generator
) -> tuple[float, int]:
    """Of the requests of a window behind a ramp, at a single server; and how many came. Lindley
    1952, Math. Proc. Cambridge Philos. Soc. 48."""
    ramp = chance.poisson(rate * RAMP_S / 2)
    count = int(chance.poisson(rate * WINDOW_S))
    at_s = np.sort(
        np.concatenate(
            [
                RAMP_S * np.sqrt(chance.random(ramp)),
                RAMP_S + WINDOW_S * chance.random(count),
            ]
        )
    )
    took_s = service_s * service(chance, len(at_s))
    ends_s = np.cumsum(took_s)
    began_s = np.maximum.accumulate(at_s - (ends_s - took_s)) + ends_s - took_s
    late_s = (began_s + took_s - at_s)[at_s >= RAMP_S]
    return float(np.quantile(late_s, 0.95)) if len(late_s) else 0.0, count


@functools.cache
def _true_per_s(service: Service, service_s: float, cv: float) -> float:
    """Where half of the windows keep the limit, by bisection on many of them."""
    chance = np.random.default_rng(1)
    low, high = 0.3 / service_s, 1.2 / service_s
    for _ in range(10):
        middle = math.sqrt(low * high)
        own = service_s * np.exp(chance.normal(0, cv, 400))
        kept = statistics.fmean(_p95_s(service, one, middle, chance)[0] <= LIMIT_S for one in own)
        low, high = (middle, high) if kept > 0.5 else (low, middle)
    return math.sqrt(low * high)


def by_queue(service: Service, served_per_s: float, cv: float, seed: int) -> Searched:
    """At a single server, with arrivals by chance and a window as long as a real one."""
    chance = np.random.default_rng(seed)
    service_s = 1 / served_per_s

    def trial(rate: float) -> Tried:
        p95_s, came = _p95_s(service, service_s * math.exp(chance.normal(0, cv)), rate, chance)
        excess = math.log(max(p95_s, 1e-9) / LIMIT_S)
        return Tried(rate, excess, min(rate, served_per_s), came / WINDOW_S, came)

    return searched(_true_per_s(service, service_s, cv), trial)


def by_window(service: Service, served_per_s: float, seed: int) -> Tried:
    """One window of such a server, at a rate about its capacity; nothing else scatters."""
    chance = np.random.default_rng(seed)
    rate = _true_per_s(service, 1 / served_per_s, 0.0) * math.exp(chance.uniform(-ABOUT, ABOUT))
    p95_s, came = _p95_s(service, 1 / served_per_s, rate, chance)
    return Tried(rate, math.log(p95_s / LIMIT_S), None, came / WINDOW_S, came)


def own_scatter(found: Sequence[Tried]) -> Figure:
    """Of the capacity of a window, as a multiple of 1 ÷ √requests: by probit."""
    at = np.array([math.log(one.came_per_s) for one in found])
    side = np.array([1.0 if one.kept else -1.0 for one in found])

    def unlikely(guess: Any) -> float:
        return -float(log_ndtr(side * (guess[0] - at) / math.exp(guess[1])).sum())

    fitted = minimize(unlikely, [at.mean(), math.log(0.05)], method="Nelder-Mead").x
    requests = WINDOW_S * math.exp(fitted[0])
    value = math.exp(fitted[1]) * math.sqrt(requests)
    return Figure(value, f"{value:.1f} ÷ √requests, of which {requests:.0f} came")


def held(found: Sequence[Searched]) -> Figure:
    """The share of intervals that hold the truth; what is near it; trials."""
    holds = statistics.fmean(one.held for one in found)
    return Figure(holds, f"{holds:.1%}  near {_near(found):.1%}  {_trials(found)}")


def near(found: Sequence[Searched]) -> Figure:
    """The share of searches that found it to 5 % in at most 8 trials; all trials."""
    return Figure(_near(found), f"{_near(found):.1%}  {_trials(found)}")


def _near(found: Sequence[Searched]) -> float:
    return statistics.fmean(
        one.error is not None and abs(one.error) <= math.log1p(NEAR) and one.trials <= 8
        for one in found
    )


def _trials(found: Sequence[Searched]) -> str:
    trials = [one.trials for one in found]
    return f"{statistics.fmean(trials):.1f} trials, {max(trials)} at most"


SCATTER = Promise("a few trials do not tell how little they scatter", 0.9)
NARROW = Promise("trials that scatter so much end by chance", 0.85)
VARIED = Promise("service times that vary so much scatter by more than may be", 0.5)
ONE_SIDE = Promise("each trial tells a side only, so that eight are few", 0.85)


ASSUMED = "as assumed beforehand"


def _curves() -> Iterator[Condition[Any]]:
    once = partial(by_assumption, SCATTERS)
    yield Condition(f"{ASSUMED}, 1 to 9% CV", once, held, 1000, between(0.93, 0.97), NARROW)
    once = partial(by_assumption, (0.03,))
    yield Condition(f"{ASSUMED}, 3% CV", once, held, 2000, between(0.93, 0.97))
    for kind in TARGETS:
        for cv, limit in ((0.01, SCATTER), (0.03, SCATTER), (0.05, NARROW)):
            once = partial(by_curve, kind, cv)
            yield Condition(f"{kind}, {cv:.0%} CV", once, held, 1000, between(0.93, 0.97), limit)


QUEUES: Sequence[tuple[Service, float, Promise]] = (
    *((exponential, served_per_s, SCATTER) for served_per_s in (40.0, 80.0, 150.0, 600.0)),
    *((regular, served_per_s, SCATTER) for served_per_s in (40.0, 150.0)),
    (lognormal, 40.0, VARIED),
    (lognormal, 150.0, VARIED),
)


def _queues() -> Iterator[Condition[Any]]:
    for service, served_per_s, limit in QUEUES:
        once = partial(by_queue, service, served_per_s, 0.03)
        name = f"a server of {served_per_s:g} /s, {service.__name__} times, 3% CV"
        yield Condition(name, once, held, 600, between(0.93, 0.97), limit)


def _windows() -> Iterator[Condition[Any]]:
    for service, served_per_s, _ in QUEUES:
        once = partial(by_window, service, served_per_s)
        name = f"a server of {served_per_s:g} /s, {service.__name__} times"
        yield Condition(name, once, own_scatter, 1000)


def _nearness() -> Iterator[Condition[Any]]:
    once = partial(by_assumption, (0.03,))
    yield Condition(f"{ASSUMED}, 3% CV", once, near, 2000, at_least(0.9))
    for kind in TARGETS:
        once = partial(by_curve, kind, 0.03)
        limit = ONE_SIDE if kind == "steps" else None
        yield Condition(f"{kind}, 3% CV", once, near, 500, at_least(0.9), limit)


PARTS: Sequence[Part] = (
    Part(
        "intervals of capacities between 5 and 2000 /s",
        "hold the truth; found within 5 %; trials",
        (*_curves(), *_queues()),
    ),
    Part("windows of 12 s", "scatter of the rate that they carry", tuple(_windows())),
    Part("capacities", "found within 5 % in at most 8 trials", tuple(_nearness())),
)
