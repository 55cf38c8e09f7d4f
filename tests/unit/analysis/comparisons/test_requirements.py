"""Requirements: met or missed by the whole interval, and what else there is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from analysis.comparisons.requirements import JudgedLimit, judged_limits
from analysis.report import report
from analysis.report.inputs import read_inputs
from analysis.tables import analysed
from rig.config.matrix import Limit, Requirement
from rig.model import ExitCode
from tests.unit.analysis.sessions import CLAIM, Made, make, steady
from tests.unit.analysis.summary_schema import fitting


def required(of: str, relation: str, value: float, **cell: Any) -> dict[str, Any]:
    """As `session.json` has it: written by the rig's own value."""
    return dataclasses.asdict(Requirement(cell, (Limit(of, relation, value),)))


def runs(*rates: float, ms: float = 50.0, failed: float = 0.0) -> list[Made]:
    return [
        Made(answers=steady(rate, ms, failed, "timeout"), replicate=number)
        for number, rate in enumerate(rates, 1)
    ]


def judged(
    folder: Path, trials: Sequence[Made], *requires: dict[str, Any], **about: Any
) -> Sequence[JudgedLimit]:
    repeats = max((one.replicate for one in trials), default=1)
    given = {"claim": None, "repeats": repeats, "requires": requires, **about}
    return analysed(make(folder / "s", trials, **given)).required


FOUR = 98, 100, 101, 102


@pytest.mark.parametrize(
    ("trials", "requirement", "judgement"),
    [
        (runs(*FOUR), required("goodput_rps", ">", 90), "supported"),
        (runs(*FOUR), required("goodput_rps", ">", 110), "contradicted"),
        (runs(*FOUR), required("goodput_rps", ">", 100), "not decided"),
        (runs(*FOUR), required("max_goodput_rps", ">=", 90), "supported"),
        (runs(*FOUR), required("p95_ms", "<", 100), "supported"),
        (runs(*FOUR), required("p50_ms", "<", 30), "contradicted"),
        (runs(*FOUR), required("failure_share", "<", 0.01), "supported"),
        (runs(*FOUR), required("failure_share", "<", 0.0001), "not decided"),
        (runs(*FOUR, failed=0.04), required("failure_share", "<", 0.01), "contradicted"),
        # of those that did not fail they are, and nobody knows of the others
        (runs(*FOUR, failed=0.1), required("p50_ms", "<", 100), "withheld"),
        (runs(*FOUR, failed=0.1), required("p50_ms", "<", 30), "contradicted"),
        # one run: by more than runs differ, or not
        (runs(100), required("goodput_rps", ">", 60), "supported"),
        (runs(100), required("goodput_rps", ">", 150), "contradicted"),
        (runs(100), required("goodput_rps", ">", 90), "not decided"),
        (runs(100), required("p95_ms", "<", 200), "supported"),
        (runs(100), required("failure_share", "<", 0.01), "supported"),
        (runs(20), required("failure_share", "<", 0.01), "not decided"),
        # too few
        (runs(10), required("p99_ms", "<", 200), "not decided"),
        (runs(0.1), required("goodput_rps", ">", 100), "not decided"),
        (runs(100), required("p95_ms", "<", 200, target="nobody"), "not measured"),
        (runs(100), required("p95_ms", "<", 200, target="sync", delay_ms=100), "supported"),
    ],
)
def test_a_bound_is_judged(
    tmp_path: Path, trials: list[Made], requirement: dict[str, Any], judgement: str
) -> None:
    (one,) = judged(tmp_path, trials, requirement)
    assert one.judgement == judgement, one
    assert bool(one.notes) == (judgement not in ("supported", "contradicted") or len(trials) == 1)
    if len(trials) == 1 and one.cell and one.cell.valid and one.known.low is not None:
        assert any("one run" in note for note in one.notes)


def test_a_lower_bound_decides_what_is_below_it(tmp_path: Path) -> None:
    made = [Made(answers=steady(20), unanswered=[(4.0, False)] * 20)]
    below, above = judged(
        tmp_path, made, required("p95_ms", "<", 200), required("p95_ms", "<", 900_000)
    )
    assert (below.known.basis, below.known.value) == ("bounds", None)
    assert below.judgement == "contradicted"
    assert above.judgement == "not decided"
    assert above.notes[0].startswith("it is a bound only: more than ")


def test_in_an_overload_nothing_is_said_of_response_times(tmp_path: Path) -> None:
    asked = [required("p95_ms", "<", 200)]
    found = analysed(make(tmp_path / "s", runs(30), claim=None, requires=asked))
    (cell,) = found.cells
    nothing = dataclasses.replace(
        cell.measures, p95_ms=None, p95_upper_ms=None, response_state="overload"
    )
    overloaded = dataclasses.replace(cell, measures=nothing)
    (one,) = judged_limits(found.session, [overloaded], ended=True)
    assert one.judgement == "not decided"
    assert one.notes[0].startswith("overload")


