"""The ledger: what client, target and database counted must come to the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.checks.ledger import ledger
from rig.model import Status
from rig.plan import Ledger, Plan
from rig.record import Check, LedgerFacts, LoadFacts
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
