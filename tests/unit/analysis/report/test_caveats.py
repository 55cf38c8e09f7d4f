"""What stands beside the answer: how the session ended, what was thrown out, the claim's hash."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.report import caveats
from analysis.report.build import build
from analysis.report.inputs import ReportInputs, read_inputs
from analysis.report.markdown import markdown
from analysis.report.opening import opening_of
from rig.model import digest
from rig.store.session_folder import SessionFolder
from tests.shares import every
from tests.unit.analysis import sessions
from tests.unit.analysis.sessions import CLAIM, Made, steady
from tests.unit.sentences import long_sentences

UNTIL = {"within": 0.1, "at_least": 4}


def repeated(blocks: int, missing: int = 0) -> list[Made]:
    made = [
        Made({"target": target}, steady(rps + block % 3), replicate=block)
        for block in range(1, blocks + 1)
        for target, rps in (("sync", 20), ("async", 80))
    ]
    return [*made[: len(made) - missing],
            *(replace(one, answers=()) for one in made[len(made) - missing :])]  # fmt: skip


def read(folder: Path, made: list[Made], **about: Any) -> ReportInputs:
    return read_inputs(sessions.make(folder / "s", made, **about))


def opened(inputs: ReportInputs) -> str:
    assert inputs.session.claim is not None
    assert inputs.answer is not None
    lines = opening_of(inputs, inputs.session.claim, inputs.answer).lines
    assert [long for line in lines for long in long_sentences(line)] == []
    return " ".join(lines)


def test_nothing_is_decided_before_the_end(tmp_path: Path) -> None:
    inputs = read(tmp_path, repeated(4), repeats=8)
    said = opened(inputs)
    assert said.startswith("Not decided yet. Correct answers a second: ")
    assert "4 of 8 blocks are done, so nothing is decided yet." in said
    assert "a difference that is not there in up to 24 % of sessions" in said
    assert "python runner.py resume s" in said
    assert not any(effect.claimed for effect in inputs.effects)
    page = markdown(build(inputs))
    assert "supported" not in page
    assert "For --check this is: not decided" in page.replace("**", "")


def test_the_same_session_with_all_its_blocks_is_judged(tmp_path: Path) -> None:
    said = opened(read(tmp_path, repeated(4), repeats=4))
    assert said.startswith("Yes.")
    assert "blocks are done" not in said


def test_single_runs_have_no_blocks_to_look_after(tmp_path: Path) -> None:
    said = opened(read(tmp_path, repeated(1, missing=1), repeats=1))
    assert "1 of 2 trials are done, so nothing is decided yet." in said
    assert "Looking after" not in said


def test_a_search_that_goes_on_says_so(tmp_path: Path) -> None:
    search = {"factor": "delay_ms", "between": [0, 100]}
    inputs = read(tmp_path, repeated(1, missing=1), repeats=1, search=search)
    assert "1 of 2 trials are done, so the search has not ended." in markdown(build(inputs))


@pytest.mark.parametrize(
    ("blocks", "until", "says"),
    every(
        2,
        [
            (
                *(4, UNTIL),
                "at least 76 % if runs differ by 8 %, in at least 66 % if runs differ by 10 %.",
            ),
            (5, UNTIL, "at least 83 % if runs differ by 8 %"),
            (4, {**UNTIL, "within": 0.5}, ""),
            (8, UNTIL, ""),
        ],
    ),
)
def test_what_is_left_of_intervals_that_ended_it(
    tmp_path: Path, blocks: int, until: dict[str, float], says: str
) -> None:
    inputs = read(tmp_path, repeated(blocks), repeats=8, until=until)
    said = opened(inputs)
    assert says in said
    assert (f"Narrow intervals ended it after {blocks} blocks" in said) == bool(says)
    assert said.startswith("Yes.")


def test_what_was_thrown_out(tmp_path: Path) -> None:
    made = repeated(4)
    folder = sessions.make(tmp_path / "s", made)
    trial = folder / "trials" / "0002-made-r1"
    manifest = trial / "attempt-1" / "manifest.json"
    record = json.loads(manifest.read_text())
    fails = [{"name": name, "status": "fail", "says": "", "again": True, "needs": ""}
             for name in ("generator", "delay", "ramp", "ledger")]  # fmt: skip
    manifest.write_text(json.dumps({**record, "verdict": "invalid", "checks": fails}))
    sessions.attempt(trial, made[1], 2)
    lines = list(caveats.of_attempts(read_inputs(folder)))
    assert lines == [
        "Of 5 attempts with async 1 was thrown out: generator 1, delay 1, ramp 1, ….",
        "Of 4 attempts with sync none was thrown out.",
        "With their numbers every pair would be judged the same.",
    ]
    assert [long for line in lines for long in long_sentences(line)] == []


def begun(folder: Path) -> Path:
    """A session with a journal, as one that is run."""
    made = sessions.make(folder / "made", repeated(2))
    about = json.loads((made / "session.json").read_text())
    SessionFolder(folder / "s").begin(about, "")
    (folder / "s" / "trials").rmdir()
    for part in ("schedule.csv", "trials"):
        (made / part).rename(folder / "s" / part)
    return folder / "s"


def started(folder: Path, at: str) -> None:
    for manifest in folder.glob("trials/*/*/manifest.json"):
        record = json.loads(manifest.read_text())
        manifest.write_text(json.dumps({**record, "started_at": at}))


def test_the_claim_as_it_was_fixed(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    started(folder, "2999-01-01T00:00:00+0000")
    fixed = read_inputs(folder).session.claim_fixed
    assert fixed is not None
    assert fixed.sha256 == digest(CLAIM)
    said = caveats.of_claim(read_inputs(folder))
    assert said.startswith(f"The claim was fixed at {fixed.at}, before the first trial (SHA-256 ")
    assert digest(CLAIM)[:12] in said
    assert long_sentences(said) == []
    assert "before the first trial" in markdown(build(read_inputs(folder)))


def test_a_claim_that_came_after_trials(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    started(folder, "2001-01-01T00:00:00+0000")
    assert "only, when trials had run" in caveats.of_claim(read_inputs(folder))


def test_another_claim_than_the_one_fixed(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    path = folder / "session.json"
    path.write_text(path.read_text().replace('"at_least": 2', '"at_least": 1'))
    assert caveats.of_claim(read_inputs(folder)).startswith("The claim is not the one that was")


def test_a_journal_without_the_claims_hash_has_that_of_its_file(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    journal = folder / "journal.jsonl"
    (line,) = map(json.loads, journal.read_text().splitlines())
    del line["claim_sha256"]
    journal.write_text(json.dumps(line) + "\n")
    fixed = read_inputs(folder).session.claim_fixed
    assert fixed is not None
    assert fixed.sha256 == digest(CLAIM)
    assert fixed.kept


def test_no_journal(tmp_path: Path) -> None:
    folder = sessions.make(tmp_path / "s", repeated(2))
    assert caveats.of_claim(read_inputs(folder)) == "No journal says when the claim was fixed."
