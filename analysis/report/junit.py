"""A report as JUnit XML, which CI services show. May not know where the file stands."""

from __future__ import annotations

import io
from collections.abc import Sequence

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from analysis.report.cases import Case, carried, checked, claimed, required
from analysis.report.inputs import ReportInputs
from rig.model import printable

_RESULTS = {"failure": Failure, "error": Error, "skipped": Skipped}


def junit(inputs: ReportInputs) -> str:
    """The document; a suite each for requirements, claim, capacity and the trials' checks."""
    suites = {
        "requirements": list(required(inputs)),
        "claim": list(claimed(inputs)),
        "capacity": list(carried(inputs)),
        "checks": [case for one in inputs.results for case in checked(one)],
    }
    session = inputs.session
    document = JUnitXml(printable(session.name))
    for name, cases in suites.items():
        if cases:
            document.add_testsuite(_suite(f"{session.experiment} {name}", cases))
    written = io.BytesIO()
    document.write(written, pretty=True)
    return written.getvalue().decode()


def _suite(name: str, cases: Sequence[Case]) -> TestSuite:
    suite = TestSuite(printable(name))
    suite.add_testcases([_case(one) for one in cases])
    return suite


def _case(one: Case) -> TestCase:
    case = TestCase(printable(one.name), printable(one.group))
    if one.outcome == "passed":
        case.system_out = printable(one.says)
    else:
        case.result = _RESULTS[one.outcome](printable(one.says))
    return case
