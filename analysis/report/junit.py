"""A report as JUnit XML, which CI services show. May not know where the file stands."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

from analysis.report.cases import Case, carried, checked, claimed, required
from analysis.report.inputs import ReportInputs
from rig.model import printable


def junit(inputs: ReportInputs) -> str:
    """The document; a suite each for requirements, claim, capacity and the trials' checks."""
    suites = {
        "requirements": list(required(inputs)),
        "claim": list(claimed(inputs)),
        "capacity": list(carried(inputs)),
        "checks": [case for one in inputs.results for case in checked(one)],
    }
    session = inputs.session
    root = ElementTree.Element("testsuites", name=printable(session.name))
    for name, cases in suites.items():
        if cases:
            root.append(_suite(f"{session.experiment} {name}", cases))
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


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
