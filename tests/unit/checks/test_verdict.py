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
TOO_FEW = replace(record().load, peak_users=9)
FINE = record().load


@pytest.mark.parametrize(
    ("delay", "load", "verdict", "blamed"),
    [
        (None, FINE, Verdict.VALID, []),
        (DROPPED, FINE, Verdict.INVALID, ["delay: "]),
        (None, TOO_FEW, Verdict.INVALID, ["users: 9 of 10 users"]),
        (DROPPED, TOO_FEW, Verdict.INVALID, ["delay: ", "users: "]),
        (UNMEASURED, FINE, Verdict.UNKNOWN, ["delay: "]),
        # what is known to be wrong outweighs what is not known
        (UNMEASURED, TOO_FEW, Verdict.INVALID, ["users: "]),
    ],
)
def test_verdicts(
    delay: DelayFacts | None, load: LoadFacts, verdict: Verdict, blamed: list[str]
) -> None:
    checks, found, why = judge(PLAN, record(delay, load))
    assert found is verdict
    assert all(part in why for part in blamed)
    assert why.count(";") == max(0, len(blamed) - 1)
    assert {check.name for check in checks} >= {"delay", "load_workers", "users"}
    assert all(check.says for check in checks)