def test_every_cell_has_its_own(tmp_path: Path) -> None:
    trials = [Made({"delay_ms": delay}, steady(rate)) for delay, rate in ((0, 90), (100, 20))]
    fast, slow = judged(tmp_path, trials, required("goodput_rps", ">", 50))
    assert fast.cell is not None
    assert fast.cell.levels["delay_ms"] == 0
    assert (fast.judgement, slow.judgement) == ("supported", "contradicted")


def test_before_the_end_nothing_is_decided(tmp_path: Path) -> None:
    trials = [*runs(100, 101), Made(replicate=3)]
    (one,) = judged(tmp_path, trials, required("goodput_rps", ">", 50))
    assert (one.judgement, one.notes) == ("not decided", ("the session has not ended",))


CLAIMED = [
    Made({"target": target}, steady(rate + replicate), replicate=replicate)
    for replicate in (1, 2, 3)
    for target, rate in (("sync", 30), ("async", 90))
]
KEPT, BROKEN = required("goodput_rps", ">", 10), required("goodput_rps", ">", 1000)
OPEN_ONE = required("p99_ms", "<", 1, target="nobody")


@pytest.mark.parametrize(
    ("claim", "requires", "code"),
    [
        (CLAIM, [], ExitCode.OK),
        (CLAIM, [KEPT], ExitCode.OK),
        (CLAIM, [KEPT, BROKEN, OPEN_ONE], ExitCode.CONTRADICTED),
        (CLAIM, [KEPT, OPEN_ONE], ExitCode.UNDECIDED),
        ({**CLAIM, "at_least": 50}, [KEPT], ExitCode.CONTRADICTED),
        ({**CLAIM, "at_least": 3}, [KEPT], ExitCode.UNDECIDED),
        ({**CLAIM, "at_least": 3}, [BROKEN], ExitCode.CONTRADICTED),
        (None, [KEPT], ExitCode.OK),
        (None, [BROKEN], ExitCode.CONTRADICTED),
        (None, [OPEN_ONE], ExitCode.UNDECIDED),
        (None, [], ExitCode.UNDECIDED),
    ],
)
def test_the_check_is_of_claim_and_requirements(
    tmp_path: Path, claim: Any, requires: list[dict[str, Any]], code: ExitCode
) -> None:
    session = make(tmp_path / "s", CLAIMED, claim=claim, requires=requires, repeats=3)
    assert analysed(session).check is code


@pytest.mark.usefixtures("undrawn")
def test_report_and_programs_are_told(tmp_path: Path) -> None:
    session = make(
        tmp_path / "s", CLAIMED, claim=None, requires=[KEPT, BROKEN, OPEN_ONE], repeats=3
    )
    result = report(session)
    assert result.check is ExitCode.CONTRADICTED
    counted, *others = result.messages
    assert counted == "2 of 5 requirements are met; 2 missed, 1 not measured."
    assert others[0].startswith("missed: Correct answers a second > 1000 at ")
    assert "(95 %: " in others[0]
    assert others[2] == (
        "not measured: p99 response time < 1 ms at nobody: —; "
        "no cell of this session has these levels"
    )
    page = result.html.read_text(encoding="utf-8")
    text = result.markdown.read_text(encoding="utf-8")
    assert all("requirements are met" in one for one in (page, text))
    assert "| **missed** |" in text or "missed" in text
    said = fitting(session / "derived")
    assert [one["judgement"] for one in said["requirements"]] == [
        "supported", "supported", "contradicted", "contradicted", "not measured",
    ]  # fmt: skip
    assert said["check"] == {"exit_code": 8, "says": "contradicted"}


def test_a_session_of_before_requires_nothing(tmp_path: Path) -> None:
    inputs = read_inputs(make(tmp_path / "s", runs(30)))
    assert inputs.required == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"of": "p90_ms"}, {"relation": "="}, {"value": -1}, {"value": "300"}, {"more": 1},
    ],
)  # fmt: skip
def test_what_no_rig_wrote_is_refused_in_a_line(tmp_path: Path, wrong: dict[str, Any]) -> None:
    asked = required("p95_ms", "<", 300)
    asked["limits"] = ({**asked["limits"][0], **wrong},)
    with pytest.raises(Exception, match=r"session\.json.*not as a session is written") as caught:
        judged(tmp_path, runs(30), asked)
    assert "\n" not in str(caught.value).split("\n  ")[0]
