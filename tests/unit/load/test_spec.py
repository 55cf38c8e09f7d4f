"""The load's JSON file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from rig.load.shape import Users
from rig.load.spec import LoadSpec, fill, read_spec

SPEC = LoadSpec(
    target_url="http://198.18.0.2:8000",
    route="io_create",
    method="POST",
    path="/io_create",
    status=201,
    users=Users(10, 50, 150),
    steady_s=12.0,
    think_time_s=0.0,
    timeout_s=400.0,
    load_workers=2,
    master_address="198.18.2.9",
    form={"title": "{unique}"},
)


def written(folder: Path, data: dict[str, Any]) -> Path:
    path = folder / "spec.json"
    path.write_text(json.dumps(data))
    return path


def test_the_spec_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert read_spec(written(tmp_path, dataclasses.asdict(SPEC))) == SPEC


def test_a_key_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, {**dataclasses.asdict(SPEC), "stedy_s": 1})
    with pytest.raises(TypeError, match="stedy_s"):
        read_spec(path)


def test_the_load_lasts_for_its_ramp_and_its_steady_window() -> None:
    assert SPEC.duration_s == 3 + 12


def test_unique_is_filled_in_at_any_depth() -> None:
    body = {"a": "{unique}", "b": ["x-{unique}", {"c": "{unique}{unique}"}], "n": 1, "z": None}
    assert fill(body, "2-7") == {
        "a": "2-7", "b": ["x-2-7", {"c": "2-72-7"}], "n": 1, "z": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("elapsed_s", "users"),
    [(-1, 10), (0, 10), (0.99, 10), (1, 60), (2.99, 110), (3, 150), (99, 150)],
)
def test_the_ramp_rises_a_step_a_second_and_stays_at_its_end(elapsed_s: float, users: int) -> None:
    assert SPEC.users.at(elapsed_s) == users


def test_a_ramp_that_begins_at_its_end_takes_no_time() -> None:
    assert Users(20, 5, 20).ramp_s == 0
