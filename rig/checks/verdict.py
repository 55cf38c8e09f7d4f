"""Adds the checks up to a verdict. Can be computed again later, from the record alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rig.checks.delay import delay
from rig.checks.host import host_quiet
from rig.checks.load import load_workers, users
from rig.checks.nothing_happened import nothing_happened
from rig.model import Status, Verdict
from rig.plan import Plan
from rig.record import Check, Record

CHECKS: Sequence[Callable[[Plan, Record], Check]] = (
    lambda _, record: delay(record),
    lambda _, record: load_workers(record),
    lambda plan, record: users(record, plan.load.users.end_users),
    lambda _, record: nothing_happened(record),
    lambda _, record: host_quiet(record),
)


def judge(plan: Plan, record: Record) -> tuple[tuple[Check, ...], Verdict, str]:
    """Every check, the verdict, and why it is not `valid` (empty if it is)."""
    checks = tuple(check(plan, record) for check in CHECKS)
    failed = [check for check in checks if check.status is Status.FAIL]
    unknown = [check for check in checks if check.status is Status.UNKNOWN and not check.needs]
    verdict = Verdict.INVALID if failed else Verdict.UNKNOWN if unknown else Verdict.VALID
    why = "; ".join(f"{check.name}: {check.says}" for check in failed or unknown)
    return checks, verdict, why
