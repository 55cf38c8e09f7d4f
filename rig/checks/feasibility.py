"""Can a trial finish a round of its users at all? Predicted before load, from the calibration."""

from __future__ import annotations

from collections.abc import Iterator

from rig.model import Link, Status
from rig.plan import Plan
from rig.record import Calibration, Check, Prediction, Record, StackFacts

NAME = "feasibility"
STACK_FACTORS = (
    "target",
    "delay_path",
    "data_access",
    "connections",
    "pool_size",
    "pooler",
    "pooler_pool_size",
    "app_workers",
    "app_threads",
)
"""Factors that change what one unloaded request costs, the delay aside."""
RESERVED_CONNECTIONS = 3
"""Postgres's `superuser_reserved_connections`, which the app cannot have."""


def stack_of(calibration: Calibration, levels: object, route: str) -> StackFacts | None:
    """The calibrated stack of a cell's levels; None where it was not calibrated."""
    for stack in calibration.stacks:
        if stack.route == route and not stack.why and stack.levels == levels:
            return stack
    return None


def ceilings_rps(plan: Plan, stack: StackFacts) -> Iterator[tuple[str, float]]:
    """Every ceiling that a plan's goodput has, by name.

    Servers: c servers that each request holds for s0 + n d answer at most c ÷ (s0 + n d) of them
    a second. Users: N users who each wait R0 and think Z cannot ask more than N ÷ (R0 + Z)
    (the interactive response time law: Denning & Buzen 1978). Slots: connections, as servers.
    """
    delay_ms = plan.delay.delay_ms
    response_s = (stack.s0_ms + stack.n * delay_ms) / 1000
    hold_s = (stack.hold_s0_ms + stack.hold_n * delay_ms) / 1000
    if hold_s > 0:
        yield "servers", stack.servers / hold_s
    if plan.load.model == "closed" and response_s > 0:
        yield "users", plan.load.users.end_users / (response_s + plan.load.think_time_s)
    slots = connection_slots(plan)
    data_s = response_s - plan.delay.on(Link.FRONT) / 1000
    if plan.pooler == "pgbouncer":
        # it stands beyond the delay, and gives a connection back after each transaction
        data_s = stack.s0_ms / 1000
    if slots and data_s > 0:
        yield "connections", slots / data_s


def connection_slots(plan: Plan) -> int:
    """How many requests can be in the database at once; 0 where the route asks it nothing."""
    if not plan.bound_route().statements:
        return 0
    slots = plan.max_connections - RESERVED_CONNECTIONS
    if plan.pooler == "pgbouncer":
        slots = min(slots, plan.pooler_pool_size)
    if plan.connections == "pool":
        slots = min(slots, plan.pool_size * plan.app_workers)
    return slots


def predict(plan: Plan, stack: StackFacts | None) -> Prediction | None:
    """The lowest ceiling and the response time it leaves a user (N ÷ capacity - think time)."""
    if stack is None:
        return None
    known = list(ceilings_rps(plan, stack))
    if not known:
        return None
    binds, capacity_rps = min(known, key=lambda one: one[1])
    users = plan.load.users.end_users
    response_s = max(0.0, users / capacity_rps - plan.load.think_time_s)
    return Prediction(round(capacity_rps, 4), round(response_s, 4), binds)


def feasibility(plan: Plan, record: Record) -> Check:
    """Warns where a round of all users takes longer than the steady window or the time-out."""
    predicted, load = record.predicted, plan.load
    if predicted is None:
        needs = "a calibration of this stack"
        return Check(NAME, Status.UNKNOWN, "nothing was predicted", needs=needs)
    said = (
        f"at most {predicted.capacity_rps:.3g} /s ({predicted.binds}), so a round of "
        f"{load.users.end_users} users takes {predicted.response_s:.3g} s"
    )
    if load.model == "closed" and predicted.response_s > min(load.timeout_s, load.steady_s):
        which = "time-out" if load.timeout_s <= load.steady_s else "steady window"
        limit_s = min(load.timeout_s, load.steady_s)
        return Check(NAME, Status.WARN, f"{said}, longer than its {which} of {limit_s:g} s")
    return Check(NAME, Status.PASS, said)
