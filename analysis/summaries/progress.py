"""How far a session has come with what it planned. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.reading.session import Session
from analysis.summaries.trials import MISSING, TrialResult


@dataclass(frozen=True)
class SessionProgress:
    """What is done, and whether more is to come."""

    ended: bool
    done: int
    planned: int
    unit: str
    """What these are: blocks, or trials where each cell is measured once."""

    def __str__(self) -> str:
        return f"{self.done} of {self.planned} {self.unit} are done"


def progress_of(session: Session, results: Sequence[TrialResult]) -> SessionProgress:
    """Of the session's trials in the order of the schedule, as many as are scheduled.

    Blocks are scheduled one after the other. A session that repeats until something is known has
    ended with its last block, whichever that is; a trial without a record is still to come.
    """
    missing = {result.scheduled.block for result in results if result.verdict == MISSING}
    scheduled = {result.scheduled.block for result in results}
    whole = len(scheduled - missing)
    if session.search is not None or session.repeats == 1:
        done = sum(result.verdict != MISSING for result in results)
        return SessionProgress(not missing, done, len(results), "trials")
    least = session.repeats if session.until is None else session.until.at_least
    return SessionProgress(
        not missing and whole >= least, whole, max(session.repeats, whole), "blocks"
    )
