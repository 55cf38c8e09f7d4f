"""What bounds a cell's goodput, each bound computed from what was measured beside the load.

Pure: numbers in, ceilings out. docs/method.md explains each in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.summaries.numbers import number
from rig.calibration import StackFacts
from rig.inference import ceilings as shared
from rig.model import Level

UNEXPLAINED = 0.15
"""A measured goodput further than this from the lowest ceiling is not explained by it."""

CLOSE = 2.0
"""Two ceilings within this factor of each other act together, so neither predicts alone."""


@dataclass(frozen=True)
class Ceiling:
    """One bound: its name, the rate it allows, and its formula with the numbers in it."""

    name: str
    rps: float
    formula: str


@dataclass(frozen=True)
class CellCeilings:
    """The bounds of one cell, the lowest first, beside what was measured."""

    ceilings: tuple[Ceiling, ...]
    measured_rps: float | None
    missing: tuple[str, ...] = ()
    """Bounds that could not be computed."""

    @property
    def binding(self) -> Ceiling | None:
        """The lowest."""
        return self.ceilings[0] if self.ceilings else None

    @property
    def deviation(self) -> float | None:
        """measured ÷ predicted - 1."""
        if self.binding is None or self.measured_rps is None:
            return None
        return self.measured_rps / self.binding.rps - 1

    @property
    def contested(self) -> bool:
        """Whether the second lowest is within `CLOSE` of the lowest."""
        return len(self.ceilings) > 1 and self.ceilings[1].rps < CLOSE * self.ceilings[0].rps

    @property
    def unexplained(self) -> bool:
        """Whether the deviation is one that no ceiling explains.

        Two that act together leave less than either, never more.
        """
        if self.deviation is None or abs(self.deviation) <= UNEXPLAINED:
            return False
        return self.deviation > 0 or not self.contested


@dataclass(frozen=True)
class CellPlan:
    """What a cell's plan asks, as far as ceilings need it."""

    levels: Mapping[str, Level]
    users: float | None
    """Of a closed loop, their mean where they come in steps; None for an open one."""
    think_time_s: float = 0.0
    statements: int | None = None
    """SQL statements a request sends; None where unknown, 0 where it needs no connection."""
    all_alike: bool = True
    """Whether every request holds a connection, or none does: of a mix some routes may alone."""
    arrivals_rps: float | None = None
    """Of an open load, as they came; None for a closed one."""

    @property
    def delay_ms(self) -> float:
        """The delay asked."""
        return _number(self.levels.get("delay_ms")) or 0.0

    @property
    def front_ms(self) -> float:
        """The part of a response time in which the answer travels to its user."""
        path = self.levels.get("delay_path", "both")
        return self.delay_ms if path in ("both", "client") else 0.0


@dataclass(frozen=True)
class Cpu:
    """Of roles that share CPUs: seconds per correct answer, and how many CPUs they keep busy."""

    cpu_s_per_success: float
    parallel: int


def cell_ceilings(
    plan: CellPlan,
    measured_rps: float | None,
    stack: StackFacts | None,
    cpu: Mapping[str, Cpu],
    null_rps: float | None = None,
) -> CellCeilings:
    """Every bound that can be computed for a cell, and the names of those that cannot."""
    made: dict[str, Ceiling | None] = {
        "service time": _service(plan, stack),
        "users": _users(plan, stack),
        "arrivals": _arrivals(plan.arrivals_rps),
        "connection slots": _connections(plan, stack),
        "load generator": _generator(null_rps),
    }
    made |= {f"CPU of {roles}": _cpu(roles, one) for roles, one in cpu.items()}
    if not cpu:
        made["CPU"] = None
    if plan.statements == 0:
        del made["connection slots"]
    del made["arrivals" if plan.users else "users"]
    found = sorted((c for c in made.values() if c), key=lambda ceiling: ceiling.rps)
    return CellCeilings(tuple(found), measured_rps, tuple(n for n, c in made.items() if not c))


def _service(plan: CellPlan, stack: StackFacts | None) -> Ceiling | None:
    if stack is None:
        return None
    held_ms = shared.at_delay_ms(stack.hold_s0_ms, stack.hold_n, plan.delay_ms)
    line = _line(stack.hold_s0_ms, stack.hold_n, plan.delay_ms)
    rps = shared.servers_rps(stack.servers, held_ms)
    return (
        Ceiling("service time and round trips", rps, f"{stack.servers} ÷ ({line})") if rps else None
    )


def _line(s0_ms: float, n: float, delay_ms: float) -> str:
    fixed = f"{number(s0_ms)} ms"
    return f"{fixed} + {number(n)} · {delay_ms:g} ms" if delay_ms else fixed


def _response_ms(plan: CellPlan, stack: StackFacts) -> float:
    return shared.at_delay_ms(stack.s0_ms, stack.n, plan.delay_ms)


def _users(plan: CellPlan, stack: StackFacts | None) -> Ceiling | None:
    if stack is None or not plan.users:
        return None
    think = f" + {plan.think_time_s:g} s" if plan.think_time_s else ""
    formula = f"{plan.users:g} ÷ ({_line(stack.s0_ms, stack.n, plan.delay_ms)}{think})"
    rps = shared.users_rps(plan.users, _response_ms(plan, stack), plan.think_time_s)
    return Ceiling("users", rps, formula) if rps else None


def _connections(plan: CellPlan, stack: StackFacts | None) -> Ceiling | None:
    levels, cap = plan.levels, _number(plan.levels.get("max_connections"))
    if stack is None or cap is None or plan.statements == 0 or not plan.all_alike:
        return None
    pool, workers = _number(levels.get("pool_size")), _number(levels.get("app_workers"))
    pooled, own = levels.get("pooler") == "pgbouncer", levels.get("connections") == "pool"
    slots, held_ms = shared.slots(
        int(cap),
        shared.slot_held_ms(_response_ms(plan, stack), plan.front_ms),
        stack.s0_ms,
        pooler_pool_size=int(_number(levels.get("pooler_pool_size")) or 0) if pooled else None,
        app_pools=int((pool or 0) * (workers or 1)) if own else None,
    )
    rps = shared.servers_rps(slots, held_ms)
    return Ceiling("connection slots", rps, f"{slots} ÷ {number(held_ms)} ms") if rps else None


def _arrivals(arrivals_rps: float | None) -> Ceiling | None:
    return Ceiling("arrivals", arrivals_rps, "as offered") if arrivals_rps else None


def _generator(null_rps: float | None) -> Ceiling | None:
    if not null_rps:
        return None
    return Ceiling("load generator", null_rps, "against a target that does nothing")


def _cpu(role: str, cpu: Cpu) -> Ceiling | None:
    if cpu.cpu_s_per_success <= 0 or cpu.parallel < 1:
        return None
    formula = f"{cpu.parallel} ÷ {number(1000 * cpu.cpu_s_per_success)} CPU-ms"
    return Ceiling(f"CPU of {role}", cpu.parallel / cpu.cpu_s_per_success, formula)


def _number(value: Level | None) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)
