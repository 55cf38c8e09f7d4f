"""Statements of older sessions: scans of one table, and transactions where connections are kept.

Sessions of today count statements by their text (`StatementFacts`). May not know rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from rig.model import OUTCOME_OK
from rig.plan import Plan
from rig.record import LedgerFacts, LoadFacts

OF_A_CONNECTION = 2
"""Transactions that an opened connection may add to the statements of its requests."""
OF_THE_RIG = 50
"""And those of the rig's own verifying, with connections of the pool that no request used."""


def bounds(per_request: int, load: LoadFacts, verifying: int) -> tuple[int, int]:
    """The least and the most that requests of `per_request` each can have come to."""
    successes = load.outcomes.get(OUTCOME_OK, 0)
    failed = load.finished - successes
    most = successes + failed + load.in_flight_at_stop
    return per_request * (successes + verifying), per_request * (most + verifying)


def problems(plan: Plan, counts: LedgerFacts, load: LoadFacts) -> Iterator[str]:
    """What does not agree with the route's `statements`."""
    yield from _scans(plan, counts, load)
    yield from _transactions(plan, counts, load)


def _scans(plan: Plan, counts: LedgerFacts, load: LoadFacts) -> Iterator[str]:
    declared = plan.route.statements
    if declared is None or counts.statements is None:
        return
    # an INSERT scans nothing
    scans = declared - 1 if plan.route.may_name_rows else declared
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
