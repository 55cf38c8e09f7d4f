"""From trials to observations."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.comparisons import ratios
from analysis.reading.session import read_session
from analysis.report import report
from analysis.summaries.layout import layout_of
from analysis.summaries.trials import results
from tests.unit.analysis import sessions
from tests.unit.analysis.report.test_report import Page
from tests.unit.analysis.sessions import Made, steady

P95 = {**sessions.CLAIM, "of": "p95_ms"}
STUCK = [(4.0, False)] * 20
"""Longer under way than any answer took: the 95th percentile is no more than a lower bound."""


def made(folder: Path) -> Path:
    trials = [
        Made({"target": "sync"}, steady(20), unanswered=STUCK),
        Made({"target": "async"}, steady(20)),
    ]
    return sessions.make(folder, trials, claim=P95)


def test_a_percentile_that_is_only_a_bound_is_no_value(tmp_path: Path) -> None:
    session = read_session(made(tmp_path / "s"))
    found = results(session)
    assert found[0].measures.p95_ms == pytest.approx(6500, rel=0.001)
    sync, quick = ratios.observations(session, layout_of(session), found)
    assert sync.value is None
    assert quick.value == found[1].measures.p95_ms


def test_a_claim_is_not_judged_by_a_bound(tmp_path: Path) -> None:
    text = Page(report(made(tmp_path / "s")).html).text
    assert "p95 response time" in text
    assert "sync answered too little to tell" in text
