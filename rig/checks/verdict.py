"""Adds the checks up to a verdict. Can be computed again later, from the record alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rig.checks.clock import clock
from rig.checks.delay import delay
from rig.checks.feasibility import feasibility
from rig.checks.generator import generator
from rig.checks.host import host_quiet
from rig.checks.ledger import ledger
from rig.checks.load import load_workers
from rig.checks.nothing_happened import nothing_happened
from rig.checks.ramp import ramp
from rig.checks.stationarity import NAME as STATIONARITY
from rig.checks.stationarity import stationarity
from rig.checks.steadiness import NAME as STEADINESS
from rig.checks.steadiness import steadiness
from rig.checks.visits import sessions, tasks
from rig.model import Status, Verdict
from rig.plan import Closed, Plan, Steps
from rig.record import Check, Record


def _of_one_crowd(name: str, check: Callable[[Record], Check]) -> Callable[[Plan, Record], Check]:
    """A check that holds parts of the window against each other: not where they differ by plan."""

    def judged(plan: Plan, record: Record) -> Check:
        if isinstance(plan.load.model, Closed) and isinstance(plan.load.model.users, Steps):
            says = "users come and go by plan: each step has its own numbers"
            return Check(name, Status.UNKNOWN, says, needs="a load of one number of users")
        return check(record)

    return judged


CHECKS: Sequence[Callable[[Plan, Record], Check]] = (
    lambda _, record: delay(record),
    lambda _, record: load_workers(record),
    ramp,
    lambda _, record: generator(record),
    _of_one_crowd(STEADINESS, steadiness),
    _of_one_crowd(STATIONARITY, stationarity),
    ledger,
    feasibility,
    nothing_happened,
    lambda _, record: host_quiet(record),
)


def _checks_of(plan: Plan, record: Record) -> Iterator[Callable[[Plan, Record], Check]]:
    yield from CHECKS
    if plan.locustfile:
        yield lambda _, record: tasks(record)
    elif plan.session:
        yield sessions
    if record.load.clocks is not None:  # older loads took all clocks for one
        yield lambda _, record: clock(record)


def judge(plan: Plan, record: Record) -> tuple[tuple[Check, ...], Verdict, str]:
    """Every check, the verdict, and why it is not `valid` (empty if it is).

    A check that names what it needs, and the attempt lacks, bars no verdict. Where a check breaks
    there are none, and the verdict is `unknown`.
    """
    try:
        checks = tuple(check(plan, record) for check in _checks_of(plan, record))
    except Exception as error:  # what was measured must not be lost with it
        reason = f"the checks cannot be made: {type(error).__name__}: {error}"
        return (), Verdict.UNKNOWN, reason
    failed = [check for check in checks if check.status is Status.FAIL]
    unknown = [check for check in checks if check.status is Status.UNKNOWN and not check.needs]
    verdict = Verdict.INVALID if failed else Verdict.UNKNOWN if unknown else Verdict.VALID
    reason = "; ".join(f"{check.name}: {check.says}" for check in failed or unknown)
    return checks, verdict, reason
