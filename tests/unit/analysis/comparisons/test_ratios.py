"""From trials to observations."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis import table
from analysis.comparisons import ratios
from analysis.reading.session_files import read_session
from analysis.report import report
from analysis.summaries.layout import layout_of
from analysis.summaries.trials import results
from rig.model import Verdict
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


@pytest.mark.usefixtures("undrawn")
def test_a_claim_is_not_judged_by_a_bound(tmp_path: Path) -> None:
    text = Page(report(made(tmp_path / "s")).html).text
    assert "p95 response time" in text
    assert "sync answered too little to tell" in text


def test_a_ratio_needs_both_cells_and_equal_other_levels(tmp_path: Path) -> None:
    trials = [
        Made({"target": "sync"}, steady(20)),
        Made({"target": "async"}, steady(100)),
        Made({"target": "async", "pooler": "pgbouncer"}, steady(300), because="why not"),
        Made({"target": "sync", "delay_ms": 0}, steady(50)),
        Made({"target": "async", "delay_ms": 0}, steady(9), Verdict.INVALID),
    ]
    session = read_session(sessions.make(tmp_path / "s", trials))
    found = ratios.observations(session, layout_of(session), results(session))
    pairs = ratios.claimed_ratios(session, found)
    (pair,) = (pair for pair in pairs if pair.ratio is not None)
    assert pair.ratio == pytest.approx(5)
    assert pair.levels["delay_ms"] == 100
    assert "target" not in pair.levels


@pytest.mark.usefixtures("undrawn")
def test_show_and_report_say_one_ratio(tmp_path: Path) -> None:
    """The medians' is 2.00, the geometric mean over blocks 2.05."""
    rates = [("async", (100, 110, 130)), ("sync", (50, 60, 55))]
    trials = [
        Made({"target": target}, steady(rps), replicate=block)
        for target, of in rates
        for block, rps in enumerate(of, start=1)
    ]
    session = sessions.make(tmp_path / "s", trials)
    (shown,) = (line for line in table(session).splitlines() if "geometric mean" in line)
    assert " 2.05  reaches 2   geometric mean of 3 blocks" in shown
    assert "2.05×" in Page(report(session).html).text
