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
    counts, load = record.ledger, record.load
    if counts.rows_after is None or counts.rows_before is None:
        return Check(NAME, Status.UNKNOWN, "the database was not asked")
    disturbed = [*_left(record), *_rows(plan, counts, load)]
    systematic = [
        *_statements(plan, counts, load),
        *_transactions(plan, counts, load),
        *_target(counts, load),
    ]
    if disturbed or systematic:
        # after a lost load worker or a crash that reset Postgres's counters nothing can agree
        again = bool(disturbed) or not load.complete or _restarted(record)
        return Check(NAME, Status.FAIL, "; ".join(disturbed + systematic), again=again)
    return Check(NAME, Status.PASS, _message(plan, counts, load))


def _restarted(record: Record) -> bool:
    return record.ledger.postgres_restarted or bool(record.probes.postgres_restarts)


def _left(record: Record) -> Iterator[str]:
    if record.sessions_left:
        yield f"counted while {record.sessions_left} database sessions of the app had not ended"


def _rows(plan: Plan, counts: LedgerFacts, load: LoadFacts) -> Iterator[str]:
    if counts.fingerprint_before != counts.fingerprint_after:
        yield "the schema is not what it was before the load"
    assert counts.rows_after is not None
    assert counts.rows_before is not None
    added = counts.rows_after - counts.rows_before
    if not plan.route.writes:
        if added:
            yield f"{added:+d} rows, though the route writes none"
        return
    if counts.rows_of_successes is None:
        yield "the rows were not told apart"
        return
    successes = load.outcomes.get(OUTCOME_OK, 0)
    late = sum(counts.rows_of_failures.values()) + counts.rows_of_unanswered
    if counts.rows_of_successes != successes or counts.successes_without_row:
        yield (
            f"{counts.rows_of_successes} rows of {successes} successes, "
            f"{counts.successes_without_row} successes without a row"
        )
    if added != counts.rows_of_successes + late:
        yield (
            f"{added:+d} rows instead of {counts.rows_of_successes} of successes + {late} late ones"
        )
    for count, what in (
        (counts.rows_twice, "rows written twice"),
        (counts.rows_foreign, "rows of requests that were never sent"),
        *(
            (n, f"rows whose request ended in {name}")
            for name, n in counts.rows_of_failures.items()
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


def _statements(plan: Plan, counts: LedgerFacts, load: LoadFacts) -> Iterator[str]:
    declared = plan.route.statements
    if declared is None or counts.statements is None:
        return
    # an INSERT scans nothing
    scans = declared - 1 if plan.route.writes else declared
    least, most = bounds(scans, load, counts.verifying_requests)
    if not least <= counts.statements <= most:
        span = f"{least}" if least == most else f"{least} to {most}"
        yield f"Postgres counted {counts.statements} scans instead of {span}"


def _transactions(plan: Plan, counts: LedgerFacts, load: LoadFacts) -> Iterator[str]:
    """Statements on other tables, or on none: each is a transaction of its own, or part of one.

    Only where connections are kept: one for each request adds some of its own.
    """
    declared = plan.route.statements
    if not declared or plan.connections == "per_request":
        return
    if counts.transactions is None or counts.sessions is None:
        return
    _, most = bounds(declared, load, counts.verifying_requests)
    most += (1 + OF_A_CONNECTION) * counts.sessions + OF_THE_RIG
    if counts.transactions > most:
        yield f"Postgres counted {counts.transactions} transactions instead of at most {most}"


def _target(counts: LedgerFacts, load: LoadFacts) -> Iterator[str]:
    if counts.answered_by_target is None:
        return
    least, most = bounds(1, load, 0)
    if not least <= counts.answered_by_target <= most:
        yield f"the target counted {counts.answered_by_target} answers instead of {least} to {most}"


def _message(plan: Plan, counts: LedgerFacts, load: LoadFacts) -> str:
    successes = load.outcomes.get(OUTCOME_OK, 0)
    assert counts.rows_after is not None
    assert counts.rows_before is not None
    parts = []
    if plan.route.writes:
        late = counts.rows_after - counts.rows_before - successes
        parts.append(
            f"{counts.rows_after - counts.rows_before} rows = {successes} successes + {late} late"
        )
    if counts.statements is not None and plan.route.statements is not None:
        parts.append(f"{counts.statements} scans")
    if counts.answered_by_target is not None:
        parts.append(f"the target counted {counts.answered_by_target} answers")
    return ", ".join(parts) or "nothing to count"
