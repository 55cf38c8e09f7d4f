"""Do client, target and database agree on what happened?

Where rows name the requests that wrote them, their sum is exact. All else has a least and a most:
an unanswered request may have sent all of its statements, or none. What a target declares is held
against what can be known: where a true declaration could count otherwise, it is `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rig.checks import older_ledger
from rig.checks.older_ledger import bounds
from rig.checks.visits import impossible_rows, mixed_ledger
from rig.model import OUTCOME_OK, Status
from rig.plan import Plan
from rig.record import (
    ONCE_PER_APP_WORKER,
    Check,
    LedgerFacts,
    LoadFacts,
    Record,
    StatementFacts,
    TableRows,
)

NAME = "ledger"
SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that write nothing, by what they mean."""


def ledger(plan: Plan, record: Record) -> Check:
    """Rows exactly, statements and the target's own count between their least and their most."""
    if plan.mix:
        return mixed_ledger(NAME, record)
    counts, load = record.ledger, record.load
    older = counts.counted is None
    if older and plan.target.ledger is None:
        needs = "`ledger:` in its target.yaml"
        return Check(NAME, Status.UNKNOWN, f"the target cannot be counted: no {needs}", needs=needs)
    if older and (counts.rows_after is None or counts.rows_before is None):
        return Check(NAME, Status.UNKNOWN, "the database was not asked")
    disturbed = [*_left(record), *_rows(plan, counts, load)] if plan.target.ledger else []
    systematic = [*_statements(plan, record), *_target(plan, counts, load)]
    if disturbed or systematic:
        # after a lost load worker or a crash that reset Postgres's counters nothing can agree
        again = bool(disturbed) or not load.complete or _restarted(record)
        return Check(NAME, Status.FAIL, "; ".join(disturbed + systematic), again=again)
    says, doubts = _message(plan, counts, load), list(_doubts(plan, record))
    if doubts:
        says = "; ".join([*(doubt for doubt, _ in doubts), *([says] if says else [])])
        needs = " and ".join(dict.fromkeys(needs for _, needs in doubts))
        return Check(NAME, Status.UNKNOWN, says, needs=needs)
    return Check(NAME, Status.PASS, says or "nothing to count")


def _restarted(record: Record) -> bool:
    return record.ledger.postgres_restarted or bool(record.probes.postgres_restarts)


def _left(record: Record) -> Iterator[str]:
    if record.sessions_left:
        yield f"counted while {record.sessions_left} database sessions of the app had not ended"


def _rows(plan: Plan, counts: LedgerFacts, load: LoadFacts) -> Iterator[str]:
    if counts.fingerprint_before != counts.fingerprint_after:
        yield "the schema is not what it was before the load"
    if _named(plan, counts):
        # rows of the users' sessions name no request
        added = None if plan.session else _added(plan, counts)
        yield from _named_rows(counts, load, added)
    elif counts.counted is None and (added := _added(plan, counts)):
        yield f"{added:+d} rows, though the route writes none"
    for name, rows in _counted_rows(plan, counts):
        if rows.added and not rows.per_request and plan.route.method in SAFE and not plan.session:
            yield f"{name}: {rows.added:+d} rows, though the route writes none"


def _named(plan: Plan, counts: LedgerFacts) -> bool:
    """Whether rows name the requests that wrote them."""
    return plan.route.writes and counts.names_requests


def _added(plan: Plan, counts: LedgerFacts) -> int:
    """Rows by which the table of named rows grew, or shrank."""
    ledger = plan.target.ledger
    if ledger and ledger.table in counts.tables:
        return counts.tables[ledger.table].added
    return (counts.rows_after or 0) - (counts.rows_before or 0)


def _counted_rows(plan: Plan, counts: LedgerFacts) -> Iterator[tuple[str, TableRows]]:
    """The tables whose rows are counted and not told apart."""
    ledger = plan.target.ledger
    apart = ledger.table if ledger and _named(plan, counts) else ""
    for name, rows in counts.tables.items():
        if name != apart:
            yield name, rows


