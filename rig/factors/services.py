"""Services that the rig has itself: a target needs their names only."""

from __future__ import annotations

from collections.abc import Mapping

from rig.plan import Service

SERVICES: Mapping[str, Service] = {
    "redis": Service(
        name="redis",
        start=(
            *("redis-server", "--bind", "{host}", "--port", "{port}", "--protected-mode", "no"),
            # it keeps nothing: every trial begins with an empty one
            *("--save", "", "--appendonly", "no"),
        ),
        port=6379,
        scheme="redis",
    )
}


def words(name: str) -> tuple[str, ...]:
    """The placeholders under which a target finds the service of that name."""
    return tuple(f"{name}_{part}" for part in ("host", "port", "url"))
