"""Designs that ask the results, from YAML to schedule: the real command line, fake hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs import Session, only_session, read_json
from tests.warm import runner

HEAD = """\
experiment: adaptive
claim: {says: Async is faster., ratio: {of: goodput_rps, target: [async, sync]}, at_least: 1}
load: {users: {from: 2, per_s: 4, to: 6}, steady: 5s}
data: {posts: 1000, cpu_n: 1000}
"""
UNTIL = (
    HEAD
    + """\
vary: {route: [io_create], target: [sync, async], delay_ms: [0, 20]}
design: {repeats: {until: ratio ±10 %, at_most: 6}}
"""
)
SEARCH = (
    HEAD
    + """\
vary: {route: [cpu, io_create], target: [sync, async]}
design: {search: {crossover: delay_ms, between: [10, 20]}}
"""
)


def measured(folder: Path, text: str, *options: str) -> Session:
    (folder / "adaptive.yaml").write_text(text)
    done = runner("adaptive.yaml", "--backend", "fake", *options, cwd=folder)
    assert (done.code, done.err) == (0, "")
    return only_session(folder / "results")


def test_repeats_end_once_the_ratios_are_known(tmp_path: Path) -> None:
    session = measured(tmp_path, UNTIL)
    # a queue repeats itself almost exactly
    assert [row["block"] for row in session.rows("schedule.csv")][-1] == "4"
    assert read_json(session.path / "session.json")["until"] == {"within": 0.1, "at_least": 4}
    done = runner("resume", cwd=tmp_path)
    assert done.code == 0
    assert len(session.rows("schedule.csv")) == 16


@pytest.mark.campaign
def test_a_number_of_repeats_is_obeyed(tmp_path: Path) -> None:
    session = measured(tmp_path, UNTIL, "--repeats", "2")
    assert len(session.rows("schedule.csv")) == 8
    assert runner("resume", cwd=tmp_path).code == 0
    assert len(session.rows("schedule.csv")) == 8


@pytest.mark.campaign
def test_a_search_ends_early_where_there_is_nothing_to_find(tmp_path: Path) -> None:
    session = measured(tmp_path, SEARCH)
    rows = session.rows("schedule.csv")
    create = [row["delay_ms"] for row in rows if row["route"] == "io_create"]
    # async is far ahead of seven round trips at 10 ms; for cpu nothing is ahead of anything.
    # The middle is measured, too: what happens between both ends is not known from them
    assert create == ["10", "10", "20", "20", "15", "15"]
    assert len(rows) - len(create) == 12
    assert read_json(session.path / "session.json")["search"] == {
        "factor": "delay_ms",
        "between": [10, 20],
    }
    assert {row["verdict"] for row in session.rows("derived/trials.csv")} == {"valid"}
    assert runner("resume", cwd=tmp_path).code == 0
    assert session.rows("schedule.csv") == rows


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (UNTIL, "ends after 4 to 6 repeats, once every ratio is known to ±10 %"),
        (SEARCH, "12 trials at most for each crossover"),
    ],
)
def test_the_plan_says_what_the_results_decide(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "adaptive.yaml").write_text(text)
    done = runner("plan", "adaptive.yaml", "--backend", "fake", cwd=tmp_path)
    assert done.code == 0
    assert says in done.out
    assert "the first block" in done.out
