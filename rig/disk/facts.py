"""What the roles of a stack say of themselves: `facts.json`, and `facts` of a manifest.

May not know what any of it means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypedDict


class DatabaseFacts(TypedDict):
    """What Postgres answered."""

    version: str
    settings: Mapping[str, str]
    """As they are in force."""


class PoolerFacts(TypedDict):
    """What the pooler role says of PgBouncer."""

    version: str
    prepared_statements: bool
    """Whether it carries them through transaction pooling."""
    settings: Mapping[str, str]


class Facts(TypedDict, total=False):
    """What is known of what roles say of themselves."""

    database: DatabaseFacts
    pooler: PoolerFacts
    app: Mapping[str, Any] | None
    """A target's own, which may be anything."""
    cpus: Mapping[str, tuple[str | int, ...]]
    """By role: the CPUs that its processes may run on, as the kernel lists them."""
    real_time: tuple[str, ...]
    """The roles that go before all ordinary processes."""
    roles: Mapping[str, tuple[int, ...]]
    """By role: the numbers of its processes."""
    sessions_left: int
    """Of the app's in the database, when the last counts were made."""
    simulated: bool
    queue: Mapping[str, float]
    """Of the fake backend."""


def versions_in(said: Iterable[object]) -> Iterator[tuple[str, str]]:
    """Names and versions that parts of a stack told of; what a target tells may be anything."""
    for one in said:
        versions = one.get("versions") if isinstance(one, Mapping) else None
        for name, version in versions.items() if isinstance(versions, Mapping) else ():
            yield str(name), str(version)
