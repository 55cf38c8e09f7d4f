"""How users wait, in the words of a report."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from analysis.reading.session_files import read_session
from analysis.summaries.cells import cells
from analysis.summaries.trials import results
from analysis.summaries.waiting import words, words_of
from rig.load.think import Think
from rig.plan import Closed, Users
from tests.unit.analysis import sessions
from tests.unit.analysis.sessions import LOAD, Made, steady

THINKS_2_S = replace(LOAD, model=Closed(Users(100, 20.0, 150), think_time_s=2.0))


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ({"routes": {"visits": {}}}, "think time 2 s"),
        ({"mixes": {"visits": {"think": None}}}, "think time 2 s"),
        ({"mixes": {"visits": {"think": asdict(Think())}}}, "no think time"),
        (
            {"mixes": {"visits": {"think": asdict(Think("uniform", 0.01, 5))}}},
            "think time 0.01 to 5 s",
        ),
        (
            {"mixes": {"visits": {"think": asdict(Think("exponential", 3))}}},
            "think time 3 s on average",
        ),
        ({"locustfiles": {"visits": {}}}, "waits as the Locust file says"),
    ],
)
def test_they_wait_as_what_they_ask_for_says(
    target: dict[str, Any], says: str, tmp_path: Path
) -> None:
    folder = sessions.make(tmp_path / "s", [Made(answers=steady(5))], load=THINKS_2_S.to_json())
    assert words_of(read_session(folder), target, "visits") == says


def test_cells_that_wait_alike_are_said_once(tmp_path: Path) -> None:
    made = [Made({"delay_ms": delay_ms}, steady(5)) for delay_ms in (0, 100)]
    session = read_session(sessions.make(tmp_path / "s", made))
    found = words(session, cells(session, results(session)))
    assert session.load_words(found) == "150 users, closed loop, no think time, window of 8 s"
