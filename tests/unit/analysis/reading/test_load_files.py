"""The load's files, as the recorder writes them."""

from pathlib import Path

import pytest

from analysis.reading.load_files import Completion, read_latencies, seconds_of
from rig.disk.contents import rows
from rig.disk.sent import read_raw
from tests.unit.analysis.sessions import Answer, Made, write_load

ANSWERS = [
    Answer(1.0, 11), Answer(2.4, 12), Answer(2.6, 20), Answer(4.1, 30), Answer(4.2, 40),
    Answer(4.3, 5, "timeout"), Answer(99.0, 50),
]  # fmt: skip


@pytest.fixture
def load(tmp_path: Path) -> Path:
    write_load(tmp_path / "load", Made(answers=ANSWERS))
    return tmp_path / "load"


def test_only_the_steady_successes_are_merged(load: Path) -> None:
    merged = read_latencies(load / "latencies.hlog")
    assert merged.get_total_count() == 3
    assert merged.get_min_value() == pytest.approx(20_000, rel=0.001)
    assert merged.get_max_value() == pytest.approx(40_000, rel=0.001)


def test_other_tags_can_be_asked_for(load: Path) -> None:
    assert read_latencies(load / "latencies.hlog", "ramp").get_total_count() == 2
    assert read_latencies(load / "latencies.hlog", outcome="timeout").get_total_count() == 1


def test_a_second_with_the_boundary_stands_twice(load: Path) -> None:
    completions = rows(load / "completions.csv", Completion) or ()
    assert [(c.phase, c.count) for c in completions if c.second == 2] == [
        ("ramp", 1),
        ("steady", 1),
    ]
    seconds = seconds_of(read_raw(load, completions))
    assert [s.phase for s in seconds if s.second == 2] == ["ramp", "steady"]


def test_completions_know_whether_they_are_failures(load: Path) -> None:
    completions = rows(load / "completions.csv", Completion) or ()
    assert [c.outcome for c in completions if not c.ok] == ["timeout"]
    assert sum(c.count for c in completions) == len(ANSWERS)
