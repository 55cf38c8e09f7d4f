"""What binds each cell, and what nothing explains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.report import report
from tests.unit.analysis import sessions
from tests.unit.analysis.report.test_report import Page
from tests.unit.analysis.sessions import Made, steady

STACK = {"levels": {"target": "sync"}, "route": "io_create", "servers": 1, "unloaded": [],
         "s0_ms": 10.0, "n": 9.0, "hold_s0_ms": 20.0, "hold_n": 1.0, "why": ""}  # fmt: skip


@pytest.mark.usefixtures("undrawn")
def test_what_was_refused_is_not_unexplained(tmp_path: Path) -> None:
    refused = steady(6, failed=0.3, why="db_too_many_connections")
    trials = [Made({"delay_ms": 100}, refused), Made({"delay_ms": 0}, steady(20))]
    folder = sessions.make(tmp_path / "s", trials)
    calibration = {"null_rps": 5000.0, "load_workers": 2, "stacks": [STACK], "why": ""}
    (folder / "calibration.json").write_text(json.dumps(calibration))
    text = Page(report(folder).html).text
    assert "refused: 29.2 % of the answers failed" in text
    assert "Unexplained in 1 cell:" in text