def _named_rows(counts: LedgerFacts, load: LoadFacts, added: int | None) -> Iterator[str]:
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
    if added is not None and added != counts.rows_of_successes + late:
        yield (
            f"{added:+d} rows instead of {counts.rows_of_successes} of successes + {late} late ones"
        )
    yield from impossible_rows(counts)


def _statements(plan: Plan, record: Record) -> Iterator[str]:
    counted, declared = record.ledger.counted, plan.route.statements
    if counted is None:
        yield from older_ledger.problems(plan, record.ledger, record.load)
        return
    if declared is None or counted.why or plan.session:
        return
    least, most = _span(plan, record, declared)
    few = counted.calls < least and not _unseen(counted)
    if counted.certain > most or few:
        seen = ", ".join(f"{calls} × {text}" for text, calls in counted.commonest.items())
        number = counted.calls if few else counted.certain
        yield f"Postgres counted {number} statements instead of {least} to {most}: {seen or 'none'}"


def _span(plan: Plan, record: Record, declared: int) -> tuple[int, int]:
    least, most = bounds(declared, record.load, record.ledger.verifying_requests)
    app_workers = plan.app_workers + (record.probes.app_workers_begun or 0)
    return least, most + ONCE_PER_APP_WORKER * app_workers


def _unseen(counted: StatementFacts) -> bool:
    """Whether more may have been sent than was counted as the app's own."""
    return bool(counted.nested or counted.evicted)


def _doubts(plan: Plan, record: Record) -> Iterator[tuple[str, str]]:
    """What a true declaration may come to as well as a wrong one; and what would tell."""
    counts, load = record.ledger, record.load
    counted, declared = counts.counted, plan.route.statements
    if counted is None:
        return
    tables = list(_counted_rows(plan, counts))
    if plan.target.ledger is None and declared is None:
        needs = "`ledger:` in its target.yaml, or `statements` of the route"
        yield f"the target cannot be counted: no {needs}", needs
    unwritten = not any(rows.per_request or rows.added for _, rows in tables)
    if plan.route.writes and tables and not counts.names_requests and unwritten:
        names = ", ".join(name for name, _ in tables)
        yield f"the route wrote nothing to {names}", "the table it writes, in `ledger: {tables: …}`"
    for name, rows in tables:
        least, most = sorted(bounds(rows.per_request, load, 0))
        if not least <= rows.added <= most:
            span = f"{least}" if least == most else f"{least} to {most}"
            says = f"{name}: {rows.added:+d} rows instead of {span}"
            yield says, "a route whose every request adds as many rows as the one that verified it"
    if declared is None:
        return
    if plan.session:
        says = "the statements of the users' sessions are counted with the route's"
        yield says, "a route without a session"
    elif counted.why:
        yield f"statements were not counted: {counted.why}", counted.why
    elif counted.calls < _span(plan, record, declared)[0] and _unseen(counted):
        inside = f"{counted.nested} ran inside others, as a cursor's do"
        more = "more than Postgres remembers" if counted.evicted else inside
        yield f"Postgres counted {counted.calls} statements, and {more}", "statements of their own"


def _target(plan: Plan, counts: LedgerFacts, load: LoadFacts) -> Iterator[str]:
    # it knows a route by its path
    if counts.answered_by_target is None or plan.route.varies_by_path or plan.session:
        return
    least, most = bounds(1, load, 0)
    if not least <= counts.answered_by_target <= most:
        yield f"the target counted {counts.answered_by_target} answers instead of {least} to {most}"


def _message(plan: Plan, counts: LedgerFacts, load: LoadFacts) -> str:
    successes = load.outcomes.get(OUTCOME_OK, 0)
    parts = []
    if plan.target.ledger and _named(plan, counts):
        added = _added(plan, counts)
        parts.append(f"{added} rows = {successes} successes + {added - successes} late")
    parts += [f"{name} {rows.added:+d} rows" for name, rows in _counted_rows(plan, counts)]
    if counts.counted and not counts.counted.why:
        parts.append(f"{counts.counted.certain} statements")
    if counts.statements is not None and plan.route.statements is not None:
        parts.append(f"{counts.statements} scans")
    if counts.answered_by_target is not None and not plan.route.varies_by_path:
        parts.append(f"the target counted {counts.answered_by_target} answers")
    return ", ".join(parts)
