"""What only shows where users do more than send one request: their sessions, and their mixes."""

from __future__ import annotations

from collections.abc import Iterator

from rig.model import Status
from rig.plan import Closed, Plan
from rig.record import Check, LedgerFacts, Record

NAME = "sessions"
MAY_BE_WRITTEN = ("timeout", "db_connection_lost")
"""Failures after which a row may stand: the write may have been done, and only its answer lost
between database, target and user. After any other one a row proves that something is wrong."""


def sessions(plan: Plan, record: Record) -> Check:
    """Did every user begin with its session, once, and before the steady window?"""
    found = record.load.sessions
    if found is None:
        return Check(NAME, Status.UNKNOWN, "no load worker said what became of them")
    if found.failed:
        says = "; ".join(f"{count} × {says}" for says, count in list(found.failed.items())[:3])
        return Check(NAME, Status.FAIL, f"{sum(found.failed.values())} failed: {says}")
    model = plan.load.model
    users = model.users.end_users if isinstance(model, Closed) else 0
    if found.done != users:
        says = f"{found.done} of {users} users were past theirs at the end"
        return Check(NAME, Status.FAIL, says, again=True)
    took = f", {found.mean_ms:.0f} ms each" if found.mean_ms is not None else ""
    if found.done_in_steady:
        says = f"{found.done_in_steady} of {found.done} ended in the steady window{took}"
        return Check(NAME, Status.WARN, f"{says}: a longer ramp gives them time")
    return Check(NAME, Status.PASS, f"{found.done} before the steady window{took}")


def mixed_ledger(name: str, record: Record) -> Check:
    """Of a mix: what is wrong whatever each of its routes writes; all else cannot be told."""
    wrong = list(impossible_rows(record.ledger))
    if record.ledger.fingerprint_before != record.ledger.fingerprint_after:
        wrong.append("the schema is not what it was before the load")
    if wrong:
        return Check(name, Status.FAIL, "; ".join(wrong), again=True)
    says = "rows and statements of a mix are not told apart by its routes"
    return Check(name, Status.UNKNOWN, says, needs="a load of one route")


def impossible_rows(counts: LedgerFacts) -> Iterator[str]:
    """Rows that no right target leaves behind."""
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
