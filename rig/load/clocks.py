"""How the load master learns what every load worker's clock says, over Locust's own messages.

The master asks, a few load workers at a time: if all asked at once, each would wait for the
others, and none would know its offset well. May not know what the offsets are used for.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gevent
from gevent.event import AsyncResult
from gevent.pool import Pool

from rig.clock import ClockOffset, RoundTrip, offset_of

ASK, ANSWER = "time_asked", "time_said"


@dataclass(frozen=True)
class Care:
    """How well an offset is to be known: whose clock is known so, after so many round trips at
    least, is asked no further.
    """

    known_s: float
    fewest_trips: int


TO_TELL_TIMES = Care(0.0001, 4)
TO_TELL_DRIFT = Care(0.0005, 1)
"""A tenth of what a clock may drift: more would hold up the end of a load of many load workers."""
MOST_TRIPS = 32
AT_ONCE = 4
ANSWER_DEADLINE_S, FEWEST_DEADLINE_S, MORE_DEADLINE_S = 5.0, 10.0, 2.0


def tell_time(environment: Any, msg: Any) -> None:
    """A load worker's answer: what its clock says now."""
    said = {"number": msg.data, "at_s": time.monotonic()}
    environment.runner.send_message(ANSWER, said)


class LoadWorkerClocks:
    """The load master's questions."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._asked: dict[str, tuple[int, AsyncResult]] = {}
        """By load worker: the question's number, and where its answer is awaited."""

    def read(
        self, runner: Any, load_workers: Sequence[str], care: Care = TO_TELL_TIMES
    ) -> dict[str, ClockOffset]:
        """The offset of each, by its id at Locust; those that do not answer are left out."""
        trips: dict[str, list[RoundTrip]] = {name: [] for name in load_workers}
        self._ask(runner, trips, care.fewest_trips, FEWEST_DEADLINE_S)
        found = {name: some for name, some in trips.items() if some}
        # only then, so that nobody goes without while others are asked for long
        vague = {name: some for name, some in found.items() if not _is_known(some, care)}
        self._ask(runner, vague, MOST_TRIPS, MORE_DEADLINE_S, care)
        return {name: offset_of(some) for name, some in found.items()}

    def _ask(
        self,
        runner: Any,
        trips: Mapping[str, list[RoundTrip]],
        most: int,
        deadline_s: float,
        until: Care | None = None,
    ) -> None:
        give_up_s = time.monotonic() + deadline_s

        def one(load_worker: str) -> None:
            own = trips[load_worker]
            while len(own) < most and not (until and _is_known(own, until)):
                left_s = min(ANSWER_DEADLINE_S, give_up_s - time.monotonic())
                trip = self._trip(runner, load_worker, left_s) if left_s > 0 else None
                if trip is None:  # whoever once leaves a question unanswered is asked no further
                    return
                own.append(trip)

        Pool(AT_ONCE).map(one, trips)

    def _trip(self, runner: Any, load_worker: str, deadline_s: float) -> RoundTrip | None:
        number, answer = next(self._numbers), AsyncResult()
        self._asked[load_worker] = number, answer
        sent_s = time.monotonic()
        runner.send_message(ASK, number, load_worker)
        try:
            there_s, answered_s = answer.get(timeout=deadline_s)
        except gevent.Timeout:
            return None
        finally:
            del self._asked[load_worker]
        return RoundTrip(sent_s, there_s, answered_s)

    def answered(self, environment: Any, msg: Any) -> None:
        """What a load worker says to the question that it was asked last."""
        answered_s = time.monotonic()
        number, answer = self._asked.get(msg.node_id, (None, None))
        if answer is not None and msg.data["number"] == number:
            answer.set((msg.data["at_s"], answered_s))


def _is_known(trips: Sequence[RoundTrip], care: Care) -> bool:
    return offset_of(trips).uncertainty_s <= care.known_s
