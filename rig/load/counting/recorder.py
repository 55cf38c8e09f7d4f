"""Counts and times every request, once, in each load worker.

Pure: it is told the time, so the fake backend feeds it a simulated clock. May not know Locust
nor what the master makes of its reports (`completions`). Times are seconds since the load
began; response times go into HdrHistograms per second of completion, phase, route and outcome.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rig.load.counting.hlog import as_counted_us
from rig.load.counting.report import (
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


class _Completed:
    """The answers of one slot, not yet reported."""

    __slots__ = ("answers", "first_s", "last_s", "response", "service")

    def __init__(self, first_s: float) -> None:
        self.first_s = self.last_s = first_s
        self.answers = 0
        self.response: dict[int, int] = {}
        """How often each time, in µs."""
        self.service: dict[int, int] = {}


class _Window:
    """One second of one phase, not yet reported: what was meant to leave, and what came back.

    It is known by its bounds, so that most requests find theirs where the last one did.
    """

    __slots__ = ("completed", "from_s", "phase", "second", "started", "until_s")

    def __init__(self, second: int, phase: str, from_s: float, until_s: float) -> None:
        self.second, self.phase = second, phase
        self.from_s, self.until_s = from_s, until_s
        self.started = 0
        self.completed: dict[tuple[str, str], _Completed] = {}
        """By route and outcome."""


_NOWHERE = _Window(0, RAMP, math.inf, math.inf)


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
        self._windows: dict[tuple[int, str], _Window] = {}
        self._last_meant = self._last_ended = _NOWHERE
        self._dropped: dict[tuple[int, str], _Dropped] = {}
        self._flying: dict[int, tuple[float, float, bool, str]] = {}
        """By number: intended, sent, whether its user has had no answer yet, and its route."""
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

    def start(
        self, at_s: float, *, intended_s: float | None = None, first: bool = False, route: str = ""
    ) -> int:
        """A request leaves; gives its sequence number. RuntimeError once the count is frozen.

        `intended_s`: when it was meant to leave (now, unless given). It belongs to that second.
        `first`: its user has had no answer yet. `route`: what it asks for, as far as that is known.
        """
        if self.frozen:
            raise RuntimeError("a request begins after the count has ended")
        self._sequence = number = self._sequence + 1
        meant_s = at_s if intended_s is None else intended_s
        window = self._last_meant
        if not window.from_s <= meant_s < window.until_s:
            window = self._last_meant = self._window(meant_s)
        window.started += 1
        self._flying[number] = (meant_s, at_s, first, route)
        return number

    def _window(self, at_s: float) -> _Window:
        """Where an instant belongs."""
        second, phase = int(at_s), phase_at(at_s, self._ramp_s, self._duration_s)
        window = self._windows.get((second, phase))
        if window is None:
            edges_s = [at_s, second, second + 1, self._ramp_s, self._duration_s]
            from_s = max(edge_s for edge_s in edges_s if edge_s <= at_s)
            until_s = min((edge_s for edge_s in edges_s if edge_s > at_s), default=at_s)
            window = self._windows[second, phase] = _Window(second, phase, from_s, until_s)
        return window

    def finish(self, number: int, at_s: float, route: str, outcome: str) -> None:
        """Its answer (or its failure) is here. Ignored once the count is frozen."""
        if self.frozen:
            return
        intended_s, sent_s, _, _ = self._flying.pop(number)
        self.finished += 1
        window = self._last_ended
        if not window.from_s <= at_s < window.until_s:
            window = self._last_ended = self._window(at_s)
        completed = window.completed.get((route, outcome))
        if completed is None:
            completed = window.completed[route, outcome] = _Completed(at_s)
        completed.last_s = at_s
        completed.answers += 1
        # now, and not when it is reported: all at once they would stop everybody else
        took_us = as_counted_us(round((at_s - intended_s) * 1e6))
        completed.response[took_us] = completed.response.get(took_us, 0) + 1
        if self._open:
            took_us = as_counted_us(round((at_s - sent_s) * 1e6))
            completed.service[took_us] = completed.service.get(took_us, 0) + 1
        if outcome != OUTCOME_OK:
            self._not_ok[outcome].append(number)
        if self._raw:
            self._requests.append(Request(number, intended_s, sent_s, at_s, outcome, route))

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
                Unanswered(number, intended_s, sent_s, at_s - intended_s, first, route)
                for number, (intended_s, sent_s, first, route) in self._flying.items()
            ],
        )

    def drain(self, observe: Callable[[Slot, Mapping[int, int]], None] | None = None) -> LoadReport:
        """What is new since the last drain.

        `observe` is called with each slot and its tally: how often each response time, in µs.
        """
        windows, self._windows = self._windows.values(), {}
        self._last_meant = self._last_ended = _NOWHERE
        dropped, self._dropped = self._dropped, {}
        requests, self._requests = self._requests, []
        completed: list[Completed] = []
        for window in windows:
            for (route, outcome), done in window.completed.items():
                slot = Slot(window.second, window.phase, route, outcome)
                if observe is not None:
                    observe(slot, done.response)
                completed.append(self._report(slot, done))
        return LoadReport(
            started=[Started(it.second, it.phase, it.started) for it in windows if it.started],
            dropped=[
                Dropped(*key, gone.count, gone.first_s, gone.last_s)
                for key, gone in dropped.items()
            ],
            completed=completed,
            requests=requests,
        )

    def _report(self, slot: Slot, done: _Completed) -> Completed:
        service = done.service if self._open else None
        return Completed(slot, done.answers, done.first_s, done.last_s, done.response, service)


def ranges(numbers: Iterable[int]) -> tuple[Range, ...]:
    """Whole numbers as ascending ranges."""
    found: list[Range] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)
