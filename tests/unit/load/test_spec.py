"""The load's JSON file."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rig.load.http.asked import RouteRequest
from rig.load.http.sessions import Session
from rig.load.shape import Arrivals, Closed, Open, Users
from rig.load.spec import LoadSpec, read_spec

USERS = Users(10, 50, 150)
SPEC = LoadSpec(
    target_url="http://198.18.0.2:8000",
    route="io_create",
    requests=(
        RouteRequest(
            "io_create", "POST", "/io_create", (201,), form={"title": "{unique}", "tag": ("a", "b")}
        ),
    ),
    model=Closed(USERS),
    steady_s=12.0,
    timeout_s=400.0,
    load_workers=2,
    master_address="198.18.2.9",
)


def written(folder: Path, data: dict[str, Any]) -> Path:
    path = folder / "spec.json"
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize("model", [SPEC.model, Closed(USERS, 0.5), Open(Arrivals(40.0, ramp_s=2))])
def test_the_spec_comes_back_as_it_was_written(tmp_path: Path, model: Closed | Open) -> None:
    spec = replace(SPEC, model=model)
    assert read_spec(written(tmp_path, spec.to_json())) == spec


def test_a_closed_load_has_no_arrivals() -> None:
    said = replace(SPEC, model=Closed(USERS, 0.5)).to_json()
    assert said["users"] == {"start_users": 10, "per_s": 50, "end_users": 150}
    assert (said["think_time_s"], said["arrivals"]) == (0.5, None)
    assert "model" not in said


def test_an_open_load_has_no_users() -> None:
    said = replace(SPEC, model=Open(Arrivals(20.0, "even", 50, 2.0, 3))).to_json()
    assert said["users"] == {"start_users": 0, "per_s": 1.0, "end_users": 0}
    assert said["think_time_s"] == 0
    assert said["arrivals"] == {
        "per_s": 20.0, "pattern": "even", "max_in_flight": 50, "ramp_s": 2.0, "seed": 3,
    }  # fmt: skip


def test_a_key_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, {**SPEC.to_json(), "stedy_s": 1})
    with pytest.raises(TypeError, match="stedy_s"):
        read_spec(path)


def test_the_load_lasts_for_its_ramp_and_its_steady_window() -> None:
    assert SPEC.duration_s == 3 + 12


@pytest.mark.parametrize(
    ("elapsed_s", "users"),
    [(-1, 10), (0, 10), (0.99, 10), (1, 60), (2.99, 110), (3, 150), (99, 150)],
)
def test_the_ramp_rises_a_step_a_second_and_stays_at_its_end(elapsed_s: float, users: int) -> None:
    assert USERS.at(elapsed_s) == users


def test_sessions_have_the_ramp_before_the_load_has_it() -> None:
    spec = replace(SPEC, session=Session("member", ()))
    due_s = [spec.session_due_s(number) for number in (1, 10, 11, 60, 61, 110, 111, 150)]
    assert due_s == [0, 0, 1, 1, 2, 2, 3, 3]
    assert SPEC.session_due_s(150) == 0
    assert replace(spec, headless=False).session_due_s(150) == 0


@pytest.mark.parametrize("per_s", [0.5, 50])
def test_whoever_waits_for_all_sessions_waits_for_their_ramp_too(per_s: float) -> None:
    spec = replace(SPEC, model=Closed(Users(10, per_s, 150)))
    with_session = replace(spec, session=Session("member", ()))
    assert spec.gathering_deadline_s == 60
    assert with_session.gathering_deadline_s == 60 + 10 * 150 + math.ceil(140 / per_s)


def test_a_ramp_that_begins_at_its_end_takes_no_time() -> None:
    assert Users(20, 5, 20).ramp_s == 0
