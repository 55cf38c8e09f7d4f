"""How `report --check` ends: claim and requirements as an exit code. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.comparisons.capacities import Carrying
from analysis.comparisons.requirements import JudgedLimit
from analysis.comparisons.same_setup import Comparison, lost_labels
from analysis.inference import ClaimResult, JudgedClaim, Judgement
from analysis.reading.session import Session
from analysis.summaries.layout import Layout
from rig.inference.capacity import Capacity, Outcome
from rig.model import ExitCode

_CHECKS = {
    ClaimResult.SUPPORTED: ExitCode.OK,
    ClaimResult.EQUIVALENT: ExitCode.OK,
    ClaimResult.CONTRADICTED: ExitCode.CONTRADICTED,
    ClaimResult.DIFFERENT: ExitCode.CONTRADICTED,
    ClaimResult.DEPENDS: ExitCode.CONTRADICTED,
    ClaimResult.INDICATED: ExitCode.UNDECIDED,
    ClaimResult.NOT_DECIDED: ExitCode.UNDECIDED,
}
_OF_LIMITS = {
    Judgement.SUPPORTED: ExitCode.OK,
    Judgement.CONTRADICTED: ExitCode.CONTRADICTED,
}


def check_of(
    session: Session,
    layout: Layout,
    pairs: Sequence[Comparison],
    answer: JudgedClaim | None,
    required: Sequence[JudgedLimit],
) -> ExitCode:
    """Of claim and requirements together. One that is contradicted is enough, whatever becomes of
    those left open. Undecided where there is neither."""
    codes = [_OF_LIMITS.get(one.judgement, ExitCode.UNDECIDED) for one in required]
    if session.claim is not None or not required:
        codes.append(_of_claim(session, layout, pairs, answer))
    worst_first = ExitCode.CONTRADICTED, ExitCode.UNDECIDED, ExitCode.OK
    return next(code for code in worst_first if code in codes)


def check_of_capacity(
    session: Session, found: Sequence[Carrying], *, ended: bool
) -> ExitCode | None:
    """Of an objective: one deployment that keeps it, at the rate that is to be carried where there
    is one, is enough. None where nothing is asked for."""
    if session.objective is None or session.claim is not None or session.requires:
        return None
    if session.rate_per_s is None:
        carry = [_carries_something(one.capacity) for one in found]
    else:
        carry = [one.carries for one in found]
    if True in carry:
        return ExitCode.OK
    decided = ended and carry and None not in carry
    return ExitCode.CONTRADICTED if decided else ExitCode.UNDECIDED


def _carries_something(capacity: Capacity) -> bool | None:
    if capacity.outcome is Outcome.NEVER:
        return False
    return True if capacity.low_per_s is not None else None


def _of_claim(
    session: Session, layout: Layout, pairs: Sequence[Comparison], answer: JudgedClaim | None
) -> ExitCode:
    """One pair that contradicts it is enough. Undecided if a pair differs in something that nobody
    declared."""
    if answer is None:
        return ExitCode.UNDECIDED
    if answer.those(Judgement.CONTRADICTED, Judgement.DIFFERENT):
        return ExitCode.CONTRADICTED
    lost = lost_labels(session, layout, pairs)
    return ExitCode.UNDECIDED if lost else _CHECKS[answer.verdict]
