"""Makes observations."""

from __future__ import annotations

from typing import Any

from rig.inference import Observation
from rig.model import Level


def trial(target: str, block: int, value: float | None, **more: Any) -> Observation:
    """A trial of one target; other levels and fields by name."""
    fields = {"valid", "failure_share", "within", "extra"}
    levels: dict[str, Level] = {"target": target, "route": "io_create", "delay_ms": 0}
    levels |= {name: level for name, level in more.items() if name not in fields}
    return Observation(
        levels, block, value, **{name: more[name] for name in fields if name in more}
    )


def pair_of(block: int, sync: float | None, faster: float, **more: Any) -> list[Observation]:
    """Both targets in one block, async `faster` times as fast."""
    return [
        trial("sync", block, sync, **more),
        trial("async", block, None if sync is None else sync * faster, **more),
    ]
