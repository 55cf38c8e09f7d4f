"""What only shows where users do more than send one request: sessions, mixes, Locust files."""

from __future__ import annotations

from collections.abc import Iterator

from rig.model import Status
from rig.plan import Closed, Plan
from rig.record import Check, LedgerFacts, Record

NAME, TASKS = "sessions", "tasks"
MAY_BE_WRITTEN = ("timeout", "db_connection_lost")
"""Failures after which a row may stand: the write may have been done, and only its answer lost
between database, target and user. After any other one a row proves that something is wrong."""


def sessions(plan: Plan, record: Record) -> Check:
    """Did every user begin with its session, once? The load begins when all are past theirs."""
    found = record.load.sessions
    if found is None:
        return Check(NAME, Status.UNKNOWN, "no load worker said what became of them")
    if found.failed:
        says = "; ".join(f"{count} × {says}" for says, count in list(found.failed.items())[:3])
        return Check(NAME, Status.FAIL, f"{sum(found.failed.values())} failed: {says}")
    model = plan.load.model
    users = model.users.most_users if isinstance(model, Closed) else 0
    if found.done != users:
        says = f"{found.done} of {users} users were past theirs at the end"
        return Check(NAME, Status.FAIL, says, again=True)
    over = f", begun over {found.begun_over_s:.1f} s" if found.begun_over_s else ""
    took = f", {found.mean_ms:.0f} ms each" if found.mean_ms is not None else ""
    return Check(NAME, Status.PASS, f"{found.done} before the load{over}{took}")


def tasks(record: Record) -> Check:
    """Did every task of somebody's own Locust file come to its end?"""
    found = record.load.locustfile
    if found is None:
        return Check(TASKS, Status.UNKNOWN, "no load worker said what became of them")
    if found.task_errors:
        first = list(found.task_errors.items())[:3]
        says = "; ".join(f"{count} × {says}" for says, count in first)
        count = sum(found.task_errors.values())
        return Check(TASKS, Status.WARN, f"{count} ended in an exception: {says}")
    return Check(TASKS, Status.PASS, "none ended in an exception")


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
