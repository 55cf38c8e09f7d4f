"""Did a steady window keep an objective? Response times that the users of an open load can bear.

Pure: what became of a window's requests in, a judgement out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from rig.inference.stationarity import State
from rig.inference.survival import kaplan_meier
from rig.model import Between, Count

Ms = Annotated[float, Between(0, 10**9)]
Share = Annotated[float, Between(0, 1)]

SHARES = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}
FAILURES = "failure_share"
OVERLOAD = "overload"
IN_FLIGHT = "max_in_flight"
BEYOND = 5
"""So many requests have to lie beyond a percentile for it to tell anything."""
DEVIATIONS = 3.0
"""Of a count of arrivals, which come by chance."""
MOST = 5.0
"""An excess, a log, is given up to this: there is no larger one of a request without an answer."""
NEVER_US = 10**15
"""What stands for the time of a request that never has a correct answer."""


@dataclass(frozen=True)
class Objective:
    """The most that a window's requests may take, and the most of them that may fail."""

    p50_ms: Ms | None = None
    p95_ms: Ms | None = None
    p99_ms: Ms | None = None
    failure_share: Share | None = None

    @property
    def limits_ms(self) -> dict[str, float]:
        """The limits on response times, by percentile."""
        named = {"p50_ms": self.p50_ms, "p95_ms": self.p95_ms, "p99_ms": self.p99_ms}
        return {name: limit for name, limit in named.items() if limit is not None}

    @property
    def fewest_requests(self) -> int:
        """So many a window needs for its percentiles to tell anything."""
        beyond = [1 - SHARES[name] for name in self.limits_ms]
        return math.ceil(BEYOND / min(beyond) - 1e-9) if beyond else 1

    @property
    def enough_requests(self) -> float:
        """So many to be expected, as arrivals come by chance, for that to be sure."""
        return self.fewest_requests + DEVIATIONS * math.sqrt(self.fewest_requests)


@dataclass(frozen=True)
class ObjectiveFacts:
    """How a window kept its plan's objective.

    Percentiles are of all requests meant for the window, from when they were meant to be sent: one
    that failed, was given up or dropped never has its answer. Of those under way at the stop
    Kaplan-Meier. None: never, or nothing tells.
    """

    excess: Annotated[float, Between(-MOST, MOST)] | None = None
    """The log of what was measured ÷ its limit, of the limit kept worst: above 0 it was missed.
    None where the window tells too little."""
    binds: str = ""
    """Which limit that is; `overload` where none was passed yet, but more arrived than ended;
    `max_in_flight` where nothing is told, as only arrivals that the load dropped missed it."""
    requests: Count = 0
    p50_ms: Ms | None = None
    p95_ms: Ms | None = None
    p99_ms: Ms | None = None
    failure_share: Share | None = None
    """Failed, given up, dropped, or under way for longer than the objective's longest limit."""


def objective_facts(
    objective: Objective,
    answered_us: Sequence[tuple[int, int]],
    failed: int,
    waiting_us: Sequence[int],
    state: State,
    dropped: int = 0,
) -> ObjectiveFacts:
    """What became of the requests meant for a window, held against an objective.

    `answered_us`: times of correct answers and how many took them; `waiting_us`: ages of those
    under way at the stop, both ascending. `failed`: how many had no correct answer; `dropped`: how
    many were not sent, as too many were under way. Where all that were sent keep the objective,
    the load's own bound is what was reached, and nothing is told of the target.
    """
    facts = _held(objective, answered_us, failed + dropped, waiting_us, state)
    if dropped and (facts.excess or 0.0) > 0:
        # what a bound keeps from growing is no overload
        calm = State.VARIES if state is State.OVERLOAD else state
        sent = _held(objective, answered_us, failed, waiting_us, calm)
        if sent.excess is not None and sent.excess <= 0:
            return replace(facts, excess=None, binds=IN_FLIGHT)
    return facts


def _held(
    objective: Objective,
    answered_us: Sequence[tuple[int, int]],
    failed: int,
    waiting_us: Sequence[int],
    state: State,
) -> ObjectiveFacts:
    """The same, whoever is to blame."""
    ended = [*answered_us, (NEVER_US, failed)] if failed else answered_us
    survival = kaplan_meier(ended, waiting_us)
    requests = sum(count for _, count in answered_us) + failed + len(waiting_us)
    times = {name: survival.quantile(share) for name, share in SHARES.items()}
    longest_us = 1000 * max(objective.limits_ms.values(), default=math.inf)
    late = sum(us > longest_us for us in waiting_us)
    known = requests - len(waiting_us) + late
    share = (failed + late) / known if known else None
    facts = ObjectiveFacts(
        requests=requests,
        p50_ms=_ms(times["p50_ms"]),
        p95_ms=_ms(times["p95_ms"]),
        p99_ms=_ms(times["p99_ms"]),
        failure_share=share,
    )
    if requests < objective.fewest_requests:
        return facts
    return _judged(objective, facts, times, survival.longest, state)


def _judged(
    objective: Objective,
    facts: ObjectiveFacts,
    times_us: Mapping[str, float | None],
    longest_us: float,
    state: State,
) -> ObjectiveFacts:
    """With the limit kept worst, and by how much."""
    known, binds = max(_excesses(objective, facts, times_us, longest_us), default=(-MOST, ""))
    untold = any(times_us[name] is None for name in objective.limits_ms)
    if known <= 0 and state is State.OVERLOAD:
        return replace(facts, excess=MOST, binds=OVERLOAD)
    if known <= 0 and untold:
        return facts
    return replace(facts, excess=known, binds=binds)


def _excesses(
    objective: Objective,
    facts: ObjectiveFacts,
    times_us: Mapping[str, float | None],
    longest_us: float,
) -> Iterator[tuple[float, str]]:
    """By how much each limit was passed, and its name."""
    for name, limit_ms in objective.limits_ms.items():
        # of a percentile beyond all that was seen, at least by so much
        took_us = times_us[name] or longest_us
        yield _log_ratio(took_us / 1000, limit_ms), name
    if objective.failure_share is not None and facts.failure_share is not None:
        yield _log_ratio(facts.failure_share, objective.failure_share), FAILURES


def _log_ratio(measured: float, limit: float) -> float:
    if measured <= 0:
        return -MOST
    return max(-MOST, min(MOST, math.log(measured / limit)))


def _ms(took_us: float | None) -> float | None:
    """None of what nobody knows, and of what never has its answer."""
    return None if took_us is None or took_us >= NEVER_US else took_us / 1000
