"""Which attempt counts."""

import json
from pathlib import Path

import pytest

from analysis.reading.attempts import last_finished
from rig.model import Verdict
from tests.unit.analysis.sessions import Answer, Made, attempt

ANSWERS = [Answer(3.0)]


def test_the_last_finished_attempt_counts(tmp_path: Path) -> None:
    attempt(tmp_path, Made(answers=ANSWERS, verdict=Verdict.INVALID), 1)
    attempt(tmp_path, Made(answers=ANSWERS), 2)
    (tmp_path / "attempt-3").mkdir()
    tried = last_finished(tmp_path)
    assert tried.record is not None
    assert (tried.record.attempt, tried.attempts, tried.notes) == (2, 3, ())


def test_the_tenth_attempt_is_later_than_the_ninth(tmp_path: Path) -> None:
    for number in (9, 10):
        attempt(tmp_path, Made(answers=ANSWERS), number)
    tried = last_finished(tmp_path)
    assert tried.record is not None
    assert tried.record.attempt == 10


def test_no_folder_no_attempt(tmp_path: Path) -> None:
    tried = last_finished(tmp_path / "none")
    assert (tried.attempts, tried.record) == (0, None)


def test_a_broken_manifest_is_noted_in_one_line_and_passed_over(tmp_path: Path) -> None:
    attempt(tmp_path, Made(answers=ANSWERS), 1)
    (attempt(tmp_path, Made(answers=ANSWERS), 2) / "manifest.json").write_text('{"schema": 2,\n')
    tried = last_finished(tmp_path)
    assert tried.record is not None
    assert tried.record.attempt == 1
    (note,) = tried.notes
    assert "attempt-2/manifest.json: not readable" in note
    assert "\n" not in note


@pytest.mark.parametrize(("schema", "age"), [(1, "older"), (99, "newer")])
def test_a_manifest_of_another_schema_is_noted(schema: int, age: str, tmp_path: Path) -> None:
    path = attempt(tmp_path, Made(answers=ANSWERS), 1) / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": schema}))
    tried = last_finished(tmp_path)
    assert tried.record is None
    assert f"schema {schema} is {age}" in tried.notes[0]
