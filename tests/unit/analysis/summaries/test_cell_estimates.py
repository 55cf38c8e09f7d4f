"""Intervals and ceilings beside a cell."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from analysis.inference import geometric_mean_interval
from analysis.reading.session_files import read_session
from analysis.summaries.cell_estimates import ceilings_of
from analysis.summaries.cells import cells
from analysis.summaries.trials import results
from rig.plan import Load
from tests.unit.analysis import sessions
from tests.unit.analysis.sessions import Made, steady


def test_the_interval_of_two_is_students() -> None:
    low, high = geometric_mean_interval([10.0, 20.0])
    assert low is not None
    assert high is not None
    assert math.sqrt(low * high) == pytest.approx(math.sqrt(200))
    # t(0.975, 1) = 12.706; the logs' standard error is ln 2 / 2
    assert math.log(high / low) == pytest.approx(2 * 12.706 * math.log(2) / 2, rel=1e-3)


@pytest.mark.parametrize("values", [[], [10.0], [10.0, None], [None, 0.0, 3.0]])
def test_one_trial_has_no_interval(values: list[float | None]) -> None:
    assert geometric_mean_interval(values) == (None, None)


def test_equal_trials_leave_no_width() -> None:
    low, high = geometric_mean_interval([10.0, 10.0, 10.0])
    assert low == pytest.approx(high)


@pytest.mark.parametrize("load", [sessions.OPEN, sessions.LOAD])
def test_an_open_load_is_bound_by_what_arrives(load: Load, tmp_path: Path) -> None:
    folder = sessions.make(tmp_path / "s", [Made(answers=steady(20))], load=load.to_json())
    session = read_session(folder)
    (cell,) = cells(session, results(session))
    (found,) = ceilings_of(session, [cell], None).values()
    assert [ceiling.name for ceiling in found.ceilings] == ["arrivals"] * (load == sessions.OPEN)
    if found.binding:
        assert found.binding.rps == pytest.approx(20, rel=0.05)
