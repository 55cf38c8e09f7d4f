"""What is judged where users log in, ask for a mix, or are those of a Locust file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.checks import judge
from rig.checks.ledger import ledger
from rig.checks.visits import sessions, tasks
from rig.model import Status
from rig.plan import Ledger, LocustFile, Mix, Plan
from rig.record import LedgerFacts, LocustFileFacts, SessionFacts, StatementFacts, TableRows
from rig.route import File, SessionStep
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
        ({"done": USERS.end_users, "mean_ms": 12.3}, Status.PASS, "10 before the load, 12 ms each"),
        (
            {"done": 10, "mean_ms": 12.3, "begun_over_s": 4.04},
            *(Status.PASS, "10 before the load, begun over 4.0 s, 12 ms each"),
        ),
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


def test_what_sessions_write_is_never_the_routes_fault() -> None:
    """Of older sessions, which counted it with the route's."""
    rows = {"t": TableRows(0, 0, 0), "django_session": TableRows(0, 0, 10)}
    counts = LedgerFacts(
        rows_before=0, rows_after=10, counted=StatementFacts(calls=999), tables=rows,
        answered_by_target=999, verifying_requests=1,
    )  # fmt: skip
    found = ledger(alone("list"), replace(record(), ledger=counts))
    assert found.status is Status.UNKNOWN, found.says
    assert found.needs


OF_FILE = replace(
    PLAN,
    target=replace(TARGET, locustfiles={"shoppers": LocustFile(File("locustfile.py", "0" * 64))}),
    route_name="shoppers",
)


def test_what_a_locust_file_writes_nobody_knows() -> None:
    assert OF_FILE.routes == ()
    counts = LedgerFacts(rows_before=1, rows_after=9, counted=StatementFacts(calls=99))
    found = ledger(OF_FILE, replace(record(), ledger=counts))
    assert (found.status, bool(found.needs)) == (Status.UNKNOWN, True)
    other = ledger(OF_FILE, replace(record(), ledger=replace(counts, fingerprint_after="x")))
    assert other.status is Status.FAIL


def test_exceptions_in_tasks_warn_and_bar_no_verdict() -> None:
    fine = record()

    def of(facts: LocustFileFacts | None) -> Any:
        return replace(fine, load=replace(fine.load, locustfile=facts))

    assert tasks(of(LocustFileFacts())).status is Status.PASS
    assert tasks(of(None)).status is Status.UNKNOWN
    broken = of(LocustFileFacts(task_errors={"Buyer, a.py:3: KeyError: 'x'": 4}))
    found = next(check for check in judge(OF_FILE, broken)[0] if check.name == "tasks")
    assert found.status is Status.WARN
    assert found.says == "4 ended in an exception: 4 × Buyer, a.py:3: KeyError: 'x'"
    assert "tasks" not in [check.name for check in judge(PLAN, fine)[0]]


def test_once_all_is_counted_anew_the_route_is_judged() -> None:
    counts = LedgerFacts(
        rows_before=0, rows_after=0, counted=StatementFacts(calls=0),
        tables={"t": TableRows(0, 5, 5), "django_session": TableRows(0, 10, 10)},
    )  # fmt: skip
    assert ledger(alone("list"), replace(record(), ledger=counts)).status is Status.PASS
    more = replace(counts, tables={"django_session": TableRows(0, 10, 11)})
    found = ledger(alone("list"), replace(record(), ledger=more))
    assert (found.status, found.says) == (
        Status.FAIL, "django_session: +1 rows, though the route writes none",
    )  # fmt: skip
