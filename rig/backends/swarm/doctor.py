"""What the nodes of a Swarm can do: looked at by what a session does first, never assumed."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rig.backends.diagnosis import Diagnosis
from rig.backends.docker.engine import HERE
from rig.backends.docker.images import OBSERVER, image_of
from rig.backends.swarm import swarm
from rig.backends.swarm.agent import NodeAgent
from rig.backends.swarm.session import SwarmSession
from rig.backends.swarm.swarm import Member
from rig.model import RigError, StackError
from rig.nodes import Nodes

IMAGE = image_of(OBSERVER)
PINGS = 20
FEWEST_CPUS = 2


def examine(nodes: Nodes) -> Iterator[Diagnosis]:
    """Every finding, in the order in which a session needs them."""
    yield Diagnosis("place", True, f"{nodes.place}{' (proposed)' if nodes.proposed else ''}")
    members: list[Member] = []
    for name, node in nodes.nodes.items():
        try:
            one = swarm.member(node)
        except StackError as error:
            yield Diagnosis(f"{name}: engine", False, str(error))
            continue
        yield from _of_member(one)
        members.append(one)
    fit = [one for one in members if not one.problem[0]]
    if len(fit) < len(nodes.nodes):
        return
    try:
        what, do = swarm.apart(fit)
    except StackError as error:
        what, do = error.what, error.do
    told = f"{what}: {do}" if what else f"{len(fit)} members of one, {_managers(fit)}"
    yield Diagnosis("Swarm", not what, told)
    if not what:
        yield from _together(nodes, {one.node.name: one for one in fit})


def _of_member(one: Member) -> Iterator[Diagnosis]:
    name = one.node.name
    what, do = one.problem
    said = f"Docker {one.version}, kernel {one.kernel}, context {one.node.context}"
    yield Diagnosis(f"{name}: engine", not what, f"{what}: {do}" if what else said)
    enough = one.cpus >= FEWEST_CPUS
    yield Diagnosis(f"{name}: CPUs", enough, str(one.cpus), needed=False)


def _managers(members: Sequence[Member]) -> str:
    names = [one.node.name for one in members if one.manager]
    return f"managed by {', '.join(names)}"


def _together(nodes: Nodes, members: Mapping[str, Member]) -> Iterator[Diagnosis]:
    """What only shows in a session's own networks."""
    if not HERE.docker("image", "ls", "--quiet", IMAGE).strip():
        told = "not made on this machine yet: the first session makes them, then look again"
        yield Diagnosis("images", False, told, needed=False)
        return
    with tempfile.TemporaryDirectory() as scratch:
        try:
            images = {name: [IMAGE] for name in members}
            of_nodes = (members, images, nodes.mtu_bytes, Path(scratch))
            session = SwarmSession(*of_nodes, registry=nodes.registry)
        except RigError as error:
            yield Diagnosis("overlay", False, str(error))
            return
        with contextlib.closing(session):
            yield Diagnosis("images", True, "the same on all nodes, by content")
            mtus = ", ".join(f"{name} {mtu}" for name, mtu in session.mtus.items())
            yield Diagnosis("overlay", True, f"1 MB passes between all nodes; MTU (bytes): {mtus}")
            for name, node in session.nodes.items():
                yield Diagnosis(f"{name}: clock", True, _clock(node.agent))
            yield from _kernels(session)


def _clock(agent: NodeAgent) -> str:
    """How far the node's clock is from this machine's, by the quickest of some answers."""
    found = []
    for _ in range(PINGS):
        sent_s = time.monotonic()
        there_s, _out = agent.call("ping")
        back_s = time.monotonic()
        found.append((back_s - sent_s, there_s - (sent_s + back_s) / 2))
    took_s, offset_s = min(found)
    return f"{offset_s:+.4f} s from this machine's, known within {1000 * took_s / 2:.1f} ms"


def _kernels(session: SwarmSession) -> Iterator[Diagnosis]:
    shared = defaultdict(list)
    for name, said in session.facts.items():
        shared[said["boot_id"]].append(name)
    together = [" and ".join(names) for names in shared.values() if len(names) > 1]
    told = (
        f"{'; '.join(together)} share a kernel, so disturb each other"
        if together
        else ("each node has its own")
    )
    yield Diagnosis("kernels", not together, told, needed=False)
