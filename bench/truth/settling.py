"""Would percentiles be better known, began the window one round after the ramp, and not with it?"""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bench.truth.conditions import Condition, Figure, Part, at_least
from bench.truth.percentile_intervals import Cut, for_ever_s, seen
from bench.truth.queues import simulate

RAMP_S, STEADY_S, USERS = 3.0, 12.0, 60
ASKED = (0.5, 0.95)


@dataclass(frozen=True)
class Known:
    """The errors of the percentiles that are numbers, as shares, by where the window begins."""

    at_once: tuple[float, ...]
    later: tuple[float, ...]


def known(served: Cut, round_s: float, seed: int) -> Known:
    """One load, read twice. A later window is shorter: the load is no longer."""
    end_s = RAMP_S + STEADY_S
    requests = simulate(replace(served, window_s=STEADY_S), random.Random(seed))
    both: list[tuple[float, ...]] = []
    for begin_s in (RAMP_S, RAMP_S + round_s):
        times = seen(requests, USERS, end_s, begin_s).times
        bounds = ((quantile, times.bounds_ms(quantile)) for quantile in ASKED)
        both.append(
            tuple(
                lower / 1000 / for_ever_s(served, quantile) - 1
                for quantile, (lower, upper) in bounds
                if lower is not None and lower == upper
            )
        )
    return Known(*both)


def compared(found: Sequence[Known]) -> Figure:
    """How many more percentiles are known at once, of all; of each the share, and the errors'."""
    at_once = [error for one in found for error in one.at_once]
    later = [error for one in found for error in one.later]
    asked = len(ASKED) * len(found)
    words = (f"{len(of) / asked:.0%} ±{_rms(of):.1%}" for of in (at_once, later))
    return Figure((len(at_once) - len(later)) / asked, " against ".join(words))


def _rms(errors: Sequence[float]) -> float:
    return math.sqrt(statistics.fmean(one * one for one in errors)) if errors else 0.0


def _loads() -> Iterator[Condition[Any]]:
    for regular, thinks, share in itertools.product((True, False), (0.0, 0.5), (0.15, 0.3, 0.45)):
        cycle_s = share * STEADY_S / (1 - thinks)
        served = Cut(cycle_s / USERS, 0.0, USERS, thinks * cycle_s, regular=regular, ramp_s=RAMP_S)
        server = "regular" if regular else "exponential"
        name = f"{server}, rounds of {share:g} windows" + ", users think" * (thinks > 0)
        once = partial(known, served, share * STEADY_S)
        yield Condition(name, once, compared, 40, None if thinks else at_least(0.0))


PARTS: Sequence[Part] = (
    Part(
        "the window begins with the ramp's end, against a round later",
        "percentiles known, and their errors (root mean square)",
        tuple(_loads()),
    ),
)
