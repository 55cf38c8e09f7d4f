"""Counts and times every request, once, in each load worker.

Pure: it is told the time, so the fake backend feeds it a simulated clock. May not know Locust
nor what the master makes of its reports (`completions`). Times are seconds since the load
began; response times go into HdrHistograms per second of completion, phase, route and outcome.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from rig.load.hlog import encode
from rig.load.report import (
    Completed,
    Dropped,
    FinalCount,
    LoadReport,
    Range,
    Request,
    Slot,
    Started,
    Unanswered,
)
from rig.model import OUTCOME_DROPPED, OUTCOME_OK

RAMP, STEADY, AFTER = "ramp", "steady", "after"
UNANSWERED = "unanswered"
"""What stands for an outcome where a request was in flight at the stop."""


def phase_at(at_s: float, ramp_s: float, duration_s: float) -> str:
    """The part of the load that an instant belongs to."""
    if at_s < ramp_s:
        return RAMP
    return STEADY if at_s < duration_s else AFTER


class _Flight(NamedTuple):
    """A request under way. `first`: its user has had no answer yet."""

    intended_s: float
    sent_s: float
    first: bool


@dataclass
class _Completed:
    """The answers of one slot, not yet reported."""

    first_s: float
    last_s: float
    response_us: list[int] = field(default_factory=list)
    service_us: list[int] = field(default_factory=list)


@dataclass
class _Dropped:
    """The dropped arrivals of one second, not yet reported."""

    first_s: float
    last_s: float
    count: int = 0


class Recorder:
    """One load worker's count.

    `is_open`: requests have an intended start of their own, so that service times are kept
    beside response times. `raw`: every single request is reported, too.
    """

    def __init__(
        self, ramp_s: float, duration_s: float, *, is_open: bool = False, raw: bool = False
    ) -> None:
        self._ramp_s, self._duration_s = ramp_s, duration_s
        self._open, self._raw = is_open, raw
        self._completed: dict[Slot, _Completed] = {}
        self._started: Counter[tuple[int, str]] = Counter()
        self._dropped: dict[tuple[int, str], _Dropped] = {}
        self._flying: dict[int, _Flight] = {}
        self._not_ok: defaultdict[str, list[int]] = defaultdict(list)
        self._requests: list[Request] = []
        self._sequence = 0
        self.frozen = False
        """Whether the count has ended: nobody may start a request any more."""
        self.finished = 0
        """Answers counted so far; the master's sum must come to the same."""

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return len(self._flying)

    def start(self, at_s: float, *, intended_s: float | None = None, first: bool = False) -> int:
        """A request leaves; gives its sequence number. RuntimeError once the count is frozen.

        `intended_s`: when it was meant to leave (now, unless given). It belongs to that second.
        """
        if self.frozen:
            raise RuntimeError("a request begins after the count has ended")
        self._sequence += 1
        meant_s = at_s if intended_s is None else intended_s
        self._started[int(meant_s), phase_at(meant_s, self._ramp_s, self._duration_s)] += 1
        self._flying[self._sequence] = _Flight(meant_s, at_s, first)
        return self._sequence

    def finish(self, number: int, at_s: float, route: str, outcome: str) -> None:
        """Its answer (or its failure) is here. Ignored once the count is frozen."""
        if self.frozen:
            return
        intended_s, sent_s, _ = self._flying.pop(number)
        self.finished += 1
        slot = Slot(int(at_s), phase_at(at_s, self._ramp_s, self._duration_s), route, outcome)
        completed = self._completed.get(slot)
        if completed is None:
            completed = self._completed[slot] = _Completed(at_s, at_s)
        completed.last_s = at_s
        completed.response_us.append(round((at_s - intended_s) * 1e6))
        if self._open:
            completed.service_us.append(round((at_s - sent_s) * 1e6))
        if outcome != OUTCOME_OK:
            self._not_ok[outcome].append(number)
        if self._raw:
            self._requests.append(Request(number, intended_s, sent_s, at_s, outcome))

    def drop(self, intended_s: float) -> None:
        """An arrival that found too many requests under way: offered, and never sent."""
        if self.frozen:
            return
        key = int(intended_s), phase_at(intended_s, self._ramp_s, self._duration_s)
        dropped = self._dropped.setdefault(key, _Dropped(intended_s, intended_s))
        dropped.last_s = intended_s
        dropped.count += 1
        if self._raw:
            self._requests.append(Request(None, intended_s, None, None, OUTCOME_DROPPED))

    def freeze(self, at_s: float) -> FinalCount:
        """Ends the count; tells what never became `ok`."""
        self.frozen = True
        not_ok = {outcome: ranges(numbers) for outcome, numbers in self._not_ok.items()}
        if self._flying:
            not_ok[UNANSWERED] = ranges(self._flying)
        return FinalCount(
            highest=self._sequence,
            finished=self.finished,
            not_ok=not_ok,
            unanswered=[
                Unanswered(number, intended_s, sent_s, at_s - intended_s, first)
                for number, (intended_s, sent_s, first) in self._flying.items()
            ],
        )

    def drain(self) -> LoadReport:
        """What is new since the last drain."""
        completed, self._completed = self._completed, {}
        started, self._started = self._started, Counter()
        dropped, self._dropped = self._dropped, {}
        requests, self._requests = self._requests, []
        return LoadReport(
            started=[Started(*key, count) for key, count in started.items()],
            dropped=[
                Dropped(*key, gone.count, gone.first_s, gone.last_s)
                for key, gone in dropped.items()
            ],
            completed=[
                Completed(
                    slot,
                    len(done.response_us),
                    done.first_s,
                    done.last_s,
                    encode(done.response_us),
                    encode(done.service_us) if self._open else None,
                )
                for slot, done in completed.items()
            ],
            requests=requests,
        )


def ranges(numbers: Iterable[int]) -> tuple[Range, ...]:
    """Whole numbers as ascending ranges."""
    found: list[Range] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)
