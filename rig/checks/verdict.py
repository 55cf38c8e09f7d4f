"""Adds the checks up to a verdict. Can be computed again later, from the record alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rig.checks.delay import delay
from rig.checks.feasibility import feasibility
from rig.checks.generator import generator
from rig.checks.host import host_quiet
from rig.checks.ledger import ledger
from rig.checks.load import load_workers
from rig.checks.nothing_happened import nothing_happened
from rig.checks.ramp import ramp
from rig.checks.stationarity import stationarity
from rig.checks.steadiness import steadiness
from rig.checks.visits import sessions
from rig.model import Status, Verdict
from rig.plan import Plan
from rig.record import Check, Record

CHECKS: Sequence[Callable[[Plan, Record], Check]] = (
    lambda _, record: delay(record),
    lambda _, record: load_workers(record),
    ramp,
    lambda _, record: generator(record),
    lambda _, record: steadiness(record),
    lambda _, record: stationarity(record),
    ledger,
    feasibility,
    nothing_happened,
    lambda _, record: host_quiet(record),
)


def _checks_of(plan: Plan) -> Sequence[Callable[[Plan, Record], Check]]:
    return (*CHECKS, sessions) if plan.session else CHECKS


def judge(plan: Plan, record: Record) -> tuple[tuple[Check, ...], Verdict, str]:
    """Every check, the verdict, and why it is not `valid` (empty if it is).

    A check that names what it needs, and the attempt lacks, bars no verdict. Where a check breaks
    there are none, and the verdict is `unknown`.
    """
    try:
        checks = tuple(check(plan, record) for check in _checks_of(plan))
    except Exception as error:  # what was measured must not be lost with it
        reason = f"the checks cannot be made: {type(error).__name__}: {error}"
        return (), Verdict.UNKNOWN, reason
    failed = [check for check in checks if check.status is Status.FAIL]
    unknown = [check for check in checks if check.status is Status.UNKNOWN and not check.needs]
    verdict = Verdict.INVALID if failed else Verdict.UNKNOWN if unknown else Verdict.VALID
    reason = "; ".join(f"{check.name}: {check.says}" for check in failed or unknown)
    return checks, verdict, reason
