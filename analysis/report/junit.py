"""A report as JUnit XML, which CI services show: a case for each requirement, pair and check.

A case that is not decided is skipped, with the reason. May not know where the file stands.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.inference import Judgement
from analysis.report.claimed_pairs import claimed_pairs
from analysis.report.inputs import ReportInputs
from analysis.report.sections import requirements
from analysis.report.wording import bounded
from analysis.summaries.trials import TrialResult
from rig.model import Status, Verdict, printable

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


@dataclass(frozen=True)
class Case:
    """One line of a CI service's list. `says`: why it is not passed; of a passed one a remark."""

    group: str
    name: str
    outcome: Outcome
    says: str = ""


def junit(inputs: ReportInputs) -> str:
    """The document; a suite for the requirements, the claim and each trial's checks."""
    suites = {
        "requirements": list(_required(inputs)),
        "claim": list(_claimed(inputs)),
        "checks": [case for one in inputs.results for case in _checked(one)],
    }
    session = inputs.session
    root = ElementTree.Element("testsuites", name=printable(session.name))
    for name, cases in suites.items():
        if cases:
            root.append(_suite(f"{session.experiment} {name}", cases))
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _required(inputs: ReportInputs) -> Iterator[Case]:
    for one in inputs.required:
        name = f"{one.limit} at {requirements.place(inputs, one)}"
        outcome = _OF_JUDGEMENT.get(one.judgement, "skipped")
        yield Case("requirements", name, outcome, requirements.sentence(inputs, one))


def _claimed(inputs: ReportInputs) -> Iterator[Case]:
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


def _checked(result: TrialResult) -> Iterator[Case]:
    """A trial's checks; of one that has none, why."""
    group = f"checks.{result.scheduled.trial}"
    checks = result.record.checks if result.record else ()
    for check in checks:
        yield Case(group, check.name, _OF_STATUS[check.status], check.says)
    if not checks and result.verdict != Verdict.VALID:
        outcome: Outcome = "error" if result.verdict == Verdict.FAILED else "skipped"
        yield Case(group, "measured", outcome, f"{result.verdict}: {result.reason}")


def _suite(name: str, cases: Sequence[Case]) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=printable(name), tests=str(len(cases)))
    counts = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    for attribute, outcome in counts.items():
        suite.set(attribute, str(sum(case.outcome == outcome for case in cases)))
    for case in cases:
        about = {"classname": printable(case.group), "name": printable(case.name)}
        element = ElementTree.SubElement(suite, "testcase", about)
        if case.outcome == "passed":
            ElementTree.SubElement(element, "system-out").text = printable(case.says)
        else:
            ElementTree.SubElement(element, case.outcome, message=printable(case.says))
    return suite
