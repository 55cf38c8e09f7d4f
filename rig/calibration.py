"""What was measured before a session's first trial, and what that predicts of a trial.

Pure. May not know how anything was measured. Written as `calibration.json`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from rig.disk.typed import fitted
from rig.model import Between, Count, Index, Level

Ms = Annotated[float, Between(0, 10**9)]
Rps = Annotated[float, Between(0, 10**9)]


@dataclass(frozen=True)
class UnloadedPoint:
    """One route of one stack at one delay, asked a few times without any load."""

    delay_ms: Ms
    """As measured on the delayed paths."""
    response_ms: tuple[Ms, ...]
    hold_ms: Ms
    """How long a request keeps one of the servers: servers ÷ capacity of a short burst, and no
    longer than it takes alone."""


@dataclass(frozen=True)
class StackFacts:
    """What a stack takes for one request of a route: service time + round trips x delay."""

    levels: Mapping[str, Level]
    """The levels that make the stack; delay, route and load aside."""
    route: str
    servers: Index
    """App workers x app threads."""
    unloaded: tuple[UnloadedPoint, ...] = ()
    s0_ms: float = 0.0
    n: float = 0.0
    """Response time = s0 + n x delay."""
    hold_s0_ms: float = 0.0
    hold_n: float = 0.0
    """Time a server is held = hold_s0 + hold_n x delay."""
    why: str = ""
    """Why there are no figures; empty where there are."""
    weights: Mapping[str, Count] = field(default_factory=dict)
    """Of a mix: its routes, asked one after another, and how often each counts in the means."""


@dataclass(frozen=True)
class Calibration:
    """What was measured once, before a session's first trial."""

    null_rps: Rps | None = None
    """Correct answers per second that the load workers get from a null target."""
    null_rps_by_node: Mapping[str, Rps] = field(default_factory=dict)
    """Answers per second of the load workers on each node, where there are several machines."""
    load_workers: Index = 0
    stacks: tuple[StackFacts, ...] = ()
    why: str = ""

    def stack(self, levels: Mapping[str, Any], route: str) -> StackFacts | None:
        """The stack of a cell with these levels; None where it was not measured."""
        for stack in self.stacks:
            same = all(levels.get(name) == level for name, level in stack.levels.items())
            if same and stack.route == route and not stack.why:
                return stack
        return None


@dataclass(frozen=True)
class Prediction:
    """What a trial must come to, at best, before it is run."""

    capacity_rps: float
    """The lowest ceiling that is known."""
    response_s: float
    """Mean response time of its users at that capacity."""
    binds: str
    """Which ceiling that is."""


def calibration_to_json(of: Calibration) -> dict[str, Any]:
    """The contents of `calibration.json`. What older ones lack is left out where it says nothing:
    their hashes are known."""
    said = dataclasses.asdict(of)
    for stack in said["stacks"]:
        if not stack["weights"]:
            del stack["weights"]
    if not said["null_rps_by_node"]:
        del said["null_rps_by_node"]
    return said


def calibration_from_json(data: Any) -> Calibration:
    """A Calibration from its JSON. Unfit, a ValueError, with the key, where it is none."""
    return fitted(Calibration, data)
