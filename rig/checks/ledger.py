"""Do client, target and database agree on what happened?

Where rows name the requests that wrote them, their sum is exact. All else has a least and a most:
an unanswered request may have sent all of its statements, or none. What a target declares is held
against what can be known: where a true declaration could count otherwise, it is `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig.checks import mixed_ledger, older_ledger
from rig.checks.older_ledger import bounds
from rig.checks.visits import impossible_rows
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


def ledger(plan: Plan, record: Record) -> Check:
    """Rows exactly, statements and the target's own count between their least and their most."""
    counts, load = record.ledger, record.load
    if plan.mix:
        disturbed = [*_left(record), *mixed_ledger.disturbed(plan, record)]
        systematic = list(mixed_ledger.systematic(plan, record))
        says, doubts = mixed_ledger.message(plan, record), list(mixed_ledger.doubts(plan, record))
        return _judged(record, disturbed, systematic, doubts, says)
    if plan.locustfile:
        wrong = list(mixed_ledger.impossible(counts))
        doubt = "what the tasks of a Locust file write, nobody declared", "a load of one route"
        return _judged(record, wrong, [], [doubt], "")
    counted, older = plan.target.counted, counts.counted is None
    if older and counted is None:
        needs = "`ledger:` in its target.yaml"
        return Check(NAME, Status.UNKNOWN, f"the target cannot be counted: no {needs}", needs=needs)
    if older and (counts.rows_after is None or counts.rows_before is None):
        return Check(NAME, Status.UNKNOWN, "the database was not asked")
    disturbed = [*_left(record), *_rows(plan, counts, load)] if counted else []
    systematic = [
        *_declared(plan, counts),
        *_statements(plan, record),
        *_target(plan, counts, load),
    ]
    says, doubts = _message(plan, counts, load), list(_doubts(plan, record))
    return _judged(record, disturbed, systematic, doubts, says)


def _judged(
    record: Record,
    disturbed: Sequence[str],
    systematic: Sequence[str],
    doubts: Sequence[tuple[str, str]],
    says: str,
) -> Check:
    if disturbed or systematic:
        # after a lost load worker or a crash that reset Postgres's counters nothing can agree
        again = bool(disturbed) or not record.load.complete or _restarted(record)
        return Check(NAME, Status.FAIL, "; ".join([*disturbed, *systematic]), again=again)
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
        added = None if _with_sessions(plan, counts) else _added(plan, counts)
        yield from _named_rows(counts, load, added)
    elif counts.counted is None and (added := _added(plan, counts)):
        yield f"{added:+d} rows, though the route writes none"
    for name, rows in _counted_rows(plan, counts):
        idle = not rows.per_request and not plan.route.may_write(name)
        if rows.added and idle and not _with_sessions(plan, counts):
            yield f"{name}: {rows.added:+d} rows, though the route writes none"


def _with_sessions(plan: Plan, counts: LedgerFacts) -> bool:
    """Whether what the users' sessions did is counted with it: in older sessions alone."""
    return bool(plan.session and counts.verifying_requests)


def _declared(plan: Plan, counts: LedgerFacts) -> Iterator[str]:
    """What the request that verified the route did, and says that it does not."""
    route = plan.route
    for name, rows in counts.tables.items():
        if rows.per_request and route.writes is not None and not route.may_write(name):
            yield f"{name}: a request added {rows.per_request} rows, and `writes` says none"


def _named(plan: Plan, counts: LedgerFacts) -> bool:
    """Whether rows name the requests that wrote them."""
    return plan.route.may_name_rows and counts.names_requests


def _added(plan: Plan, counts: LedgerFacts) -> int:
    """Rows by which the table of named rows grew, or shrank."""
    ledger = plan.target.counted
    if ledger and ledger.table in counts.tables:
        return counts.tables[ledger.table].added
    return (counts.rows_after or 0) - (counts.rows_before or 0)


def _counted_rows(plan: Plan, counts: LedgerFacts) -> Iterator[tuple[str, TableRows]]:
    """The tables whose rows are counted and not told apart."""
    ledger = plan.target.counted
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
    if declared is None or counted.why or _with_sessions(plan, record.ledger):
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
    if plan.target.counted is None and declared is None:
        needs = "`ledger:` in its target.yaml, or `statements` of the route"
        yield f"the target cannot be counted: no {needs}", needs
    said = plan.route.writes if isinstance(plan.route.writes, tuple) else ()
    due = [(name, rows) for name, rows in tables if not said or name in said]
    unwritten = not any(rows.per_request or rows.added for _, rows in due)
    writes = plan.route.writes or plan.route.may_name_rows
    if writes and due and not _named(plan, counts) and unwritten:
        names = ", ".join(name for name, _ in due)
        yield f"the route wrote nothing to {names}", "the table it writes, in `ledger: {tables: …}`"
    for name, rows in tables:
        least, most = sorted(bounds(rows.per_request, load, 0))
        if not least <= rows.added <= most:
            span = f"{least}" if least == most else f"{least} to {most}"
            says = f"{name}: {rows.added:+d} rows instead of {span}"
            yield says, "a route whose every request adds as many rows as the one that verified it"
    if declared is None:
        return
    if _with_sessions(plan, counts):
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
    unclear = plan.route.varies_by_path or _with_sessions(plan, counts)
    if counts.answered_by_target is None or unclear:
        return
    least, most = bounds(1, load, 0)
    if not least <= counts.answered_by_target <= most:
        yield f"the target counted {counts.answered_by_target} answers instead of {least} to {most}"


def _message(plan: Plan, counts: LedgerFacts, load: LoadFacts) -> str:
    successes = load.outcomes.get(OUTCOME_OK, 0)
    parts = []
    if plan.target.counted and _named(plan, counts):
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
