"""Can a trial finish a round of its users at all? Predicted before load, from the calibration."""

from __future__ import annotations

from collections.abc import Iterator

from rig.calibration import Prediction, StackFacts
from rig.inference import ceilings
from rig.model import Link, Status
from rig.plan import Closed, Open, Plan
from rig.record import FEASIBILITY, Check, Record

ROUND_OF_WINDOW = 0.6
"""A round of all users that takes more of the window leaves too little of it to be seen."""


def ceilings_rps(plan: Plan, stack: StackFacts) -> Iterator[tuple[str, float]]:
    """Every ceiling that is known before a trial of its goodput, by name."""
    delay_ms = plan.delay.delay_ms
    response_ms = ceilings.at_delay_ms(stack.s0_ms, stack.n, delay_ms)
    held_ms = ceilings.at_delay_ms(stack.hold_s0_ms, stack.hold_n, delay_ms)
    slot_ms = ceilings.slot_held_ms(response_ms, plan.delay.on(Link.FRONT))
    slots = connection_slots(plan, slot_ms, stack.s0_ms)
    for name, rps in (
        ("servers", ceilings.servers_rps(stack.servers, held_ms)),
        ("users", users_rps(plan, response_ms)),
        ("connections", ceilings.servers_rps(*slots) if slots else None),
    ):
        if rps:
            yield name, rps


def users_rps(plan: Plan, response_ms: float) -> float | None:
    """What the users of a closed load can ask; an open load waits for nobody."""
    match plan.load.model:
        case Closed(users):
            return ceilings.users_rps(users.most_users, response_ms, plan.think_time_s)
        case Open():
            return None


def connection_slots(plan: Plan, held_ms: float, s0_ms: float) -> tuple[int, float] | None:
    """How many requests can be in the database at once, and for how many ms each.

    `held_ms`: one of the app's connections; `s0_ms`: without delay. None where a route asks the
    database nothing, or does not say what.
    """
    if not all(route.statements for route in plan.routes):
        return None
    return ceilings.slots(
        plan.max_connections,
        held_ms,
        s0_ms,
        pooler_pool_size=plan.pooler_pool_size if plan.pooler == "pgbouncer" else None,
        app_pools=plan.pool_size * plan.app_workers if plan.connections == "pool" else None,
    )


def predict(plan: Plan, stack: StackFacts | None) -> Prediction | None:
    """The lowest ceiling and the response time it leaves a user (N ÷ capacity - think time)."""
    if stack is None:
        return None
    known = list(ceilings_rps(plan, stack))
    if not known:
        return None
    binds, capacity_rps = min(known, key=lambda one: one[1])
    return Prediction(round(capacity_rps, 4), _response_s(plan, capacity_rps), binds)


def _response_s(plan: Plan, capacity_rps: float) -> float:
    """What a round of a closed load's users takes; 0 for an open load, which has none."""
    match plan.load.model:
        case Closed(users):
            return round(max(0.0, users.most_users / capacity_rps - plan.think_time_s), 4)
        case Open():
            return 0.0


def feasibility(plan: Plan, record: Record) -> Check:
    """Warns where a round of all users exceeds the time-out or 0.6 of the steady window.

    From there on the window may not tell how long requests take. Of an open load: where more
    arrive than can be served.
    """
    predicted, load = record.predicted, plan.load
    if predicted is None:
        needs = "a calibration of this stack"
        return Check(FEASIBILITY, Status.UNKNOWN, "nothing was predicted", needs=needs)
    most = f"at most {predicted.capacity_rps:.3g} /s ({predicted.binds})"
    if isinstance(load.model, Open):
        per_s = load.model.arrivals.per_s
        status = Status.WARN if per_s > predicted.capacity_rps else Status.PASS
        return Check(FEASIBILITY, status, f"{most}, and {per_s:g} /s arrive")
    users = load.model.users.most_users
    message = f"{most}, so a round of {users} users takes {predicted.response_s:.3g} s"
    limit_s = min(load.timeout_s, load.steady_s)
    if predicted.response_s > limit_s:
        which = "time-out" if load.timeout_s <= load.steady_s else "steady window"
        message = f"{message}, longer than its {which} of {limit_s:g} s"
        return Check(FEASIBILITY, Status.WARN, message)
    if predicted.response_s > ROUND_OF_WINDOW * load.steady_s:
        of = f"{ROUND_OF_WINDOW:g} of its steady window of {load.steady_s:g} s"
        return Check(FEASIBILITY, Status.WARN, f"{message}, more than {of}")
    return Check(FEASIBILITY, Status.PASS, message)
