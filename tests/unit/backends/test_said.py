"""What roles write is read as the word of somebody else's code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rig.backends import said
from rig.backends.base import LoadProgress
from rig.disk.facts import PoolerFacts
from rig.load.counting.report import MOST_RESPONSES, MOST_TOLD, RESPONSES
from rig.load.scout import UnloadedResult
from rig.model import DamagedFile

LINE = {"elapsed_s": 1.5, "users": 3, "goodput_rps": 7, "failed_rps": 0, "outcomes": {"ok": 9}}
SEEN = {"response_ms": [1.0, 2.0], "bursts_ms": [3.0], "interval_ms": 1.5, "wrong": []}


def plant(path: Path, how: str) -> None:
    """Something that is no file to be read."""
    match how:
        case "link":
            path.with_name("secret").write_text("{}")
            path.symlink_to(path.with_name("secret"))
        case "endless":
            path.symlink_to("/dev/zero")
        case "fifo":
            os.mkfifo(path)
        case "giant":
            with path.open("wb") as file:
                file.truncate(1 << 40)
        case "folder":
            path.mkdir()


PLANTED = ("link", "endless", "fifo", "giant", "folder")


@pytest.mark.parametrize("how", PLANTED)
def test_nothing_planted_is_taken_for_facts(tmp_path: Path, how: str) -> None:
    plant(tmp_path / "facts.json", how)
    with pytest.raises(DamagedFile, match=r"facts\.json"):
        said.facts(tmp_path / "facts.json", PoolerFacts)


@pytest.mark.parametrize(
    "text", ["[]", "1", "{", '{"a": NaN}', "[" * 100_000, '{"version": 1}', '{"version": "1.21.0"}']
)
def test_facts_are_one_object_of_their_type(tmp_path: Path, text: str) -> None:
    (tmp_path / "facts.json").write_text(text)
    with pytest.raises(DamagedFile, match=r"facts\.json"):
        said.facts(tmp_path / "facts.json", PoolerFacts)


def test_the_last_whole_lines_of_progress_count(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    assert said.progress(tmp_path) == []
    lines = [json.dumps({**LINE, "users": users}) for users in range(100)]
    path.write_text("\n".join([*lines, json.dumps(LINE), '{"elapsed']))
    *older, newest = said.progress(tmp_path)
    assert [one.users for one in older] == list(range(100 - MOST_TOLD, 100))
    assert newest == LoadProgress(1.5, 3, 7, 0, {"ok": 9})


@pytest.mark.parametrize("how", PLANTED)
def test_nothing_planted_is_taken_for_progress(tmp_path: Path, how: str) -> None:
    plant(tmp_path / "progress.jsonl", how)
    assert said.progress(tmp_path) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"users": "3"}, {"users": None}, {"elapsed_s": True}, {"goodput_rps": [7]},
        {"outcomes": []}, {"outcomes": {"ok": "9"}}, {"users": 10**400},
    ],
)  # fmt: skip
def test_a_line_of_another_shape_is_no_progress(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = tmp_path / "progress.jsonl"
    path.write_text(f"{json.dumps({**LINE, **wrong})}\n[]\n")
    assert said.progress(tmp_path) == []


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"3": ["c"], "4": ["a", "b"]}, ("a", "b")),
        ({"3": ["a"]}, ()),
        ({"4": ["a", 1, None]}, ("a",)),
        ({"4": 7}, ()),
        ({"4": ["a"] * 1000}, ("a",) * MOST_RESPONSES),
        ([], ()),
    ],
)
def test_histograms_are_of_the_second_that_the_rates_are_of(
    tmp_path: Path, told: Any, found: tuple[str, ...]
) -> None:
    (tmp_path / "progress.jsonl").write_text(f"{json.dumps({**LINE, 'second': 4})}\n")
    (tmp_path / RESPONSES).write_text(json.dumps(told))
    (progress,) = said.progress(tmp_path)
    assert (progress.second, progress.responses) == (4, found)


@pytest.mark.parametrize("how", PLANTED)
def test_progress_goes_without_histograms_that_are_no_file(tmp_path: Path, how: str) -> None:
    (tmp_path / "progress.jsonl").write_text(f"{json.dumps({**LINE, 'second': 4})}\n")
    plant(tmp_path / RESPONSES, how)
    (progress,) = said.progress(tmp_path)
    assert (progress.second, progress.responses) == (4, ())


def test_an_outcome_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    path.write_text(f"{json.dumps({**LINE, 'outcomes': {chr(27) + '[2J': 1}})}\n")
    (progress,) = said.progress(tmp_path)
    assert progress.outcomes == {"\\x1b[2J": 1}


def test_what_a_scout_saw_is_read_by_route(tmp_path: Path) -> None:
    path = tmp_path / "scout.json"
    seen = {"one": SEEN, "two": {"wrong": ["status 500"]}}
    path.write_text(json.dumps(seen))
    found = said.scouted(path, ["one", "two"])
    assert found == {
        "one": UnloadedResult((), (1.0, 2.0), (3.0,), 1.5),
        "two": UnloadedResult(("status 500",)),
    }
    as_written = {route: result.to_json() for route, result in found.items()}
    assert json.loads(json.dumps(as_written)) == seen


@pytest.mark.parametrize(
    "seen",
    [
        {}, {"one": []}, {"one": {}}, {"one": {"wrong": "status 500"}}, {"one": {"wrong": [1]}},
        {"one": {**SEEN, "response_ms": []}}, {"one": {**SEEN, "response_ms": ["1"]}},
        {"one": {**SEEN, "interval_ms": -1}}, {"one": {**SEEN, "interval_ms": None}},
    ],
)  # fmt: skip
def test_a_scouts_file_of_another_shape_is_refused(tmp_path: Path, seen: Any) -> None:
    path = tmp_path / "scout.json"
    path.write_text(json.dumps(seen))
    with pytest.raises(DamagedFile, match=r"scout\.json"):
        said.scouted(path, ["one"])
