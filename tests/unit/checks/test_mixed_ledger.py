"""The ledger of a mix: each route's answers against what one request of it added and sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.checks.ledger import ledger
from rig.model import Status
from rig.plan import Ledger, Mix, Route
from rig.record import Check, LedgerFacts, LoadFacts, RouteAnswers, StatementFacts, TableRows
from tests.unit.plans import PLAN, TARGET, record

ROUTES = {
    "list": Route("list", "GET", "/list", statements=2),
    "make": Route("make", "POST", "/make", form={"title": "{unique}"}, statements=1),
    "tell": Route("tell", "POST", "/tell", json={"a": 1}, statements=3),
}
TOLD = replace(
    TARGET, routes=ROUTES, ledger=Ledger("t", "title", ("mail", "note")),
    mixes={"mix": Mix({"list": 1, "make": 2, "tell": 1})},
)  # fmt: skip
MIXED = replace(PLAN, target=TOLD, route_name="mix")
LOAD = LoadFacts(in_flight_at_stop=2, outcomes={"ok": 60, "timeout": 5}, complete=True)
BOOK = LedgerFacts(
    verifying_requests=3,
    counted=StatementFacts(calls=2 * 21 + 31 + 3 * 11),
    answers={"list": RouteAnswers(20, 0), "make": RouteAnswers(30, 4), "tell": RouteAnswers(10, 1)},
    wrote={"list": {"t": 0, "mail": 0, "note": 0}, "make": {"t": 1, "mail": 0, "note": 1},
           "tell": {"t": 0, "mail": 2, "note": 0}},
    naming=("make",),
    rows_of_successes=30,
    rows_of_failures={"timeout": 3},
    tables={"t": TableRows(0, 5, 38), "mail": TableRows(2, 0, 20), "note": TableRows(1, 0, 31)},
)  # fmt: skip


def check(routes: dict[str, Route] = ROUTES, **changes: Any) -> Check:
    plan = replace(MIXED, target=replace(TOLD, routes=routes))
    return ledger(plan, replace(record(load=LOAD), ledger=replace(BOOK, **changes)))


def test_rows_and_statements_are_the_routes_together() -> None:
    found = check()
    assert (found.status, found.says) == (
        Status.PASS,
        "t +33 rows, each of its request, mail +20 rows, note +31 rows, 106 statements",
    )


@pytest.mark.parametrize(
    ("changes", "says", "again"),
    [
        ({"rows_of_successes": 29}, "29 rows of 30 successes of make", True),
        ({"tables": {"t": TableRows(0, 5, 39)}}, "t: +34 rows instead of 30 of successes", True),
        ({"rows_twice": 2}, "2 rows written twice", True),
        ({"counted": StatementFacts(calls=90)}, "counted 90 statements instead of 106 to", False),
        ({"counted": StatementFacts(calls=999)}, "999 statements instead of 106 to", False),
    ],
)
def test_what_cannot_be(changes: dict[str, Any], says: str, again: bool) -> None:
    found = check(**changes)
    assert found.status is Status.FAIL
    assert says in found.says
    assert found.again is again


@pytest.mark.parametrize(
    ("mail", "status"),
    [(19, Status.UNKNOWN), (20, Status.PASS), (26, Status.PASS), (27, Status.UNKNOWN)],
)
def test_rows_have_a_least_and_a_most(mail: int, status: Status) -> None:
    # 2 × 10 successes; one failed and two under way at the stop may have written 2 each
    found = check(tables={**BOOK.tables, "mail": TableRows(2, 0, mail)})
    assert found.status is status
    assert bool(found.needs) is (status is Status.UNKNOWN)


def test_a_route_may_say_that_it_writes_nothing_or_where() -> None:
    silent = {**ROUTES, "tell": replace(ROUTES["tell"], writes=False)}
    found = check(silent)
    assert (found.status, found.says) == (
        Status.FAIL, "tell added 2 rows to mail, and says that it does not",
    )  # fmt: skip
    there = {**ROUTES, "tell": replace(ROUTES["tell"], writes=("mail",))}
    assert check(there).status is Status.PASS
    elsewhere = {**ROUTES, "list": replace(ROUTES["list"], writes=("note",))}
    found = check(elsewhere)
    assert (found.status, found.needs) == (Status.UNKNOWN, "a route that adds rows there")


def test_rows_that_no_route_may_have_written() -> None:
    silent = {name: replace(route, writes=("t", "mail")) for name, route in ROUTES.items()}
    wrote = {name: {**of, "note": 0} for name, of in BOOK.wrote.items()}
    found = check(silent, wrote=wrote)
    assert found.status is Status.FAIL
    assert "note: +31 rows, though no route writes there" in found.says


def test_without_the_answers_of_each_route_nothing_is_told_apart() -> None:
    found = check(answers={}, wrote={}, naming=())
    assert (found.status, found.needs) == (Status.UNKNOWN, "a load of one route")


def test_a_route_that_declares_no_statements_leaves_them_uncounted() -> None:
    unsaid = {**ROUTES, "tell": replace(ROUTES["tell"], statements=None)}
    assert check(unsaid, counted=StatementFacts(calls=7)).status is Status.PASS
