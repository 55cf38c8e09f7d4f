"""The ledger of a mix: what came back of each route against what one request of it adds and sends.

Who was under way at the stop is not told apart: each may have been a request of any route. What a
true declaration could count otherwise is a doubt, and no failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rig.checks.visits import impossible_rows
from rig.plan import Plan
from rig.record import ONCE_PER_APP_WORKER, LedgerFacts, Record, RouteAnswers

Doubt = tuple[str, str]
"""What cannot be told, and what would tell."""


def disturbed(plan: Plan, record: Record) -> Iterator[str]:
    """Rows that do not add up, which another attempt may mend."""
    counts = record.ledger
    yield from impossible(counts)
    if not counts.answers:
        return
    if counts.naming:
        yield from _named_rows(plan, record)
    for name, rows in counts.tables.items():
        if rows.added and not _written(counts, name) and not _may_write(plan, name):
            yield f"{name}: {rows.added:+d} rows, though no route writes there"


def impossible(counts: LedgerFacts) -> Iterator[str]:
    """What is wrong whatever is asked for."""
    if counts.fingerprint_before != counts.fingerprint_after:
        yield "the schema is not what it was before the load"
    yield from impossible_rows(counts)


def systematic(plan: Plan, record: Record) -> Iterator[str]:
    """What contradicts the routes as they are declared."""
    counts = record.ledger
    for route in plan.routes:
        for name, added in counts.wrote.get(route.name, {}).items():
            if added and route.writes is not None and not route.may_write(name):
                yield f"{route.name} added {added} rows to {name}, and says that it does not"
    counted, span = counts.counted, _statements(plan, record)
    if counted is None or counted.why or span is None:
        return
    few = counted.calls < span[0] and not (counted.nested or counted.evicted)
    if counted.certain > span[1] or few:
        number = counted.calls if few else counted.certain
        yield f"Postgres counted {number} statements instead of {span[0]} to {span[1]}"


def doubts(plan: Plan, record: Record) -> Iterator[Doubt]:
    """What a true declaration may come to as well as a wrong one."""
    counts = record.ledger
    if not counts.answers:
        yield "rows and statements are not told apart by the mix's routes", "a load of one route"
        return
    for name, rows in counts.tables.items():
        least, most = _rows(plan, record, name)
        if name != _named_table(plan, counts) and not least <= rows.added <= most:
            span = f"{least}" if least == most else f"{least} to {most}"
            says = f"{name}: {rows.added:+d} rows instead of {span}"
            yield says, "routes whose every request adds as many rows as the one that verified it"
    for route in plan.routes:
        tables = route.writes if isinstance(route.writes, tuple) else ()
        for name in tables:
            if not counts.wrote.get(route.name, {}).get(name):
                yield f"{route.name} added no row to {name}", "a route that adds rows there"
    counted = counts.counted
    unsaid = [route.name for route in plan.routes if route.statements is None]
    if plan.target.counted is None and unsaid:
        needs = "`ledger:` in its target.yaml, or `statements` of every route"
        yield f"the mix cannot be counted: no {needs}", needs
    if counted and not unsaid:
        asked = _statements(plan, record)
        if counted.why:
            yield f"statements were not counted: {counted.why}", counted.why
        elif asked and counted.calls < asked[0]:
            says = f"Postgres counted {counted.calls} statements, and others inside them"
            yield says, "statements of their own"


def message(plan: Plan, record: Record) -> str:
    """What agrees."""
    counts, parts = record.ledger, []
    named = _named_table(plan, counts)
    if named:
        parts.append(f"{named} {counts.tables[named].added:+d} rows, each of its request")
    parts += [f"{name} {it.added:+d} rows" for name, it in counts.tables.items() if name != named]
    if counts.counted and not counts.counted.why and _statements(plan, record):
        parts.append(f"{counts.counted.certain} statements")
    return ", ".join(parts)


def _named_rows(plan: Plan, record: Record) -> Iterator[str]:
    counts = record.ledger
    if counts.rows_of_successes is None:
        yield "the rows were not told apart"
        return
    successes = sum(counts.answers.get(name, RouteAnswers()).ok for name in counts.naming)
    names = " and ".join(counts.naming)
    if counts.rows_of_successes != successes:
        yield f"{counts.rows_of_successes} rows of {successes} successes of {names}"
    table = _named_table(plan, counts)
    rows = counts.tables.get(table)
    if rows is None:
        return
    late = sum(counts.rows_of_failures.values()) + counts.rows_of_unanswered
    others = {route: of for route, of in counts.wrote.items() if route not in counts.naming}
    least, most = _span(plan, record, {route: of.get(table, 0) for route, of in others.items()})
    if not least <= rows.added - counts.rows_of_successes - late <= most:
        of = f"{counts.rows_of_successes} of successes + {late} late ones"
        more = f" + {least} to {most} of others" if most else ""
        yield f"{table}: {rows.added:+d} rows instead of {of}{more}"


def _named_table(plan: Plan, counts: LedgerFacts) -> str:
    """Whose rows are told apart by their requests; empty for none."""
    ledger = plan.target.counted
    table = ledger.table if ledger and counts.naming else ""
    return table if table in counts.tables else ""


def _written(counts: LedgerFacts, table: str) -> bool:
    return any(of.get(table) for of in counts.wrote.values())


def _may_write(plan: Plan, table: str) -> bool:
    return any(route.may_write(table) for route in plan.routes)


def _rows(plan: Plan, record: Record, table: str) -> tuple[int, int]:
    per_request = {route: of.get(table, 0) for route, of in record.ledger.wrote.items()}
    return _span(plan, record, per_request)


def _statements(plan: Plan, record: Record) -> tuple[int, int] | None:
    """What Postgres must have counted at least and at most; None where a route does not say."""
    counts, per_request = record.ledger, {}
    for route in plan.routes:
        if route.statements is None or not counts.answers:
            return None
        per_request[route.name] = route.statements
    least, most = _span(plan, record, per_request)
    verifying = sum(per_request.values()) if counts.verifying_requests else 0
    app_workers = plan.app_workers + (record.probes.app_workers_begun or 0)
    return least + verifying, most + verifying + ONCE_PER_APP_WORKER * app_workers


def _span(plan: Plan, record: Record, per_request: Mapping[str, int]) -> tuple[int, int]:
    """The least and the most that the routes' requests can have come to, of so many each."""
    waiting = record.load.in_flight_at_stop
    least = waiting * min(0, *per_request.values(), 0)
    most = waiting * max(0, *per_request.values(), 0)
    for route in plan.routes:
        each = per_request.get(route.name, 0)
        answers = record.ledger.answers.get(route.name, RouteAnswers())
        certain, maybe = each * answers.ok, each * answers.failed
        least += certain + min(0, maybe)
        most += certain + max(0, maybe)
    return least, most
