"""What a load worker tells the master: typed values on both sides, plain lists and maps between.

`to_wire` gives what msgpack carries, `from_wire` makes the value of it again. May not know Locust,
nor how anything is counted. Times are seconds since the load began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rig.disk.hdr import tag_of

INTERVAL_S = 1.0
HEARTBEATS_INTERVAL_S = 10
"""A report is a sign of life, too; heartbeats, which the master answers, cost it more than that."""

RESPONSES = "responses.json"
"""Of the load master's folder while it loads: histograms of the seconds that it told last, by
second."""
MOST_RESPONSES = 32
"""Histograms of a second in it. Where load workers and routes make more, it has none."""
MOST_TOLD = 4
"""Seconds that are told at once: as many as a load may end with."""

Range = tuple[int, int]
"""Consecutive whole numbers: the first and the last of them."""


class Slot(NamedTuple):
    """What one histogram counts: a second of completion, and what completed in it."""

    second: int
    phase: str
    route: str
    outcome: str

    @property
    def tag(self) -> str:
        """The tag of its line in the log."""
        return tag_of(self.phase, self.route, self.outcome)


class Started(NamedTuple):
    """Requests that were meant to leave in one second of one phase."""

    second: int
    phase: str
    requests: int


class Dropped(NamedTuple):
    """Arrivals of one second of one phase that were never sent."""

    second: int
    phase: str
    arrivals: int
    first_s: float
    last_s: float


class Completed(NamedTuple):
    """The answers of one slot, and how often each time in µs, in a histogram's precision.

    `service` of an open load.
    """

    slot: Slot
    answers: int
    first_s: float
    last_s: float
    response: Mapping[int, int]
    service: Mapping[int, int] | None


class Request(NamedTuple):
    """A single request; one that was dropped has no number, no send and no finish."""

    sequence: int | None
    intended_s: float
    sent_s: float | None
    finished_s: float | None
    outcome: str
    route: str = ""
    """What was asked for; empty of one that was dropped."""


class Lags(NamedTuple):
    """How late a load worker woke up in a second: by nearest rank, and all as a log's histogram.

    It makes the histogram itself: the load master would make those of all load workers at the end.
    """

    p50_us: int
    p99_us: int
    max_us: int
    histogram: str


class MeteredSecond(NamedTuple):
    """How busy a load worker was: CPU s per s, users, lateness of its wake-ups, if any."""

    second: int
    cpu_share: float
    users: int
    lags: Lags | None


class Unanswered(NamedTuple):
    """A request in flight at the stop. `first`: its user had had no answer yet."""

    sequence: int
    intended_s: float
    sent_s: float
    age_s: float
    first: bool
    route: str = ""
    """What was asked for."""


@dataclass(frozen=True)
class LoadReport:
    """What is new since a load worker's last report. `requests`: only where all are asked for."""

    started: Sequence[Started] = ()
    dropped: Sequence[Dropped] = ()
    completed: Sequence[Completed] = ()
    requests: Sequence[Request] = ()
    meter: Sequence[MeteredSecond] = ()

    def to_wire(self) -> dict[str, Any]:
        """As it travels."""
        return dict(vars(self))

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> LoadReport:
        """As it was before."""
        return cls(
            started=[Started(*row) for row in wire["started"]],
            dropped=[Dropped(*row) for row in wire["dropped"]],
            completed=[_completed(*row) for row in wire["completed"]],
            requests=[Request(*row) for row in wire["requests"]],
            meter=[_metered(*row) for row in wire["meter"]],
        )


def _metered(second: int, cpu_share: float, users: int, lags: Any) -> MeteredSecond:
    return MeteredSecond(second, cpu_share, users, None if lags is None else Lags(*lags))


def _completed(slot: Any, answers: int, first_s: float, last_s: float, *of: Any) -> Completed:
    response, service = (None if told is None else _counts(told) for told in of)
    return Completed(Slot(*slot), answers, first_s, last_s, response or {}, service)


def _counts(told: Mapping[Any, int]) -> dict[int, int]:
    # JSON knows no other keys than texts
    return {int(value_us): count for value_us, count in told.items()}


@dataclass(frozen=True)
class FinalCount:
    """What a load worker's count comes to when it ends, of requests that never became `ok`."""

    highest: int
    """The last sequence number given out."""
    finished: int
    not_ok: Mapping[str, Sequence[Range]]
    """By outcome, the sequence numbers that ended so."""
    unanswered: Sequence[Unanswered]

    def to_wire(self) -> dict[str, Any]:
        """As it travels."""
        return dict(vars(self))

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> FinalCount:
        """As it was before."""
        return cls(
            highest=wire["highest"],
            finished=wire["finished"],
            not_ok={
                outcome: [(first, last) for first, last in found]
                for outcome, found in wire["not_ok"].items()
            },
            unanswered=[Unanswered(*row) for row in wire["unanswered"]],
        )
