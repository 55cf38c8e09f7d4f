from __future__ import annotations

import json
from pathlib import Path

from analysis.comparisons.thrown_out import ThrownOut
from analysis.inference import ClaimResult
from analysis.report.inputs import read_inputs
from rig.model import Verdict
from tests.unit.analysis import sessions
from tests.unit.analysis.sessions import Made, steady

SYNC, ASYNC = {"target": "sync"}, {"target": "async"}


def repeated(async_rps: float) -> list[Made]:
    return [
        Made(levels, steady(rps + replicate), replicate=replicate)
        for replicate in (1, 2, 3, 4)
        for levels, rps in ((SYNC, 20), (ASYNC, async_rps))
    ]


def found(folder: Path) -> ThrownOut:
    thrown = read_inputs(folder).thrown_out
    assert thrown is not None
    return thrown


def second_attempt(trial: Path, made: Made) -> None:
    """The one that counts; the first was thrown out."""
    first = trial / "attempt-1" / "manifest.json"
    record = json.loads(first.read_text())
    check = {"name": "generator", "status": "fail", "says": "too late", "again": True, "needs": ""}
    first.write_text(json.dumps({**record, "verdict": "invalid", "checks": [check]}))
    sessions.attempt(trial, made, 2)


def test_none(tmp_path: Path) -> None:
    thrown = found(sessions.make(tmp_path / "s", repeated(80)))
    assert [(side.level, side.attempts, side.thrown_out) for side in thrown.sides] == [
        ("async", 4, 0),
        ("sync", 4, 0),
    ]
    assert (thrown.measured, thrown.changed) == (0, 0)


def test_an_attempt_that_was_tried_again_is_counted_with_its_check(tmp_path: Path) -> None:
    folder = sessions.make(tmp_path / "s", repeated(80))
    second_attempt(folder / "trials" / "0002-made-r1", Made(ASYNC, steady(82)))
    thrown = found(folder)
    over, under = thrown.sides
    assert (over.attempts, over.thrown_out, over.reasons) == (5, 1, {"generator": 1})
    assert (under.attempts, under.thrown_out) == (4, 0)
    assert (thrown.measured, thrown.changed) == (1, 0)


def test_its_number_may_turn_the_verdict(tmp_path: Path) -> None:
    made = repeated(80)
    made[1] = Made(ASYNC, steady(4))
    folder = sessions.make(tmp_path / "s", made)
    second_attempt(folder / "trials" / "0002-made-r1", Made(ASYNC, steady(80)))
    inputs = read_inputs(folder)
    assert inputs.answer is not None
    assert inputs.answer.verdict is ClaimResult.SUPPORTED
    thrown = found(folder)
    assert thrown.changed == 1
    assert thrown.answer is not None
    assert thrown.answer.verdict is ClaimResult.NOT_DECIDED


def test_a_trial_that_never_counted(tmp_path: Path) -> None:
    made = repeated(80)
    made[0] = Made(SYNC, steady(20), Verdict.INVALID, "delay: gone")
    made[2] = Made(SYNC, (), Verdict.FAILED, "load: broke", replicate=2)
    thrown = found(sessions.make(tmp_path / "s", made))
    _, under = thrown.sides
    assert (under.attempts, under.thrown_out) == (4, 2)
    assert under.reasons == {"invalid": 1, "failed in provision": 1}
    assert thrown.measured == 1


def test_without_a_claim_there_are_no_sides(tmp_path: Path) -> None:
    folder = sessions.make(tmp_path / "s", repeated(80), claim=None)
    assert read_inputs(folder).thrown_out is None
