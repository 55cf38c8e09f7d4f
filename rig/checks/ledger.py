"""Do client, target and database agree on what happened?

`io_create`'s rows name the requests that wrote them, so their sum is exact. A reading route's
scans of its table have a least and a most: an unanswered request may have sent all of its
statements, or none.
"""

from __future__ import annotations

from collections.abc import Iterator

from rig.model import OUTCOME_OK, Status
from rig.plan import Plan
from rig.record import Check, LedgerFacts, LoadFacts, Record

NAME = "ledger"
MAY_BE_WRITTEN = ("timeout", "db_connection_lost")
"""Failures after which a row may stand: the write may have been done, and only its answer lost
between database, target and user. After any other one a row proves that something is wrong."""
OF_A_CONNECTION = 2
"""Transactions that an opened connection may add to the statements of its requests."""
OF_THE_RIG = 50
"""And those of the rig's own verifying, with connections of the pool that no request used."""


def ledger(plan: Plan, record: Record) -> Check:
    """Rows exactly, statements and the target's own count between their least and their most."""
    if plan.target.ledger is None:
        needs = "`ledger:` in its target.yaml"
        return Check(NAME, Status.UNKNOWN, f"the target cannot be counted: no {needs}", needs=needs)
    book, load = record.ledger, record.load
    if book.rows_after is None or book.rows_before is None:
        return Check(NAME, Status.UNKNOWN, "the database was not asked")
    disturbed = [*_left(record), *_rows(plan, book, load)]
    systematic = [
        *_statements(plan, book, load), *_transactions(plan, book, load), *_target(book, load),
    ]  # fmt: skip
    if disturbed or systematic:
        # after a lost load worker or a crash that reset Postgres's counters nothing can agree
        again = bool(disturbed) or not load.complete or _restarted(record)
        return Check(NAME, Status.FAIL, "; ".join(disturbed + systematic), again=again)
    return Check(NAME, Status.PASS, _says(plan, book, load))


def _restarted(record: Record) -> bool:
    return record.ledger.postgres_restarted or bool(record.probes.postgres_restarts)


def _left(record: Record) -> Iterator[str]:
    if record.sessions_left:
        yield f"counted while {record.sessions_left} database sessions of the app had not ended"


def _rows(plan: Plan, book: LedgerFacts, load: LoadFacts) -> Iterator[str]:
    if book.fingerprint_before != book.fingerprint_after:
        yield "the schema is not what it was before the load"
    assert book.rows_after is not None
    assert book.rows_before is not None
    added = book.rows_after - book.rows_before
    if not plan.route.writes:
        if added:
            yield f"{added:+d} rows, though the route writes none"
        return
    if book.rows_of_successes is None:
        yield "the rows were not told apart"
        return
    successes = load.outcomes.get(OUTCOME_OK, 0)
    late = sum(book.rows_of_failures.values()) + book.rows_of_unanswered
    if book.rows_of_successes != successes or book.successes_without_row:
        yield (
            f"{book.rows_of_successes} rows of {successes} successes, "
            f"{book.successes_without_row} successes without a row"
        )
    if added != book.rows_of_successes + late:
        yield (
            f"{added:+d} rows instead of {book.rows_of_successes} of successes + {late} late ones"
        )
    for count, what in (
        (book.rows_twice, "rows written twice"),
        (book.rows_foreign, "rows of requests that were never sent"),
        *(
            (n, f"rows whose request ended in {name}")
            for name, n in book.rows_of_failures.items()
            if name not in MAY_BE_WRITTEN
        ),
    ):
        if count:
            yield f"{count} {what}"


def bounds(per_request: int, load: LoadFacts, verifying: int) -> tuple[int, int]:
    """The least and the most that requests of `per_request` each can have come to."""
    successes = load.outcomes.get(OUTCOME_OK, 0)
    failed = load.finished - successes
    most = successes + failed + load.in_flight_at_stop
    return per_request * (successes + verifying), per_request * (most + verifying)


def _statements(plan: Plan, book: LedgerFacts, load: LoadFacts) -> Iterator[str]:
    declared = plan.route.statements
    if declared is None or book.statements is None:
        return
    # an INSERT scans nothing
    scans = declared - 1 if plan.route.writes else declared
    least, most = bounds(scans, load, book.verifying_requests)
    if not least <= book.statements <= most:
        span = f"{least}" if least == most else f"{least} to {most}"
        yield f"Postgres counted {book.statements} scans instead of {span}"


def _transactions(plan: Plan, book: LedgerFacts, load: LoadFacts) -> Iterator[str]:
    """Statements on other tables, or on none: each is a transaction of its own, or part of one.

    Only where connections are kept: one for each request adds some of its own.
    """
    declared = plan.route.statements
    if not declared or plan.connections == "per_request":
        return
    if book.transactions is None or book.sessions is None:
        return
    _, most = bounds(declared, load, book.verifying_requests)
    most += (1 + OF_A_CONNECTION) * book.sessions + OF_THE_RIG
    if book.transactions > most:
        yield f"Postgres counted {book.transactions} transactions instead of at most {most}"


def _target(book: LedgerFacts, load: LoadFacts) -> Iterator[str]:
    if book.answered_by_target is None:
        return
    least, most = bounds(1, load, 0)
    if not least <= book.answered_by_target <= most:
        yield f"the target counted {book.answered_by_target} answers instead of {least} to {most}"


def _says(plan: Plan, book: LedgerFacts, load: LoadFacts) -> str:
    successes = load.outcomes.get(OUTCOME_OK, 0)
    assert book.rows_after is not None
    assert book.rows_before is not None
    said = []
    if plan.route.writes:
        late = book.rows_after - book.rows_before - successes
        said.append(
            f"{book.rows_after - book.rows_before} rows = {successes} successes + {late} late"
        )
    if book.statements is not None and plan.route.statements is not None:
        said.append(f"{book.statements} scans")
    if book.answered_by_target is not None:
        said.append(f"the target counted {book.answered_by_target} answers")
    return ", ".join(said) or "nothing to count"
