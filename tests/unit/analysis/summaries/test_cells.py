"""One row per cell, and the claim's ratios."""

from pathlib import Path

import pytest

from analysis.inference import geometric_mean_interval
from analysis.reading.session_files import read_session
from analysis.summaries.cells import CellResult, cells
from analysis.summaries.csv_rows import summary_columns, summary_row
from analysis.summaries.measures import percentile_interval_ms
from analysis.summaries.trials import results
from rig.model import Level, Verdict
from tests.unit.analysis.sessions import Answer, Made, make, steady


def of(tmp_path: Path, *trials: Made) -> tuple[CellResult, ...]:
    session = read_session(make(tmp_path / "s", trials))
    found = cells(session, results(session))
    assert all(set(summary_row(cell)) == set(summary_columns(session)) for cell in found)
    return found


def test_medians_over_valid_trials_only(tmp_path: Path) -> None:
    rates = {1: 100, 2: 200, 3: 400}
    trials = [Made(answers=steady(rps), replicate=n) for n, rps in rates.items()]
    spoilt = Made(answers=steady(1000), verdict=Verdict.INVALID, why="load", replicate=4)
    (cell,) = of(tmp_path, *trials, spoilt)
    assert cell.measures.goodput_rps == 200
    assert (cell.measures.goodput_min_rps, cell.measures.goodput_max_rps) == (100, 400)
    assert (len(cell.results), cell.counts["valid"], cell.counts["invalid"]) == (4, 3, 1)
    assert (cell.verdict, cell.reason) == ("valid", "load")


def test_percentiles_come_from_merged_histograms(tmp_path: Path) -> None:
    fast = [Answer(3 + i / 100, 10) for i in range(90)]
    slow = [Answer(4 + i / 100, 1000) for i in range(10)]
    (cell,) = of(tmp_path, Made(answers=fast), Made(answers=slow, replicate=2))
    assert cell.measures.p50_ms == pytest.approx(10, rel=0.001)
    assert cell.measures.p95_ms == pytest.approx(1000, rel=0.001)


def test_replicates_carry_together_what_none_carries_alone(tmp_path: Path) -> None:
    trials = [Made(answers=steady(10), replicate=n) for n in (1, 2)]
    (cell,) = of(tmp_path, *trials)
    assert all(result.measures.p95_ms is None for result in cell.results)
    assert cell.measures.p95_ms is not None


def test_a_cell_with_no_valid_trial_keeps_its_row(tmp_path: Path) -> None:
    invalid = Made(answers=steady(10), verdict=Verdict.INVALID, why="delay 130 ms")
    (cell,) = of(tmp_path, invalid, Made(skip="no PgBouncer", replicate=2))
    assert (cell.verdict, cell.counts["valid"], cell.counts["skipped"]) == ("invalid", 0, 1)
    assert cell.reason == "delay 130 ms; no PgBouncer"
    assert cell.measures.goodput_rps is None
    assert cell.measures.p50_ms is None


def test_cells_follow_the_levels_of_the_yaml(tmp_path: Path) -> None:
    levels: list[tuple[Level, Level]] = [("async", 0), ("sync", 200), ("sync", 0)]
    found = of(tmp_path, *[Made({"target": t, "delay_ms": d}) for t, d in levels])
    assert [(c.levels["target"], c.levels["delay_ms"]) for c in found] == [
        ("sync", 0), ("sync", 200), ("async", 0),
    ]  # fmt: skip


def test_the_most_frequent_failure_is_of_all_valid_trials(tmp_path: Path) -> None:
    one = Made(answers=[Answer(3)] + [Answer(4, 5, "timeout")] * 3)
    other = Made(answers=[Answer(3)] + [Answer(4, 5, "app_error")] * 4, replicate=2)
    spoilt = Made(answers=[Answer(4, 5, "client_error")] * 9, verdict=Verdict.INVALID, replicate=3)
    (cell,) = of(tmp_path, one, other, spoilt)
    assert cell.measures.top_failure == "app_error"


def test_percentiles_of_several_trials_have_an_interval_between_them(tmp_path: Path) -> None:
    slow = {1: 50.0, 2: 52.0, 3: 54.0}
    (cell,) = of(tmp_path, *[Made(answers=steady(20, ms), replicate=n) for n, ms in slow.items()])
    low, high = percentile_interval_ms(cell.measures, 95)
    points = [result.measures.p95_ms for result in cell.results]
    assert [low, high] == pytest.approx(list(geometric_mean_interval(points)))
    assert low is not None
    assert cell.measures.p95_ms is not None
    assert low < cell.measures.p95_ms


def test_a_trial_whose_percentile_is_a_bound_leaves_no_interval(tmp_path: Path) -> None:
    stuck = Made(answers=steady(20), replicate=2, unanswered=[(4.0, False)] * 20)
    (cell,) = of(tmp_path, Made(answers=steady(20)), stuck)
    assert percentile_interval_ms(cell.measures, 95) == (None, None)


def test_the_interval_of_one_trial_is_its_own(tmp_path: Path) -> None:
    (cell,) = of(tmp_path, Made(answers=steady(40)))
    (result,) = cell.results
    for percent in (50, 95):
        own = percentile_interval_ms(result.measures, percent)
        assert percentile_interval_ms(cell.measures, percent) == own
