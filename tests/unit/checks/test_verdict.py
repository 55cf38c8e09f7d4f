"""Checks add up to a verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.checks import judge
from rig.model import Verdict
from rig.record import DelayFacts, LoadFacts
from tests.unit.plans import PLAN, path, record

DROPPED = DelayFacts("netem", paths=(path("data"),), drops=1)
UNMEASURED = DelayFacts("netem")
TOO_FEW = replace(record().load, active_users=(2, 6, 9, 9, 9, 9))
NO_RATE = replace(record().load, successes_first_third=None)
BLIND = replace(record().load, greenlet_lag_p99_ms=None)
FINE = record().load


@pytest.mark.parametrize(
    ("delay", "load", "verdict", "blamed"),
    [
        (None, FINE, Verdict.VALID, []),
        (DROPPED, FINE, Verdict.INVALID, ["delay: "]),
        (None, TOO_FEW, Verdict.INVALID, ["ramp: "]),
        (DROPPED, TOO_FEW, Verdict.INVALID, ["delay: ", "ramp: "]),
        (UNMEASURED, FINE, Verdict.UNKNOWN, ["delay: "]),
        (None, BLIND, Verdict.UNKNOWN, ["generator: "]),
        # what a check needs and the attempt lacks bars no verdict
        (None, NO_RATE, Verdict.VALID, []),
        # what is known to be wrong outweighs what is not known
        (UNMEASURED, TOO_FEW, Verdict.INVALID, ["ramp: "]),
    ],
)
def test_verdicts(
    delay: DelayFacts | None, load: LoadFacts, verdict: Verdict, blamed: list[str]
) -> None:
    checks, found, why = judge(PLAN, record(delay, load))
    assert found is verdict
    assert all(part in why for part in blamed)
    assert sum(why.count(f"{check.name}: ") for check in checks) == len(blamed)
    assert why.count(";") >= max(0, len(blamed) - 1)
    assert {check.name for check in checks} >= {"delay", "load_workers", "ramp"}
    assert all(check.says for check in checks)
