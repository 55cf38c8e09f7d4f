"""Two sessions side by side: which cells are slower, and when nobody can tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from analysis.comparisons.versions import judged
from analysis.inference import Kind, PairRatio
from analysis.recheck import differences
from analysis.report import compare
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


def compared(
    before: Path | Sequence[Path], after: Path | Sequence[Path]
) -> tuple[ReportResult, str]:
    sides = [[side] if isinstance(side, Path) else side for side in (before, after)]
    written = compare(*sides)
    return written, "\n".join(written.messages)


def several(folder: Path, name: str, rates: Sequence[float], **more: Any) -> list[Path]:
    """A session of two repeats for each rate."""
    return [
        session(folder / f"{name}-{number}", (rate, rate), **more)
        for number, rate in enumerate(rates)
    ]


def test_a_large_drop_is_a_regression_even_between_single_sessions(tmp_path: Path) -> None:
    # three times slower, where sessions and runs are taken to scatter by 15 %
    before = session(tmp_path / "before", (60, 60))
    written, says = compared(before, session(tmp_path / "after", (60, 60), slow=(20, 21.5)))
    assert written.check is ExitCode.SLOWER
    assert says.count("slower") == 1
    assert says.count(" cannot tell") == 8


@pytest.mark.parametrize("repeats", [1, 4])
def test_single_sessions_never_show_that_nothing_changed(tmp_path: Path, repeats: int) -> None:
    before = session(tmp_path / "before", (60, 61, 59, 60)[:repeats])
    written, says = compared(before, session(tmp_path / "after", (59, 60, 60, 58)[:repeats]))
    assert written.check is ExitCode.UNDECIDED
    assert "no regression" not in says
    assert says.count(" cannot tell") == 9
    assert "[old, new]" in says
    assert "[old, new]" in Page(written.html).text


def test_several_sessions_of_each_show_it(tmp_path: Path) -> None:
    before = several(tmp_path, "before", (60, 62, 58))
    written, says = compared(before, several(tmp_path, "after", (61, 58, 60)))
    assert written.check is ExitCode.OK
    assert says.count("no regression") == 9
    assert "One session each" not in says
    assert written.html == before[0].parent / "after-2" / "derived" / "compare-before-0.html"


def test_sessions_that_scatter_too_much_decide_nothing(tmp_path: Path) -> None:
    before = several(tmp_path, "before", (40, 60, 90))
    written, says = compared(before, several(tmp_path, "after", (41, 58, 85)))
    assert written.check is ExitCode.UNDECIDED
    assert says.count("not decided") == 9


def test_a_fall_beyond_what_sessions_scatter_is_one(tmp_path: Path) -> None:
    before = several(tmp_path, "before", (60, 62, 58))
    slow = [(20.0, 20.0), (21.0, 21.0), (20.0, 21.0)]
    after = [
        session(tmp_path / f"after-{number}", (60, 60), slow=rates)
        for number, rates in enumerate(slow)
    ]
    written, says = compared(before, after)
    assert written.check is ExitCode.SLOWER
    assert says.count("slower") == 1


def test_one_session_beside_several_has_their_scatter(tmp_path: Path) -> None:
    before = several(tmp_path, "before", (60, 61, 59, 60))
    written, _ = compared(before, session(tmp_path / "after", (60, 60)))
    assert written.check is ExitCode.OK


def test_a_cell_that_the_later_session_lacks_leaves_it_open(tmp_path: Path) -> None:
    before = session(tmp_path / "before", (60,))
    written, says = compared(before, session(tmp_path / "after", (60,), ("io_read",)))
    assert written.check is ExitCode.UNDECIDED
    assert says.count("not in the later session: ") == 6
    assert "not in the later session: cpu · added delay 100 ms\n" in says
    assert "Only the earlier session has these cells:" in Page(written.html).text


def test_a_slower_cell_is_one_whatever_is_missing(tmp_path: Path) -> None:
    before = session(tmp_path / "before", (60,))
    after = session(tmp_path / "after", (60,), ("io_read",), slow=(20,))
    assert compare([before], [after]).check is ExitCode.SLOWER


def test_cells_that_only_the_later_session_has_count_for_nothing(tmp_path: Path) -> None:
    before = several(tmp_path, "before", (60, 61), routes=("io_read",))
    written, says = compared(before, several(tmp_path, "after", (60, 61)))
    assert written.check is ExitCode.OK
    assert "not in the later session" not in says
    assert "Only the later session has these cells:" in Page(written.html).text


def test_cells_skipped_for_a_reason_ask_nothing(tmp_path: Path) -> None:
    both = [
        sessions.make(
            tmp_path / name,
            [Made(answers=steady(60)), Made({"pooler": "pgbouncer"}, skip="no PgBouncer here")],
        )
        for name in ("before", "after", "before-2", "after-2")
    ]
    written, says = compared(both[::2], both[1::2])
    assert written.check is ExitCode.OK
    assert "not measured" not in says
    assert differences(both[3]) == (
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
def test_a_word_on_each_cell(
    ratio: float, low: float, high: float, p_holm: float, word: str
) -> None:
    pair = PairRatio({}, ratio, low, high, Kind.BETWEEN_SESSIONS, 2, p_holm=p_holm)
    assert judged(pair) == word


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
        {}, ratio, 0.95 * ratio, 1.05 * ratio, Kind.BETWEEN_SESSIONS, 4, p_holm=0.9, silent=silent
    )
    assert judged(pair) == word


@pytest.mark.parametrize(
    ("ratio", "failed", "word"),
    [
        (1.0, (0.3, 0.0), "not decided"),
        (1.0, (0.3, 0.28), "no regression"),
        (0.5, (0.3, 0.0), "slower"),
        (0.5, (0.0, 0.3), "not decided"),
    ],
)
def test_a_version_that_fails_more_gets_no_good_word(
    ratio: float, failed: tuple[float, float], word: str
) -> None:
    pair = PairRatio({}, ratio, 0.95 * ratio, 1.05 * ratio, Kind.BETWEEN_SESSIONS, 4, p_holm=0.9,
                     failure_shares=failed)  # fmt: skip
    assert judged(pair) == word


@pytest.mark.parametrize(
    ("falls", "ratio", "word"),
    [(True, 0.3, "slower"), (False, 0.7, "cannot tell"), (False, None, "not measured")],
)
def test_single_sessions(falls: bool, ratio: float | None, word: str) -> None:
    pair = PairRatio({}, ratio, None, None, Kind.NONE, 1)
    assert judged(pair, falls_alone=falls) == word
