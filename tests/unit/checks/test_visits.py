"""What is judged where users log in, or ask for a mix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.checks import judge
from rig.checks.ledger import ledger
from rig.checks.visits import sessions
from rig.model import Status
from rig.plan import Ledger, Mix, Plan
from rig.record import LedgerFacts, SessionFacts, StatementFacts, TableRows
from rig.target import SessionStep
from tests.unit.plans import PLAN, TARGET, USERS, record

STEPS = (SessionStep("GET", "/login/"),)
MIXED = replace(
    PLAN,
    target=replace(
        TARGET,
        ledger=Ledger("t", "c", ("django_session",)),
        sessions={"member": STEPS},
        mixes={"mix": Mix({"list": 1, "make": 2}, "member")},
    ),
    route_name="mix",
)


def alone(name: str) -> Plan:
    """One route that begins with the session."""
    route = replace(MIXED.target.routes[name], session="member")
    target = replace(MIXED.target, routes={**MIXED.target.routes, name: route})
    return replace(MIXED, target=target, route_name=name)


@pytest.mark.parametrize(
    ("facts", "status", "says"),
    [
        ({"done": USERS.end_users, "mean_ms": 12.3}, Status.PASS, "10 before the steady window"),
        ({"done": USERS.end_users, "done_in_steady": 3}, Status.WARN, "3 of 10 ended in the"),
        ({"done": 7}, Status.FAIL, "7 of 10 users were past theirs"),
        (
            {"done": 10, "failed": {"session member, step 2: status 429": 4}},
            Status.FAIL,
            "4 failed: 4 × session member, step 2: status 429",
        ),
    ],
)
def test_sessions(facts: dict[str, Any], status: Status, says: str) -> None:
    fine = record()
    found = sessions(MIXED, replace(fine, load=replace(fine.load, sessions=SessionFacts(**facts))))
    assert found.status is status
    assert says in found.says


def test_they_are_judged_only_where_there_are_some() -> None:
    names = [check.name for check in judge(MIXED, record())[0]]
    assert names[-1] == "sessions"
    assert "sessions" not in [check.name for check in judge(PLAN, record())[0]]


def test_of_a_mix_the_ledger_knows_only_what_cannot_be() -> None:
    counts = LedgerFacts(rows_before=1, rows_after=9, counted=StatementFacts(calls=99))
    found = ledger(MIXED, replace(record(), ledger=counts))
    assert (found.status, bool(found.needs)) == (Status.UNKNOWN, True)
    twice = ledger(MIXED, replace(record(), ledger=replace(counts, rows_twice=2)))
    assert (twice.status, twice.says) == (Status.FAIL, "2 rows written twice")


def test_what_sessions_write_is_never_the_routes_fault() -> None:
    rows = {"t": TableRows(0, 0, 0), "django_session": TableRows(0, 0, 10)}
    counts = LedgerFacts(
        rows_before=0, rows_after=10, counted=StatementFacts(calls=999), tables=rows,
        answered_by_target=999,
    )  # fmt: skip
    found = ledger(alone("list"), replace(record(), ledger=counts))
    assert found.status is Status.UNKNOWN, found.says
    assert found.needs
