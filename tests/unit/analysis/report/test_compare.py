"""Two sessions side by side: which cells are slower, and when nobody can tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from analysis.inference import Kind, PairRatio
from analysis.recheck import differences
from analysis.report import compare
from analysis.report.compare import is_slower, judged
from rig.model import ExitCode, Level, ReportResult
from tests.unit.analysis import sessions
from tests.unit.analysis.report.test_report import Page
from tests.unit.analysis.sessions import Made, steady

pytestmark = pytest.mark.usefixtures("undrawn")

ROUTES: tuple[Level, ...] = ("cpu", "io_create", "io_read")
DELAYS: tuple[Level, ...] = (0, 100, 200)


def session(
    folder: Path,
    rates: Sequence[float],
    routes: Sequence[Level] = ROUTES,
    slow: Sequence[float] = (),
) -> Path:
    """One cell per route and delay, a repeat per rate; the first cell at the rates in `slow`."""
    made = []
    for replicate in range(len(rates)):
        for route in routes:
            for delay in DELAYS:
                first = slow and (route, delay) == (routes[0], DELAYS[0])
                rate = (slow if first else rates)[replicate]
                levels: dict[str, Level] = {"route": route, "delay_ms": delay}
                made.append(Made(levels, steady(rate), replicate=replicate + 1))
    return sessions.make(folder, made)


def compared(before: Path, after: Path) -> tuple[ReportResult, str]:
    written = compare(before, after)
    return written, "\n".join(written.messages)


def test_a_large_drop_is_a_regression_whatever_two_repeats_can_prove(tmp_path: Path) -> None:
    # three times slower, block ratios scatter by 5 %: Holm's p of nine cells stays above 0.1
    before = session(tmp_path / "before", (60, 60))
    written, says = compared(before, session(tmp_path / "after", (60, 60), slow=(20, 21.5)))
    assert written.check is ExitCode.SLOWER
    assert says.count("slower") == 1
    assert says.count("no regression") == 8


def test_repeats_that_scatter_too_much_decide_nothing(tmp_path: Path) -> None:
    before = session(tmp_path / "before", (60, 60))
    written, says = compared(before, session(tmp_path / "after", (60, 60), slow=(50, 66)))
    assert written.check is ExitCode.UNDECIDED
    assert says.count("not decided") == 1


def test_the_same_again_is_no_regression(tmp_path: Path) -> None:
    before = session(tmp_path / "before", (60, 61, 59, 60))
    written, says = compared(before, session(tmp_path / "after", (59, 60, 60, 58)))
    assert written.check is ExitCode.OK
    assert says.count("no regression") == 9


def test_a_cell_that_the_later_session_lacks_leaves_it_open(tmp_path: Path) -> None:
    before = session(tmp_path / "before", (60,))
    written, says = compared(before, session(tmp_path / "after", (60,), ("io_read",)))
    assert written.check is ExitCode.UNDECIDED
    assert says.count("not in the later session: ") == 6
    assert "Only the earlier session has these cells:" in Page(written.html).text


def test_a_slower_cell_is_one_whatever_is_missing(tmp_path: Path) -> None:
    before = session(tmp_path / "before", (60,))
    after = session(tmp_path / "after", (60,), ("io_read",), slow=(20,))
    assert compare(before, after).check is ExitCode.SLOWER


def test_cells_that_only_the_later_session_has_count_for_nothing(tmp_path: Path) -> None:
    before = session(tmp_path / "before", (60,), ("io_read",))
    written, says = compared(before, session(tmp_path / "after", (60,)))
    assert written.check is ExitCode.OK
    assert "not in the later session" not in says
    assert "Only the later session has these cells:" in Page(written.html).text


def test_cells_skipped_for_a_reason_ask_nothing(tmp_path: Path) -> None:
    both = [
        sessions.make(
            tmp_path / name,
            [Made(answers=steady(60)), Made({"pooler": "pgbouncer"}, skip="no PgBouncer here")],
        )
        for name in ("before", "after")
    ]
    written, says = compared(*both)
    assert written.check is ExitCode.OK
    assert "not measured" not in says
    assert differences(both[1]) == (
        (),
        (),
    )  # of a `derived/` that holds a comparison and nothing else


@pytest.mark.parametrize(
    ("ratio", "low", "high", "p_holm", "word"),
    [
        (0.9, 0.88, 0.92, 0.001, "slower"),
        (0.9, 0.7, 1.1, 0.5, "no regression"),
        (0.9, 0.6, 1.3, 0.5, "not decided"),
        (0.3, 0.2, 0.5, 0.2, "slower"),
        (0.3, 0.05, 1.8, 0.9, "not decided"),
        (1.2, 1.1, 1.3, 0.001, "faster"),
        (1.2, 0.5, 2.9, 0.9, "not decided"),
    ],
)
def test_a_word_on_each_pair(
    ratio: float, low: float, high: float, p_holm: float, word: str
) -> None:
    pair = PairRatio({}, ratio, low, high, Kind.BETWEEN_TRIALS, 2, p_holm=p_holm)
    assert judged(pair) == word
    assert is_slower(pair) == (word == "slower")


@pytest.mark.parametrize(
    ("ratio", "silent", "word"),
    [
        (1.0, (3, 0), "not decided"),
        (0.5, (3, 0), "slower"),
        (0.5, (0, 3), "not decided"),
        (1.0, (0, 3), "no regression"),
    ],
)
def test_valid_trials_without_a_rate_take_their_side_s_good_word(
    ratio: float, silent: tuple[int, int], word: str
) -> None:
    pair = PairRatio(
        {}, ratio, 0.95 * ratio, 1.05 * ratio, Kind.BETWEEN_TRIALS, 4, p_holm=0.9, silent=silent
    )
    assert judged(pair) == word


@pytest.mark.parametrize(
    ("ratio", "word"), [(0.6, "slower"), (0.7, "no regression"), (None, "not measured")]
)
def test_a_single_run_without_an_interval(ratio: float | None, word: str) -> None:
    assert judged(PairRatio({}, ratio, None, None, Kind.NONE, 1)) == word
