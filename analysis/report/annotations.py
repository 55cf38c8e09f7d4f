"""What a CI service says beside a change: how the check ends, and what was not met."""

from __future__ import annotations

import itertools

from analysis.report.cases import Case, carried, claimed, required
from analysis.report.inputs import ReportInputs
from rig.model import Annotation, ExitCode

MOST_CASES = 9
"""A service shows ten of a step."""

_LEVELS = {ExitCode.OK: "notice", ExitCode.CONTRADICTED: "error", ExitCode.UNDECIDED: "warning"}


def annotated(inputs: ReportInputs, summary: str) -> tuple[Annotation, ...]:
    """`summary`, and up to nine cases that do not pass, those that fail first."""
    check = inputs.analysed.check
    title = f"{inputs.session.experiment}: {check.name.lower()}"
    cases = [
        one
        for one in (*required(inputs), *claimed(inputs), *carried(inputs))
        if one.outcome != "passed"
    ]
    cases.sort(key=lambda case: case.outcome != "failure")
    shown = itertools.islice(cases, MOST_CASES)
    return (Annotation(_LEVELS[check], title, summary), *map(_of_case, shown))


def _of_case(case: Case) -> Annotation:
    level = "error" if case.outcome == "failure" else "warning"
    return Annotation(level, case.name, case.says)
