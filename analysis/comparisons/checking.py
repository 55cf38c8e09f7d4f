"""How `report --check` ends: claim and requirements as an exit code. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.comparisons.requirements import JudgedLimit
from analysis.comparisons.same_setup import Comparison, lost_labels
from analysis.inference import Answer, Judgement, Verdict
from analysis.reading.session import Session
from analysis.summaries.layout import Layout
from rig.model import ExitCode

_CHECKS = {
    Verdict.SUPPORTED: ExitCode.OK,
    Verdict.EQUIVALENT: ExitCode.OK,
    Verdict.CONTRADICTED: ExitCode.CONTRADICTED,
    Verdict.DIFFERENT: ExitCode.CONTRADICTED,
    Verdict.DEPENDS: ExitCode.CONTRADICTED,
    Verdict.INDICATED: ExitCode.UNDECIDED,
    Verdict.NOT_DECIDED: ExitCode.UNDECIDED,
}
_OF_LIMITS = {
    Judgement.SUPPORTED: ExitCode.OK,
    Judgement.CONTRADICTED: ExitCode.CONTRADICTED,
}


def check_of(
    session: Session,
    layout: Layout,
    pairs: Sequence[Comparison],
    answer: Answer | None,
    required: Sequence[JudgedLimit],
) -> ExitCode:
    """Of claim and requirements together. One that is contradicted is enough, whatever becomes of
    those left open. Undecided where there is neither."""
    codes = [_OF_LIMITS.get(one.judgement, ExitCode.UNDECIDED) for one in required]
    if session.claim is not None or not required:
        codes.append(_of_claim(session, layout, pairs, answer))
    worst_first = ExitCode.CONTRADICTED, ExitCode.UNDECIDED, ExitCode.OK
    return next(code for code in worst_first if code in codes)


def _of_claim(
    session: Session, layout: Layout, pairs: Sequence[Comparison], answer: Answer | None
) -> ExitCode:
    """One pair that contradicts it is enough. Undecided if a pair differs in something that nobody
    declared."""
    if answer is None:
        return ExitCode.UNDECIDED
    if answer.those(Judgement.CONTRADICTED, Judgement.DIFFERENT):
        return ExitCode.CONTRADICTED
    lost = lost_labels(session, layout, pairs)
    return ExitCode.UNDECIDED if lost else _CHECKS[answer.verdict]
