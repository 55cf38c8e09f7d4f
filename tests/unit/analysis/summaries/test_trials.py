"""One row per scheduled trial."""

from pathlib import Path

import pytest

from analysis.reading.session_files import read_session
from analysis.summaries.csv_rows import trial_columns, trial_row
from analysis.summaries.trials import TrialResult, results, top
from rig.load.counting.completions import SECONDS
from rig.model import Verdict
from tests.unit.analysis.sessions import (
    END_S,
    RAMP_S,
    STEADY_S,
    Answer,
    Made,
    attempt,
    make,
    steady,
)

SLOW = [Answer(1.0, 10), Answer(3.0, 20), Answer(5.0, 20), Answer(9.0, 20), Answer(99.0, 20)]


def one(tmp_path: Path, made: Made) -> TrialResult:
    (result,) = results(read_session(make(tmp_path / "s", [made])))
    return result


def test_a_fast_trial(tmp_path: Path) -> None:
    answers = steady(100, 50, 0.25, "db_too_many_connections")
    measures = one(tmp_path, Made(answers=answers)).measures
    assert measures.successes == 0.75 * 100 * STEADY_S
    assert measures.failures == 0.25 * 100 * STEADY_S
    assert measures.goodput_rps == 75
    assert measures.goodput_method == "window"
    assert measures.failure_share == 0.25
    assert measures.offered_rps == pytest.approx(100, rel=0.01)
    assert measures.max_goodput_rps == pytest.approx(75, rel=0.01)
    assert measures.total_successes == sum(answer.outcome == "ok" for answer in answers)
    assert measures.first_failure_s == pytest.approx(0.035)
    assert measures.top_failure == "db_too_many_connections"
    assert measures.p50_ms == pytest.approx(50, rel=0.05)
    assert (measures.peak_users, measures.in_flight_at_stop) == (150, 7)


def test_requests_in_flight_bound_the_percentiles_that_they_could_move(tmp_path: Path) -> None:
    waiting = [(1.0, False)] * 40  # sent before the window
    stuck = [(4.0, False)] * 20
    made = Made(answers=steady(20), unanswered=[*waiting, *stuck])
    measures = one(tmp_path, made).measures
    assert measures.unanswered == 20
    assert measures.response_state == "unsettled"
    assert measures.p50_ms == pytest.approx(51, rel=0.03)
    assert measures.p50_upper_ms is None
    assert measures.p95_ms == pytest.approx(6500, rel=0.001)
    assert measures.p95_upper_ms is None


def test_what_the_client_gave_up_on_never_came_back(tmp_path: Path) -> None:
    given_up = [Answer(4.6 + n / 100, 2000, "timeout") for n in range(80)]
    early = [Answer(1.0, 900, "timeout")]  # not of the window
    measures = one(tmp_path, Made(answers=[*early, *steady(20), *given_up])).measures
    assert (measures.successes, measures.unanswered) == (160, 80)
    assert measures.p50_ms == pytest.approx(57, rel=0.03)
    assert measures.p50_upper_ms == measures.p50_ms
    assert measures.p95_ms == pytest.approx(2000, rel=0.001)
    assert measures.p95_upper_ms is None


def test_a_stall_at_the_stop_is_no_ordinary_queue(tmp_path: Path) -> None:
    stalled = [(END_S - 1, False)] * 150
    measures = one(tmp_path / "a", Made(answers=steady(20), unanswered=stalled)).measures
    assert measures.unanswered == 150
    assert measures.p95_upper_ms is None
    queued = [(END_S - 0.04, False)]
    calm = one(tmp_path / "b", Made(answers=steady(20), unanswered=queued)).measures
    assert calm.response_state in ("steady", "varies")
    assert calm.p95_upper_ms == calm.p95_ms


def test_where_no_answer_came_every_age_is_a_lower_bound(tmp_path: Path) -> None:
    answers = [Answer(0.5 + n / 100, 20) for n in range(9)]
    made = Made(answers=answers, unanswered=[(RAMP_S + n, False) for n in range(8)] * 2)
    measures = one(tmp_path, made).measures
    assert (measures.successes, measures.unanswered) == (0, 16)
    assert measures.p50_ms == pytest.approx(4000, rel=0.001)
    assert measures.p50_upper_ms is None


def test_dropped_arrivals_were_offered_and_never_answered(tmp_path: Path) -> None:
    plain = one(tmp_path / "a", Made(answers=steady(100))).measures
    measures = one(tmp_path / "b", Made(answers=steady(100), dropped=100)).measures
    assert (plain.dropped, measures.dropped) == (0, 100)
    assert plain.offered_rps is not None
    assert measures.offered_rps == plain.offered_rps + 100 / STEADY_S
    assert plain.p95_ms is not None
    assert plain.p95_ms == plain.p95_upper_ms
    assert measures.p50_ms is not None
    assert measures.p95_ms is not None
    assert measures.p95_ms <= plain.p95_ms
    assert (measures.p95_upper_ms, measures.p99_upper_ms) == (None, None)


