"""Whatever must not happen during a load fails it, and may be tried again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.checks import judge
from rig.checks.nothing_happened import nothing_happened
from rig.model import Status, Verdict
from rig.record import Check, LedgerFacts, ProbeFacts, Record
from tests.unit.plans import PLAN, record

QUIET = ProbeFacts(
    app_workers_begun=0,
    app_workers_ended=0,
    app_worker_timeouts=0,
    postgres_restarts=0,
    oom_kills=0,
)


def seen(**changes: Any) -> Record:
    return replace(record(), probes=replace(QUIET, **changes))


def said(**changes: Any) -> Check:
    return nothing_happened(PLAN, seen(**changes))


def test_nothing_did() -> None:
    assert said().status is Status.PASS


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"app_workers_begun": 1, "app_workers_ended": 1}, "app workers ended"),
        ({"app_workers_begun": 1}, "1 app workers began"),
        ({"app_workers_ended": 1}, "1 app workers ended"),
        ({"app_worker_timeouts": 2}, "2 app workers killed for silence"),
        ({"postgres_restarts": 1}, "1 restarts of Postgres"),
        ({"oom_kills": 3}, "3 processes killed for memory"),
        # what is known to be wrong outweighs what is not known
        ({"oom_kills": 1, "postgres_restarts": None}, "1 processes killed"),
    ],
)
def test_each_fails_it(changes: dict[str, Any], names: str) -> None:
    check = said(**changes)
    assert (check.status, check.again) == (Status.FAIL, True)
    assert names in check.says


def test_restarts_by_design_are_told_and_no_disturbance() -> None:
    plan = replace(PLAN, target=replace(PLAN.target, restarts_workers=True))
    changes: dict[str, Any] = {"app_workers_begun": 3, "app_workers_ended": 3}
    check = nothing_happened(plan, seen(**changes))
    assert check.status is Status.PASS
    assert check.says.endswith("; app workers restarted by design: 3 began, 3 ended")
    assert nothing_happened(plan, seen(**changes, app_worker_timeouts=1)).status is Status.FAIL
    assert nothing_happened(plan, seen(**changes, oom_kills=1)).status is Status.FAIL


@pytest.mark.parametrize(
    ("unknown", "needs"),
    [
        ("postgres_restarts", "postgres"),
        ("oom_kills", "host"),
        ("app_workers_ended", "app_workers"),
    ],
)
def test_what_no_probe_saw_is_unknown_and_bars_no_verdict(unknown: str, needs: str) -> None:
    check = said(**{unknown: None})
    assert check.status is Status.UNKNOWN
    assert needs in check.needs
    _, verdict, why = judge(PLAN, seen(**{unknown: None}))
    assert (verdict, why) == (Verdict.VALID, "")


def test_it_decides_the_verdict() -> None:
    _, verdict, why = judge(PLAN, seen(postgres_restarts=1))
    assert verdict is Verdict.INVALID
    assert why.startswith("nothing_happened: ")


def test_a_restart_that_only_the_ledger_saw() -> None:
    restarted = replace(seen(), ledger=LedgerFacts(postgres_restarted=True))
    found = nothing_happened(PLAN, restarted)
    assert found.status is Status.FAIL
    assert "Postgres was restarted" in found.says


def test_a_probe_that_failed_is_no_power_that_a_target_lacks() -> None:
    fine = record()
    blind = replace(fine.probes, app_workers_ended=None)
    assert nothing_happened(PLAN, replace(fine, probes=blind)).needs
    for failed in ("app_workers", "sight", "folder"):
        broken = replace(blind, failed={failed: "9 of 9 samples failed"})
        said = nothing_happened(PLAN, replace(fine, probes=broken))
        assert (said.status, said.needs) == (Status.UNKNOWN, "")
