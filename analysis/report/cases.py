"""A report as cases that pass or not: requirements, pairs of the claim, checks of trials.

May not know in which form a service wants them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from analysis.comparisons.checking import check_of_capacity
from analysis.inference import Judgement
from analysis.report.carrying import carrying_of, objective_words
from analysis.report.claimed_pairs import claimed_pairs
from analysis.report.inputs import ReportInputs
from analysis.report.sections import requirements
from analysis.report.wording import bounded
from analysis.summaries.trials import TrialResult
from rig.model import ExitCode, Status, Verdict

Outcome = Literal["passed", "failure", "error", "skipped"]

_OF_JUDGEMENT: dict[Judgement, Outcome] = {
    Judgement.SUPPORTED: "passed",
    Judgement.EQUIVALENT: "passed",
    Judgement.CONTRADICTED: "failure",
    Judgement.DIFFERENT: "failure",
}
_OF_STATUS: dict[Status, Outcome] = {
    Status.PASS: "passed",
    Status.WARN: "passed",
    Status.FAIL: "failure",
    Status.UNKNOWN: "skipped",
}


_OF_CHECK: dict[ExitCode, Outcome] = {
    ExitCode.OK: "passed",
    ExitCode.CONTRADICTED: "failure",
}


@dataclass(frozen=True)
class Case:
    """One line of a CI service's list. `says`: why it is not passed; of a passed one a remark."""

    group: str
    name: str
    outcome: Outcome
    says: str = ""


def required(inputs: ReportInputs) -> Iterator[Case]:
    """Every bound in each of its cells; one that is not decided is skipped."""
    for one in inputs.required:
        name = f"{one.limit} at {requirements.place(inputs, one)}"
        outcome = _OF_JUDGEMENT.get(one.judgement, "skipped")
        yield Case("requirements", name, outcome, requirements.sentence(inputs, one))


def claimed(inputs: ReportInputs) -> Iterator[Case]:
    """Every pair of the claim; one that is not decided is skipped."""
    claim, answer = inputs.session.claim, inputs.answer
    if claim is None or answer is None:
        return
    what = f"{claim.of}, {inputs.session.claimed_ratio}: {claim.bound}"
    for one in claimed_pairs(inputs, claim, answer):
        pair = one.judged.pair
        said = [str(one.judged.judgement), bounded(pair), pair.no_ratio_reason, pair.failing]
        name = f"{what} at {one.place}" if one.place else what
        outcome = _OF_JUDGEMENT.get(one.judged.judgement, "skipped")
        yield Case("claim", name, outcome, "; ".join(filter(None, said)))


def carried(inputs: ReportInputs) -> Iterator[Case]:
    """That some deployment carries what is asked for, or anything; where that is open, skipped."""
    session, found = inputs.session, inputs.capacities
    code = check_of_capacity(session, found, ended=inputs.progress.ended)
    if code is None or session.objective is None:
        return
    rate = f"{session.rate_per_s:g} /s" if session.rate_per_s else "a rate"
    name = f"a deployment carries {rate} within {objective_words(session.objective)}"
    says = carrying_of(inputs).lines[0]
    yield Case("capacity", name, _OF_CHECK.get(code, "skipped"), says)


def checked(result: TrialResult) -> Iterator[Case]:
    """A trial's checks; of one that has none, why."""
    group = f"checks.{result.scheduled.trial}"
    checks = result.record.checks if result.record else ()
    for check in checks:
        yield Case(group, check.name, _OF_STATUS[check.status], check.says)
    if not checks and result.verdict != Verdict.VALID:
        outcome: Outcome = "error" if result.verdict == Verdict.FAILED else "skipped"
        yield Case(group, "measured", outcome, f"{result.verdict}: {result.reason}")