def test_a_slow_trial_counts_the_work_of_the_steady_window_only(tmp_path: Path) -> None:
    measures = one(tmp_path, Made(answers=SLOW)).measures
    # 2 gaps, and of the silences before and after 1 s of 2, and END_S - 9 of 4
    work = 2 + (3 - RAMP_S) / 2 + (END_S - 9) / 4
    assert (measures.goodput_rps, measures.goodput_method) == (work / STEADY_S, "edges")
    assert (measures.successes, measures.total_successes) == (3, 5)
    assert (measures.p50_ms, measures.p95_ms, measures.p99_ms) == (None, None, None)


def test_the_best_seconds_may_lie_in_the_ramp_but_not_after_the_load(tmp_path: Path) -> None:
    answers = [*[Answer(0.5)] * 50, Answer(5.0), *[Answer(50.0)] * 500]
    assert one(tmp_path, Made(answers=answers)).measures.max_goodput_rps == 10


def test_the_delay_is_measured_on_the_delayed_paths(tmp_path: Path) -> None:
    result = one(tmp_path, Made({"delay_ms": 100}, SLOW, delay_off_ms=0.4))
    assert result.measures.measured_delay_ms == pytest.approx(100.4)
    assert result.measures.delay_mechanism == "netem"


def test_without_a_delay_all_paths_are_looked_at(tmp_path: Path) -> None:
    measures = one(tmp_path, Made({"delay_ms": 0}, SLOW)).measures
    assert measures.measured_delay_ms == pytest.approx(0.05, abs=0.05)
    assert measures.delay_mechanism == ""


def test_a_retry_replaces_an_invalid_attempt(tmp_path: Path) -> None:
    invalid = Made(answers=SLOW, verdict=Verdict.INVALID, why="delay")
    folder = make(tmp_path / "s", [invalid])
    attempt(folder / "trials" / "0001-made-r1", Made(answers=steady(100)), 2)
    (result,) = results(read_session(folder))
    assert (result.verdict, result.attempt, result.attempts) == ("valid", 2, 2)
    assert result.measures.goodput_rps == 100


def test_what_was_not_run_says_why(tmp_path: Path) -> None:
    folder = make(tmp_path / "s", [Made(), Made(), Made(skip="no PgBouncer"), Made()])
    (folder / "trials" / "0002-made-r1" / "attempt-1").mkdir(parents=True)
    broken = folder / "trials" / "0004-made-r1" / "attempt-1"
    broken.mkdir(parents=True)
    (broken / "manifest.json").write_text("{")
    found = results(read_session(folder))
    assert [result.verdict for result in found] == ["missing", "missing", "skipped", "missing"]
    assert [result.reason for result in found[:3]] == [
        "not run yet", "interrupted before it was finished", "no PgBouncer",
    ]  # fmt: skip
    assert "manifest.json: not readable" in found[3].reason
    assert found[3].notes


def test_a_failed_attempt_keeps_what_it_measured_of_the_delay(tmp_path: Path) -> None:
    result = one(tmp_path, Made(verdict=Verdict.FAILED, why="the app did not start"))
    assert (result.verdict, result.reason) == ("failed", "the app did not start")
    assert result.measures.goodput_rps is None
    assert result.measures.measured_delay_ms == pytest.approx(100.02)
    assert result.notes == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("latencies.hlog", "Tag=steady|io_create|ok,3.0,1.0,1,HISTFAAA====\n"),
        ("latencies.hlog", "Tag=steady|io_create|ok,3.0,1.0,1,bm9uZQ==\n"),
        ("completions.csv", "second,phase\n1,steady\n"),
        ("seconds.csv", f"{','.join(SECONDS)}\nx,steady,1,1,1,1,0,1\n"),
    ],
)
def test_a_spoilt_load_file_is_one_note_and_no_numbers(
    tmp_path: Path, name: str, text: str
) -> None:
    folder = make(tmp_path / "s", [Made(answers=SLOW)])
    (folder / "trials" / "0001-made-r1" / "attempt-1" / "load" / name).write_text(text)
    (result,) = results(read_session(folder))
    assert result.measures.successes is None
    (note,) = result.notes
    assert note.startswith("0001-made-r1: load files not readable")


@pytest.mark.parametrize("name", ["seconds.csv", "unanswered.csv"])
def test_a_load_file_that_is_missing_is_one_note_and_no_numbers(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path / "s", [Made(answers=SLOW)])
    (folder / "trials" / "0001-made-r1" / "attempt-1" / "load" / name).unlink()
    (result,) = results(read_session(folder))
    assert result.measures.successes is None
    assert result.notes == (f"0001-made-r1: load files not readable: load/{name} is missing",)


def test_files_that_disagree_are_noted(tmp_path: Path) -> None:
    folder = make(tmp_path / "s", [Made(answers=SLOW)])
    path = folder / "trials" / "0001-made-r1" / "attempt-1" / "load" / "latencies.hlog"
    path.write_text("\n".join(path.read_text().splitlines()[:-2]) + "\n")
    (result,) = results(read_session(folder))
    assert result.notes == ("0001-made-r1: completions.csv counts 3 successes, latencies.hlog 2",)


def test_every_row_has_every_column(tmp_path: Path) -> None:
    session = read_session(make(tmp_path / "s", [Made(answers=SLOW), Made(skip="no")]))
    for result in results(session):
        assert tuple(trial_row(result)) == trial_columns(session)


def test_of_equally_frequent_failures_the_first_by_name_is_named() -> None:
    assert top({"timeout": 3, "app_error": 3, "connection_reset": 1}) == "app_error"
    assert top({}) == ""
