"""Which machines there are, and which role stands on which, as plain values.

Pure. May not know YAML, nor how a machine is reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rig.model import Role

OVERLAY_MTU_BYTES = 1450
"""Docker's own, for an underlay of 1500 bytes: VXLAN's headers take 50."""


@dataclass(frozen=True)
class Node:
    """A machine with a Docker engine."""

    name: str
    context: str
    """A Docker context by name, or an engine's address, which has `://` in it."""

    @property
    def options(self) -> tuple[str, ...]:
        """What leads Docker's command line to it."""
        return ("--host" if "://" in self.context else "--context", self.context)


@dataclass(frozen=True)
class Placement:
    """The node of each role, by name."""

    app: str
    database: str
    pooler: str
    load_master: str
    load_worker: tuple[str, ...]
    """Load workers are dealt over these, one after the other."""

    def of(self, role: Role, index: int = 0) -> str:
        """The node of a role: the delay stands in the app's container, services by the database,
        an observer on every node.
        """
        match role:
            case Role.APP | Role.DELAY:
                return self.app
            case Role.DATABASE | Role.SERVICE:
                return self.database
            case Role.POOLER:
                return self.pooler
            case Role.LOAD_MASTER:
                return self.load_master
            case Role.LOAD_WORKER:
                return self.load_worker[index % len(self.load_worker)]
            case Role.OBSERVER:
                return self.names[index]

    @property
    def names(self) -> tuple[str, ...]:
        """The nodes that have a role, each once."""
        single = (self.app, self.database, self.pooler, self.load_master)
        return tuple(dict.fromkeys((*single, *self.load_worker)))

    def __str__(self) -> str:
        return (
            f"app on {self.app}, database on {self.database}, pooler on {self.pooler}, "
            f"load master on {self.load_master}, load workers on {', '.join(self.load_worker)}"
        )


@dataclass(frozen=True)
class Nodes:
    """The contents of a nodes file."""

    nodes: Mapping[str, Node]
    place: Placement
    proposed: bool = False
    """Whether the rig chose a node for some role, since the file names none."""
    go_on_without: bool = False
    """Whether a session goes on when a load node is lost, with those that are left."""
    mtu_bytes: int = OVERLAY_MTU_BYTES
    registry: str = ""
    """Where the nodes take images from; empty: they are handed over by save and load."""
    file: str = ""
    """The path that it was read from."""


def placed(
    names: Sequence[str],
    app: str | None = None,
    database: str | None = None,
    pooler: str | None = None,
    load_master: str | None = None,
    load_worker: Sequence[str] | None = None,
) -> Placement:
    """A placement of which some roles' nodes are given: the app alone, the database on the next,
    load on the rest.

    With fewer than three nodes, the load shares the database's, and at last the app's.
    """
    given = {app, database, pooler, load_master, *(load_worker or ())}
    free = [name for name in names if name not in given]
    app = app or (free.pop(0) if free else names[0])
    others = [name for name in names if name != app] or [app]
    database = database or (free.pop(0) if free else others[0])
    rest = [name for name in others if name != database] or others
    workers = tuple(load_worker or free or rest)
    return Placement(app, database, pooler or database, load_master or workers[0], workers)


def without(nodes: Nodes, lost: Sequence[str]) -> Placement | None:
    """The placement once load nodes are lost; None where it cannot be without them."""
    place = nodes.place
    left = tuple(name for name in place.load_worker if name not in lost)
    if not nodes.go_on_without or not left or {place.app, place.database, place.pooler} & {*lost}:
        return None
    master = place.load_master if place.load_master not in lost else left[0]
    return Placement(place.app, place.database, place.pooler, master, left)
