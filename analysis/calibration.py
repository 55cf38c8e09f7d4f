"""What a session measured of its unloaded stacks, read from `calibration.json`.

A few requests at two delays, with nobody else asking, before the first trial. Absent in sessions
that did not calibrate. May not know what is concluded from it (`analysis.ceilings` does).
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.model import Level

DELAY = "delay_ms"


@dataclass(frozen=True)
class Stack:
    """One stack, unloaded. Times are lines in the delay: `s0_ms + n · delay_ms`."""

    levels: Mapping[str, Level]
    route: str
    servers: int | None
    """Requests it serves at a time; None where that has no bound of its own."""
    s0_ms: float | None
    n: float | None
    """Delays that a server waits for in one request."""
    hold_s0_ms: float | None
    hold_n: float | None
    """The same for how long a request holds a database connection."""
    unloaded: tuple[tuple[float, float], ...] = ()
    """(delay_ms, median response_ms) of single requests."""

    def fits(self, levels: Mapping[str, Level]) -> bool:
        """Whether a cell has this stack: the same levels but for the delay."""
        same = all(levels.get(n) == level for n, level in self.levels.items() if n != DELAY)
        return same and str(levels.get("route")) == self.route

    def response_ms(self, delay_ms: float) -> float | None:
        """The unloaded response time at a delay, on the line through those measured."""
        if not self.unloaded:
            return None
        at = dict(self.unloaded)
        if delay_ms in at:
            return at[delay_ms]
        if len(at) < 2:
            return None
        line = statistics.linear_regression(list(at), list(at.values()))
        return line.intercept + line.slope * delay_ms


@dataclass(frozen=True)
class Calibration:
    """All that a session calibrated."""

    stacks: tuple[Stack, ...]
    null_rps: float | None = None
    """What the load generator reaches against a server that does nothing."""

    def stack(self, levels: Mapping[str, Level]) -> Stack | None:
        """The stack of a cell; None where it was not measured."""
        return next((stack for stack in self.stacks if stack.fits(levels)), None)


def read_calibration(session: Path) -> tuple[Calibration | None, str]:
    """A session's calibration, and one line where its file cannot be read."""
    path = session / "calibration.json"
    if not path.exists():
        return None, ""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        stacks = tuple(_stack(stack) for stack in said["stacks"])
        return Calibration(stacks, _number(said.get("null_rps"))), ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return None, f"calibration.json: not readable: {error}"


def _stack(said: Mapping[str, Any]) -> Stack:
    return Stack(
        levels=dict(said["levels"]),
        route=str(said["route"]),
        servers=None if said.get("servers") is None else int(said["servers"]),
        s0_ms=_number(said.get("s0_ms")),
        n=_number(said.get("n")),
        hold_s0_ms=_number(said.get("hold_s0_ms")),
        hold_n=_number(said.get("hold_n")),
        unloaded=_unloaded(said.get("unloaded") or ()),
    )


def _unloaded(said: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, float], ...]:
    return tuple(
        (float(one["delay_ms"]), statistics.median(map(float, one["response_ms"])))
        for one in said
        if one["response_ms"]
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
