"""The ledger: what client, target and database counted must come to the same.

`WROTE` and `READ` are of older sessions, which counted the scans of one table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.checks.ledger import ledger
from rig.model import Status
from rig.plan import Ledger, Plan
from rig.record import Check, LedgerFacts, LoadFacts, ProbeFacts, StatementFacts, TableRows
from tests.unit.plans import PLAN, ROUTES, TARGET, record, routed

COUNTED = replace(TARGET, ledger=Ledger("made", "title"))
WRITING = replace(PLAN, target=COUNTED)
READING = routed(replace(ROUTES["list"], statements=2), WRITING)

LOAD = LoadFacts(finished=42, in_flight_at_stop=3, outcomes={"ok": 40, "timeout": 2}, complete=True)
WROTE = LedgerFacts(
    rows_before=100,
    rows_after=143,
    rows_of_successes=40,
    rows_of_failures={"timeout": 1},
    rows_of_unanswered=2,
    statements=0,
    transactions=90,
    sessions=45,
    verifying_requests=1,
    fingerprint_before="f",
    fingerprint_after="f",
)
READ = replace(
    WROTE, rows_after=100, rows_of_successes=None, rows_of_failures={}, rows_of_unanswered=0,
    statements=82,
)  # fmt: skip


def check(plan: Plan, book: LedgerFacts, load: LoadFacts = LOAD, **changes: Any) -> Check:
    return ledger(plan, replace(record(load=load), ledger=replace(book, **changes)))


def test_rows_are_successes_and_late_ones_exactly() -> None:
    said = check(WRITING, WROTE)
    assert said.status is Status.PASS
    assert said.says.startswith("43 rows = 40 successes + 3 late")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rows_after": 142}, "+42 rows instead of 40 of successes + 3 late ones"),
        ({"rows_after": 144}, "+44 rows instead of 40 of successes + 3 late ones"),
        ({"rows_of_successes": 39, "successes_without_row": 1, "rows_after": 142}, "without a row"),
        ({"rows_of_failures": {"connection_reset": 1}}, "1 rows whose request ended in connection"),
        ({"rows_of_failures": {"app_error": 1}}, "1 rows whose request ended in app_error"),
        ({"rows_twice": 1}, "1 rows written twice"),
        ({"rows_foreign": 2}, "2 rows of requests that were never sent"),
        ({"rows_of_successes": None}, "the rows were not told apart"),
        ({"fingerprint_after": "g"}, "the schema is not what it was"),
    ],
)
def test_rows_that_do_not_add_up(changes: dict[str, Any], says: str) -> None:
    said = check(WRITING, WROTE, **changes)
    assert said.status is Status.FAIL
    assert said.again
    assert says in said.says


def test_sessions_that_had_not_ended_may_still_be_writing() -> None:
    late = replace(record(load=LOAD), ledger=WROTE, facts={"sessions_left": 2})
    said = ledger(WRITING, late)
    assert (said.status, said.again) == (Status.FAIL, True)
    assert said.says == "counted while 2 database sessions of the app had not ended"


def test_after_a_lost_load_worker_or_a_crash_another_attempt_may_agree() -> None:
    assert check(READING, READ, replace(LOAD, complete=False), statements=99).again
    assert check(READING, READ, statements=-99, postgres_restarted=True).again


def test_statements_that_scan_nothing_are_transactions() -> None:
    kept = replace(READING, connections="pool")
    # 2 x (40 + 1 of the rig's own + 5 of unknown end), 3 for each of 20 connections, 50 to spare
    assert check(kept, READ, transactions=202, sessions=20).status is Status.PASS
    said = check(kept, READ, transactions=203, sessions=20)
    assert (said.status, said.again) == (Status.FAIL, False)
    assert said.says == "Postgres counted 203 transactions instead of at most 202"


def test_a_load_that_lost_answers_does_not_add_up() -> None:
    load = replace(LOAD, finished=41, outcomes={"ok": 39, "timeout": 2})
    assert "40 rows of 39 successes" in check(WRITING, WROTE, load).says


@pytest.mark.parametrize(
    ("statements", "status"),
    [(81, Status.FAIL), (82, Status.PASS), (92, Status.PASS), (93, Status.FAIL)],
)
def test_statements_have_a_least_and_a_most(statements: int, status: Status) -> None:
    # 2 x (40 successes + 1 of the rig's own), and at most 2 x (2 failed + 3 unanswered) more
    said = check(READING, READ, statements=statements)
    assert said.status is status
    assert not said.again
    assert f"{statements} scans" in said.says


def test_a_reading_route_writes_nothing() -> None:
    assert "+1 rows, though the route writes none" in check(READING, READ, rows_after=101).says


def test_a_hidden_read_of_a_writing_route_is_seen() -> None:
    said = check(WRITING, WROTE, statements=45)
    assert (said.status, said.again) == (Status.FAIL, False)
    assert said.says == "Postgres counted 45 scans instead of 0"


@pytest.mark.parametrize(
    ("count", "status"),
    [(39, Status.FAIL), (40, Status.PASS), (45, Status.PASS), (46, Status.FAIL)],
)
def test_the_target_s_own_count_lies_between(count: int, status: Status) -> None:
    assert check(WRITING, WROTE, answered_by_target=count).status is status


def test_a_target_that_cannot_be_counted_bars_nothing() -> None:
    said = check(PLAN, LedgerFacts())
    assert said.status is Status.UNKNOWN
    assert "ledger:" in said.needs


def test_a_database_that_was_not_asked_is_no_power_that_lacks() -> None:
    said = check(WRITING, LedgerFacts())
    assert (said.status, said.needs) == (Status.UNKNOWN, "")


# sessions of today count statements by their text, and rows of as many tables as there are

ANSWERED = LoadFacts(finished=100, in_flight_at_stop=2, outcomes={"ok": 100}, complete=True)
SENT = StatementFacts(calls=202, commonest={"SELECT 1 FROM made": 202})
TEXTS = replace(READ, statements=None, counted=SENT, rows_after=100)
UNCOUNTED = replace(TARGET, ledger=None)


def judged(plan: Plan, counted: StatementFacts = SENT, **changes: Any) -> Check:
    return check(plan, replace(TEXTS, counted=counted, **changes), ANSWERED)


@pytest.mark.parametrize(
    ("calls", "status"),
    # 2 x (100 successes + 1 of the rig's own), and 2 x 2 unanswered + 20 once more at most
    [(201, Status.FAIL), (202, Status.PASS), (226, Status.PASS), (227, Status.FAIL)],
)
def test_statements_are_counted_whatever_table_they_are_about(calls: int, status: Status) -> None:
    said = judged(READING, replace(SENT, calls=calls))
    assert said.status is status
    assert not said.again
    assert f"{calls} statements" in said.says


def test_every_app_worker_may_fill_its_caches_once() -> None:
    plan, many = replace(READING, app_workers=2), replace(SENT, calls=246)
    assert judged(READING, many).status is Status.FAIL
    assert judged(plan, many).status is Status.PASS
    restarted = replace(record(load=ANSWERED), probes=ProbeFacts(app_workers_begun=1))
    assert ledger(READING, replace(restarted, ledger=replace(TEXTS, counted=many))).status is (
        Status.PASS
    )


def test_statements_that_are_too_many_are_quoted() -> None:
    said = judged(READING, replace(SENT, calls=400, commonest={"SELECT 2": 300, "SELECT 3": 100}))
    assert said.says == (
        "Postgres counted 400 statements instead of 202 to 226: 300 × SELECT 2, 100 × SELECT 3"
    )


def test_what_a_connection_sends_may_be_the_route_s_or_not() -> None:
    # a view that sends `SELECT 1` twice, as a check of a connection does
    assert judged(READING, replace(SENT, of_connections=202)).status is Status.PASS
    # and one that opens a connection for each request
    opened = replace(SENT, calls=303, of_connections=101)
    assert judged(READING, opened).status is Status.PASS
    assert judged(READING, replace(opened, of_connections=0)).status is Status.FAIL


@pytest.mark.parametrize(("nested", "evicted"), [(101, 0), (0, 1)])
def test_too_few_statements_are_doubtful_where_some_may_be_unseen(
    nested: int, evicted: int
) -> None:
    said = judged(READING, replace(SENT, calls=0, nested=nested, evicted=evicted))
    assert said.status is Status.UNKNOWN
    assert said.needs


def test_without_a_ledger_the_statements_are_checked() -> None:
    plan = replace(READING, target=replace(UNCOUNTED, routes=READING.target.routes))
    unnamed: dict[str, Any] = {"rows_before": None, "rows_after": None}
    assert judged(plan, **unnamed).status is Status.PASS
    assert judged(plan, replace(SENT, calls=400), **unnamed).status is Status.FAIL
    undeclared = routed(replace(plan.route, statements=None), plan)
    said = judged(undeclared, **unnamed)
    assert (said.status, "ledger:" in said.needs) == (Status.UNKNOWN, True)


def test_where_postgres_cannot_count_statements_the_reason_is_said_and_bars_nothing() -> None:
    said = judged(READING, StatementFacts(why="no pg_stat_statements"))
    assert said.status is Status.UNKNOWN
    assert said.needs == "no pg_stat_statements"
    assert "statements were not counted" in said.says


def counted(**tables: TableRows) -> Plan:
    return replace(WRITING, target=replace(TARGET, ledger=Ledger(tables=tuple(tables))))


@pytest.mark.parametrize(
    ("added", "status"),
    [(199, Status.UNKNOWN), (200, Status.PASS), (204, Status.PASS), (205, Status.UNKNOWN)],
)
def test_each_request_adds_as_many_rows_as_the_one_that_verified_the_route(
    added: int, status: Status
) -> None:
    tables = {"lines": TableRows(2, 50, 50 + added), "orders": TableRows(1, 10, 110)}
    plan = counted(**tables)
    sent = replace(SENT, calls=101)
    said = judged(plan, sent, tables=tables, names_requests=False)
    assert said.status is status
    assert f"lines {added:+d} rows" in said.says
    assert "orders +100 rows" in said.says
    assert status is Status.PASS or said.needs


def test_rows_of_another_table_than_the_ledger_s_are_no_fault() -> None:
    tables = {"made": TableRows(0, 10, 10)}
    said = judged(WRITING, replace(SENT, calls=101), tables=tables, names_requests=False)
    assert said.status is Status.UNKNOWN
    assert said.says.startswith("the route wrote nothing to made")
    assert "ledger: {tables" in said.needs


def test_a_reading_route_that_changes_a_counted_table_fails() -> None:
    for after in (9, 11):
        said = judged(READING, tables={"made": TableRows(0, 10, after)}, names_requests=False)
        assert said.status is Status.FAIL
        assert said.again


def test_named_rows_are_held_to_their_requests_beside_counted_ones() -> None:
    both = replace(WRITING, target=replace(TARGET, ledger=Ledger("made", "title", ("lines",))))
    tables = {"made": TableRows(1, 10, 110), "lines": TableRows(2, 0, 200)}
    book = {"tables": tables, "rows_of_successes": 100, "rows_after": 300, "rows_before": 0}
    sent = replace(SENT, calls=101)
    said = judged(both, sent, **book)
    assert (said.status, said.says.startswith("100 rows = 100 successes + 0")) == (
        Status.PASS, True
    )  # fmt: skip
    assert judged(both, sent, **{**book, "successes_without_row": 1}).status is Status.FAIL


def test_a_route_says_whether_it_writes() -> None:
    table = {"made": TableRows(1, 100, 140)}
    grew = replace(READ, counted=StatementFacts(), tables=table, statements=None)
    route = replace(ROUTES["list"], writes=("made",))
    assert check(routed(route, WRITING), grew).status is Status.PASS
    assert check(routed(replace(route, writes=True), WRITING), grew).status is Status.PASS
    found = check(routed(replace(route, writes=False), WRITING), grew)
    assert (found.status, found.again) == (Status.FAIL, False)
    assert "made: a request added 1 rows, and `writes` says none" in found.says
    still = replace(grew, tables={"made": TableRows(0, 100, 100)})
    found = check(routed(route, WRITING), still)
    assert (found.status, bool(found.needs)) == (Status.UNKNOWN, True)


def test_a_post_that_says_it_writes_nothing_must_not() -> None:
    quiet = routed(replace(ROUTES["make"], writes=False), WRITING)
    still = replace(READ, counted=StatementFacts(calls=41), statements=None)
    assert check(quiet, still, tables={"made": TableRows(0, 100, 100)}).status is Status.PASS
    found = check(quiet, still, tables={"made": TableRows(0, 100, 101)})
    assert (found.status, found.again) == (Status.FAIL, True)
    assert found.says == "made: +1 rows, though the route writes none"
