"""The derived folder: whole, or not there."""

import csv
from pathlib import Path

import pytest

from analysis import derive
from rig.model import UsageError
from tests.unit.analysis.sessions import Made, make, steady

TABLES = {
    *("trials.csv", "summary.csv", "failures.csv", "comparisons.csv"),
    *("summary.json", "made.json"),
}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_writes_tables_and_figure(tmp_path: Path) -> None:
    session = make(tmp_path / "s", [Made({"delay_ms": d}, steady(30)) for d in (0, 100)])
    derived = derive(session)
    figures = {f"figures/goodput.{kind}" for kind in ("csv", "png", "svg")}
    assert files(session / "derived") == {*TABLES, *figures}
    assert derived.figure == session / "derived" / "figures" / "goodput.png"
    with derived.trials_csv.open(newline="") as file:
        assert [row["goodput_rps"] for row in csv.DictReader(file)] == ["30", "30"]
    with derived.summary_csv.open(newline="") as file:
        assert [row["delay_ms"] for row in csv.DictReader(file)] == ["0", "100"]


def test_again_replaces_it_whole(tmp_path: Path) -> None:
    session = make(tmp_path / "s", [Made(answers=steady(30))])
    (session / "derived").mkdir()
    (session / "derived" / "stale.csv").write_text("old")
    derive(session)
    derive(session)
    assert "stale.csv" not in files(session / "derived")
    assert sorted(path.name for path in session.iterdir()) == [
        "derived", "schedule.csv", "session.json", "trials",
    ]  # fmt: skip


def test_a_failure_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = make(tmp_path / "s", [Made(answers=steady(30))])
    derive(session)
    before = files(session / "derived")

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("analysis.tables.write_csv", full)
    with pytest.raises(OSError, match="no space"):
        derive(session)
    assert files(session / "derived") == before
    assert not list(session.glob(".derived-*"))


def test_without_trials_there_is_no_figure(tmp_path: Path) -> None:
    session = make(tmp_path / "s", [])
    assert derive(session).figure is None
    assert files(session / "derived") == TABLES


def test_no_session_is_touched_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        derive(tmp_path)
    assert not list(tmp_path.iterdir())
