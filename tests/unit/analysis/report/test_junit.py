"""JUnit XML as its own parser reads it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from analysis.report import report
from rig.model import Status, Verdict
from rig.record import record_from_json
from tests.shares import every
from tests.unit.analysis.sessions import CLAIM, Made, make, steady

pytestmark = pytest.mark.usefixtures("undrawn")

GOLDEN = Path(__file__).parents[3] / "golden" / "session-v2"
OUTCOMES = {Status.PASS: "", Status.WARN: "", Status.FAIL: "Failure", Status.UNKNOWN: "Skipped"}

KEPT = {"cell": {}, "limits": [{"of": "goodput_rps", "relation": ">", "value": 10}]}
MISSED = {"cell": {"target": "sync"}, "limits": [{"of": "p95_ms", "relation": "<", "value": 5}]}
NOWHERE = {"cell": {"target": "x"}, "limits": [{"of": "p99_ms", "relation": "<", "value": 5}]}


def read(session: Path, path: Path) -> dict[str, list[tuple[str, str, str]]]:
    """By suite: class, name and outcome of each case."""
    path.write_text(report(session).junit, encoding="utf-8")
    found = {}
    for suite in JUnitXml.fromfile(str(path)):
        cases = list(suite)
        outcomes = [type(case.result[0]).__name__ if case.result else "" for case in cases]
        assert suite.tests == len(cases)
        assert suite.failures == outcomes.count("Failure")
        assert suite.skipped == outcomes.count("Skipped")
        assert suite.errors == outcomes.count("Error")
        found[str(suite.name).rpartition(" ")[2]] = [
            (str(case.classname), str(case.name), outcome)
            for case, outcome in zip(cases, outcomes, strict=True)
        ]
    return found


def trials(repeats: int = 3) -> list[Made]:
    return [
        Made({"target": target}, steady(rate + replicate), replicate=replicate)
        for replicate in range(1, repeats + 1)
        for target, rate in (("sync", 30), ("async", 90))
    ]


@pytest.mark.parametrize(
    ("repeats", "at_least", "outcome"),
    every(2, [(3, 20, "Failure"), (3, 2, ""), (1, 2, "Skipped")]),
)
def test_a_pair_of_the_claim(tmp_path: Path, repeats: int, at_least: int, outcome: str) -> None:
    claim = {**CLAIM, "at_least": at_least}
    session = make(tmp_path / "s", trials(repeats), claim=claim, repeats=repeats)
    ((group, name, found),) = read(session, tmp_path / "junit.xml")["claim"]
    assert (group, found) == ("claim", outcome)
    assert name == f"goodput_rps, async ÷ sync: at least {at_least}×"


def test_requirements(tmp_path: Path) -> None:
    session = make(tmp_path / "s", trials(), repeats=3, requires=[KEPT, MISSED, NOWHERE])
    found = read(session, tmp_path / "junit.xml")["requirements"]
    assert [outcome for _, _, outcome in found] == ["", "", "Failure", "Skipped"]
    assert found[2][1].startswith("p95 response time < 5 ms at ")
    assert len({name for _, name, _ in found}) == 4


def test_trials_that_have_no_checks_say_why(tmp_path: Path) -> None:
    made = [
        Made({"delay_ms": 0}, skip="cannot be"),
        Made({"delay_ms": 100}, verdict=Verdict.FAILED, why="postgres did not start"),
        Made({"delay_ms": 200}),
    ]
    session = make(tmp_path / "s", made)
    found = read(session, tmp_path / "junit.xml")["checks"]
    assert [outcome for _, _, outcome in found] == ["Skipped", "Error", "Skipped"]
    assert found[0][0] == "checks.0001-made-r1"


def test_a_check_that_cannot_say_is_skipped(tmp_path: Path) -> None:
    session = Path(shutil.copytree(GOLDEN, tmp_path / "20261124-162113"))
    manifests = [json.loads(path.read_text()) for path in session.glob("trials/*/*/manifest.json")]
    checks = [check for one in manifests for check in record_from_json(one).checks]
    found = read(session, tmp_path / "junit.xml")["checks"]
    assert {outcome for _, _, outcome in found} == {"", "Skipped"}
    assert sorted((name, outcome) for _, name, outcome in found) == sorted(
        (check.name, OUTCOMES[check.status]) for check in checks
    )


@pytest.mark.parametrize(
    "text", every(2, ["</testcase>&<![CDATA[", 'a"b', "\ud800 \ufffe", "\x1b[2J\x00"])
)
def test_text_from_outside_is_text(tmp_path: Path, text: str) -> None:
    made: list[Any] = [Made({"delay_ms": 0}, verdict=Verdict.FAILED, why=text)]
    session = make(tmp_path / "s", made)
    (case,) = read(session, tmp_path / "junit.xml")["checks"]
    assert case[2] == "Error"
