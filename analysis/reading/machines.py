"""Which roles shared a machine, and what machines these were. Pure: records in, words out.

A machine is a kernel since it was started: `boot_id` is the same for all nodes of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rig.disk.facts import NodeFacts
from rig.record import Record

SHAPES = ("kernel", "cpu", "engine")
"""Facts of a machine that shape results, beside the MTU of its links."""


def shared(record: Record) -> tuple[tuple[str, ...], ...]:
    """The roles of each machine; nothing of an attempt that does not tell."""
    found: dict[str, dict[str, None]] = {}
    for name, node in record.facts.get("nodes", {}).items():
        machine = found.setdefault(node.get("boot_id") or name, {})
        machine.update(dict.fromkeys(node.get("roles", ())))
    return tuple(tuple(roles) for roles in found.values())


def says_who_shared(records: Iterable[Record]) -> Iterator[str]:
    """A sentence on each way in which the roles of a session's attempts shared machines."""
    ways = dict.fromkeys(way for record in records if (way := shared(record)))
    for way in ways:
        if len(way) == 1:
            yield "All roles shared one machine."
        else:
            each = "; ".join(", ".join(roles) for roles in way)
            yield f"Roles by machine: {each.replace('_', ' ')}."


def machine_of_each_role(record: Record) -> dict[str, dict[str, str]]:
    """By role: its node's name and what shapes results there, several nodes joined."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for name, node in record.facts.get("nodes", {}).items():
        for role in node.get("roles", ()):
            facts = found.setdefault(role, {})
            for key, value in _shapes(name, node):
                facts.setdefault(key, {})[value] = None
    return {
        role: {key: " and ".join(values) for key, values in facts.items()}
        for role, facts in found.items()
    }


def _shapes(name: str, node: NodeFacts) -> Iterator[tuple[str, str]]:
    said: Mapping[str, object] = node
    if name:
        yield "node", name
    for key in SHAPES:
        if value := said.get(key):
            yield key, str(value)
    for link, mtu in node.get("mtu", {}).items():
        yield f"mtu of {link}", str(mtu)
