"""The rows of the load's tables: which columns they have, and the bounds of each.

Pure. docs/results-format.md says what each column means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from rig.model import OUTCOME_OK, AtS, Between, Count, Index, LengthS, Second

Phase = Literal["ramp", "steady", "after"]
MOST_A_SECOND = 10**7
"""Answers of one second: more than any machine gives."""
ASecond = Annotated[int, Between(0, MOST_A_SECOND)]


@dataclass(frozen=True)
class Completion:
    """The answers of one outcome in one second; instants in s since the load's start."""

    second: Second
    phase: Phase
    route: str
    outcome: str
    count: ASecond
    first_s: AtS
    last_s: AtS

    @property
    def ok(self) -> bool:
        """Whether these answers were correct."""
        return self.outcome == OUTCOME_OK


@dataclass(frozen=True)
class SecondRow:
    """What the users did in one second (or the part of it that lies in `phase`)."""

    second: Second
    phase: Phase
    users: Index | None
    """None in an open load."""
    started: ASecond
    in_flight: Annotated[int, Between(-(10**9), 10**9)]
    planned_users: Index | None
    """None in an open load."""
    finished: ASecond
    dropped: ASecond


@dataclass(frozen=True)
class LoadWorkerRow:
    """How busy one load worker was in one second."""

    second: Second
    load_worker: str
    cpu_share: Annotated[float, Between(-1, 10**4)]


@dataclass(frozen=True)
class UnansweredRow:
    """A request in flight at the stop."""

    started_s: AtS
    age_s: LengthS
    first: Literal["0", "1"]
    route: str = ""
    """What was asked for; older files do not say it."""


@dataclass(frozen=True)
class Sequences:
    """Sequence numbers that did not end well, both ends of the range in it."""

    load_worker: str
    outcome: str
    first: Count
    last: Count
