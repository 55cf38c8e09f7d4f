"""What bounds a cell's goodput, each bound computed from what was measured beside the load.

Pure: numbers in, ceilings out. docs/method.md explains each in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.calibration import Stack
from rig.model import Level

UNEXPLAINED = 0.15
"""A measured goodput further than this from the lowest ceiling is not explained by it."""

CLOSE = 2.0
"""Two ceilings within this factor of each other act together, so neither predicts alone."""

RESERVED = 3
"""Connections that Postgres keeps for superusers."""


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
        """Whether the deviation is one that no ceiling explains."""
        far = self.deviation is not None and abs(self.deviation) > UNEXPLAINED
        return far and not self.contested


@dataclass(frozen=True)
class Load:
    """The load of a cell as far as ceilings need it."""

    users: int | None
    think_time_s: float = 0.0


@dataclass(frozen=True)
class Cpu:
    """What a role's CPU says: seconds per correct answer, and how many CPUs it can keep busy."""

    cpu_s_per_success: float
    parallel: int


def cell_ceilings(
    levels: Mapping[str, Level],
    measured_rps: float | None,
    stack: Stack | None,
    load: Load,
    cpu: Mapping[str, Cpu],
) -> CellCeilings:
    """Every bound that can be computed for a cell, and the names of those that cannot."""
    delay_ms = _number(levels.get("delay_ms")) or 0.0
    made: dict[str, Ceiling | None] = {
        "service": _service(stack, delay_ms),
        "users": _users(stack, load, delay_ms),
        "connections": _connections(levels, stack, delay_ms),
    }
    made |= {f"CPU of {role}": _cpu(role, one) for role, one in cpu.items()}
    if not cpu:
        made["CPU"] = None
    unbounded = _unbounded(levels, stack)
    found = sorted((c for c in made.values() if c), key=lambda ceiling: ceiling.rps)
    missing = tuple(n for n, c in made.items() if c is None and n not in unbounded)
    return CellCeilings(tuple(found), measured_rps, missing)


def _unbounded(levels: Mapping[str, Level], stack: Stack | None) -> frozenset[str]:
    """Bounds that a cell does not have, rather than lacks numbers for."""
    names = set()
    if stack is not None and stack.servers is None:
        names.add("service")
    if stack is not None and _slots(levels) is not None and not (stack.hold_s0_ms or stack.hold_n):
        names.add("connections")
    return frozenset(names)


def _service(stack: Stack | None, delay_ms: float) -> Ceiling | None:
    """Servers that each wait for their request: servers ÷ (s0 + n · delay)."""
    if stack is None or stack.servers is None or stack.s0_ms is None or stack.n is None:
        return None
    service_ms = stack.s0_ms + stack.n * delay_ms
    if service_ms <= 0:
        return None
    formula = f"{stack.servers} ÷ ({stack.s0_ms:.3g} ms + {stack.n:.3g} · {delay_ms:g} ms)"
    return Ceiling("service time and round trips", 1000 * stack.servers / service_ms, formula)


def _users(stack: Stack | None, load: Load, delay_ms: float) -> Ceiling | None:
    """A closed loop's users, each with one request under way: N ÷ (R0 + think time)."""
    response_ms = stack.response_ms(delay_ms) if stack else None
    if response_ms is None or not load.users or response_ms + load.think_time_s <= 0:
        return None
    think = f" + {load.think_time_s:g} s" if load.think_time_s else ""
    cycle_s = response_ms / 1000 + load.think_time_s
    return Ceiling("users", load.users / cycle_s, f"{load.users} ÷ ({response_ms:.3g} ms{think})")


def _connections(
    levels: Mapping[str, Level], stack: Stack | None, delay_ms: float
) -> Ceiling | None:
    """Connection slots ÷ how long a request holds one."""
    slots = _slots(levels)
    if stack is None or stack.hold_s0_ms is None or stack.hold_n is None or slots is None:
        return None
    hold_ms = stack.hold_s0_ms + stack.hold_n * delay_ms
    if hold_ms <= 0:
        return None
    formula = f"{slots} ÷ ({stack.hold_s0_ms:.3g} ms + {stack.hold_n:.3g} · {delay_ms:g} ms)"
    return Ceiling("connection slots", 1000 * slots / hold_ms, formula)


def _slots(levels: Mapping[str, Level]) -> int | None:
    """How many requests can hold a connection of the database at a time."""
    cap = _number(levels.get("max_connections"))
    if levels.get("pooler") == "pgbouncer":
        slots = _number(levels.get("pooler_pool_size"))
    else:
        slots = None if cap is None else cap - RESERVED
    if levels.get("connections") == "pool":
        pool, workers = _number(levels.get("pool_size")), _number(levels.get("app_workers"))
        pools = None if pool is None else pool * (workers or 1)
        slots = pools if slots is None or (pools is not None and pools < slots) else slots
    return None if slots is None else int(slots)


def _cpu(role: str, cpu: Cpu) -> Ceiling | None:
    if cpu.cpu_s_per_success <= 0 or cpu.parallel < 1:
        return None
    formula = f"{cpu.parallel} ÷ {1000 * cpu.cpu_s_per_success:.3g} CPU-ms"
    return Ceiling(f"CPU of {role}", cpu.parallel / cpu.cpu_s_per_success, formula)


def _number(value: Level | None) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)


def lowest(cells: Sequence[CellCeilings]) -> tuple[str, ...]:
    """The names of what binds, the most frequent first."""
    names = [cell.binding.name for cell in cells if cell.binding]
    return tuple(sorted(dict.fromkeys(names), key=lambda name: -names.count(name)))
