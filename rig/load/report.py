"""What a load worker tells the master: typed values on both sides, plain lists and maps between.

`to_wire` gives what msgpack carries, `from_wire` makes the value of it again. May not know Locust,
nor how anything is counted. Times are seconds since the load began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

INTERVAL_S = 1.0
HEARTBEATS_INTERVAL_S = 10
"""A report is a sign of life, too; heartbeats, which the master answers, cost it more than that."""

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
        return f"{self.phase}|{self.route}|{self.outcome}"


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
    """The answers of one slot. Their times are encoded histograms; `service` of an open load."""

    slot: Slot
    answers: int
    first_s: float
    last_s: float
    response: str
    service: str | None


class Request(NamedTuple):
    """A single request; one that was dropped has no number, no send and no finish."""

    sequence: int | None
    intended_s: float
    sent_s: float | None
    finished_s: float | None
    outcome: str


class MeteredSecond(NamedTuple):
    """How busy a load worker was: CPU s per s, users, lateness of each wake-up."""

    second: int
    cpu_share: float
    users: int
    lags_us: Sequence[int]


class Unanswered(NamedTuple):
    """A request in flight at the stop. `first`: its user had had no answer yet."""

    sequence: int
    intended_s: float
    sent_s: float
    age_s: float
    first: bool


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
            completed=[Completed(Slot(*slot), *rest) for slot, *rest in wire["completed"]],
            requests=[Request(*row) for row in wire["requests"]],
            meter=[MeteredSecond(*row) for row in wire["meter"]],
        )


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
