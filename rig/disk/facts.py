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


class NodeFacts(TypedDict, total=False):
    """A machine that roles stand on, as far as it shapes results."""

    boot_id: str
    """Of its kernel since it was started: nodes with the same one share a machine."""
    kernel: str
    cpu: str
    """The processor's model."""
    engine: str
    """The Docker engine's version; empty without one."""
    mtu: Mapping[str, int]
    """By link, in bytes: the largest packet."""
    cpus: int
    """How many its load workers may use; absent where the roles' own CPUs are known."""
    roles: tuple[str, ...]
    load_workers: tuple[str, ...]
    """The addresses of those on it, where there are several machines."""


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
    nodes: Mapping[str, NodeFacts]
    """By the node's name, which is empty where there is but the runner's own machine."""
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
