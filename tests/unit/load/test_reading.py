"""Facts read from the load's raw files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rig.evidence.load import FEWEST, derived
from rig.load.counting.completions import Completions
from rig.load.counting.meter import lags_of
from rig.load.counting.recorder import Recorder
from rig.load.counting.report import MeteredSecond
from rig.load.shape import Users


def write(folder: Path, ramp_s: float, duration_s: float, answers: int = 30) -> None:
    """An answer every 0.25 s that took 100 ms; a load worker that gets busier each second."""
    recorder, completions = Recorder(ramp_s, duration_s), Completions("r")
    for number in range(answers):
        at_s = 0.25 * number + 0.125
        outcome = "timeout" if number == answers - 1 else "ok"
        recorder.finish(recorder.start(at_s - 0.1), at_s, "r", outcome)
    meter = [
        MeteredSecond(second, 0.1 * second, 3, lags_of([1000 * second] * 10)) for second in range(9)
    ]
    completions.add("one", replace(recorder.drain(), meter=meter))
    completions.write(folder, ramp_s, duration_s, Users(3, 1, 3).at)


def test_what_the_files_say(tmp_path: Path) -> None:
    write(tmp_path, 1.0, 7.5)
    found = derived(tmp_path, 1.0, 7.5)
    assert found["planned_users"] == found["active_users"] == (3,) * 8
    assert found["load_worker_cpu_share"] == {"one": pytest.approx(0.4)}
    assert found["greenlet_lag_p99_ms"] == pytest.approx(7.0, rel=0.001)
    assert found["p50_ms"] == pytest.approx(100, rel=0.001)
    # seconds 1 and 2, seconds 5 and 6
    assert (found["successes_first_third"], found["successes_last_third"]) == (8, 8)


def test_a_short_window_has_no_thirds_and_few_answers_no_median(tmp_path: Path) -> None:
    write(tmp_path, 1.0, 3.5, answers=FEWEST + 4)
    found = derived(tmp_path, 1.0, 3.5)
    assert "successes_first_third" not in found
    assert found["p50_ms"] is None


def test_an_empty_folder_says_nothing(tmp_path: Path) -> None:
    assert derived(tmp_path, 1.0, 5.0) == {}
