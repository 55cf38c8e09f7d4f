"""How `report --check` ends: the claim as an exit code. Pure."""

from __future__ import annotations

from collections.abc import Sequence

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


def check_of(
    session: Session, layout: Layout, pairs: Sequence[Comparison], answer: Answer | None
) -> ExitCode:
    """Of the claim. One pair that contradicts it is enough, whatever becomes of those left open.

    Undecided if a pair differs in something that nobody declared.
    """
    if answer is None:
        return ExitCode.UNDECIDED
    if answer.those(Judgement.CONTRADICTED, Judgement.DIFFERENT):
        return ExitCode.CONTRADICTED
    lost = lost_labels(session, layout, pairs)
    return ExitCode.UNDECIDED if lost else _CHECKS[answer.verdict]
