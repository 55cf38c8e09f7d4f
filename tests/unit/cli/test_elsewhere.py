"""What a report leaves outside the session."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.cli.elsewhere import (
    ACTIONS,
    CUT,
    MOST_SUMMARY_BYTES,
    STEP_SUMMARY,
    annotation_lines,
    append_step_summary,
    cut_to,
    write_document,
)
from rig.model import Annotation

REPORT = "# title\n\nfirst\n\n## One\n\nä" + "x" * 50 + "\n\n## Two\n\n" + "y" * 50 + "\n"
NOTE = f"\n{CUT}\n"


def test_what_fits_is_whole() -> None:
    assert cut_to(REPORT, len(REPORT.encode())) == REPORT


def test_it_is_cut_at_a_section() -> None:
    cut = cut_to(REPORT, len(REPORT.encode()) - 1)
    assert cut == REPORT[: REPORT.index("\n## Two")] + NOTE


@pytest.mark.parametrize("room_bytes", range(len(REPORT.encode()) + 1))
def test_it_is_never_longer_than_there_is_room(room_bytes: int) -> None:
    cut = cut_to(REPORT, room_bytes)
    assert len(cut.encode()) <= room_bytes
    assert cut in ("", REPORT) or cut.endswith(NOTE)


def test_a_summary_grows_up_to_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report, summary = tmp_path / "report.md", tmp_path / "summary"
    report.write_text(REPORT, encoding="utf-8")
    monkeypatch.setenv(STEP_SUMMARY, str(summary))
    append_step_summary(report)
    append_step_summary(report)
    assert summary.read_text(encoding="utf-8") == REPORT * 2
    report.write_text(REPORT + "## Three\n\n" + "z" * MOST_SUMMARY_BYTES, encoding="utf-8")
    append_step_summary(report)
    text = summary.read_text(encoding="utf-8")
    assert text.startswith(REPORT * 2)
    assert text.endswith(NOTE)
    assert len(text.encode()) < MOST_SUMMARY_BYTES


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_step_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv(STEP_SUMMARY, raising=False)
    if value is not None:
        monkeypatch.setenv(STEP_SUMMARY, value)
    monkeypatch.chdir(tmp_path)
    append_step_summary(tmp_path / "no report is even read")
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"no/junit\.xml"):
        write_document("", tmp_path / "no" / "junit.xml")


def test_annotations_are_for_github_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Annotation("error", "p95 < 300 ms: at a, b", "100 %\n::warning::x \x1b[2J")
    monkeypatch.delenv(ACTIONS, raising=False)
    assert list(annotation_lines([one])) == []
    monkeypatch.setenv(ACTIONS, "true")
    assert list(annotation_lines([one])) == [
        "::error title=p95 < 300 ms%3A at a%2C b::100 %25\\n::warning::x \\x1b[2J"
    ]
