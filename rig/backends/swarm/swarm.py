"""The Swarm that a nodes file describes: its engines, whether they belong together, who has it.

May not know what is started in it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rig.backends.docker.engine import LABEL, Engine, version_of
from rig.backends.parallel import in_parallel
from rig.model import StackError, UsageError
from rig.nodes import Node, Nodes

OLDEST_ENGINE = (20, 10)
ANSWER_DEADLINE_S = 20.0
LOCK = "async-django-rig"
"""The config of the Swarm that a session makes; the Swarm lets nobody make it twice."""
_HOST, _BOOT = f"{LABEL}.host", f"{LABEL}.boot"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Member:
    """A node as its engine describes it."""

    node: Node
    engine: Engine
    version: str
    state: str
    """Of the Swarm as this engine sees it: `active` where it is a member."""
    swarm_id: str
    """The Swarm's name for this member."""
    manager: bool
    cpus: int
    kernel: str

    @property
    def problem(self) -> tuple[str, str]:
        """What is wrong with it by itself, and what to do; empty where it is fit."""
        name = self.node.name
        if version_of(self.version) < OLDEST_ENGINE:
            what = f"node {name}: Docker engine {self.version} is too old"
            return what, "20.10 or later is needed there"
        if self.state != "active":
            do = "join it: docker swarm join-token worker, on a manager, prints the command"
            return f"node {name} is in no Swarm (its engine says {self.state})", do
        return "", ""


def engine_of(node: Node) -> Engine:
    """The node's engine."""
    return Engine(node.name, node.options)


def member(node: Node) -> Member:
    """Asks a node's engine. StackError where it does not answer."""
    engine = engine_of(node)
    said = json.loads(engine.docker("info", "--format", "{{json .}}", deadline_s=ANSWER_DEADLINE_S))
    swarm = said.get("Swarm") or {}
    if not said.get("ServerVersion"):  # an older client prints what it knows all the same
        errors = said.get("ServerErrors") or ["its engine does not answer"]
        raise StackError(
            f"node {node.name}: {errors[0]}",
            "start Docker there, or correct its `context` in the nodes file",
        )
    return Member(
        node=node,
        engine=engine,
        version=str(said["ServerVersion"]),
        state=str(swarm.get("LocalNodeState") or "inactive"),
        swarm_id=str(swarm.get("NodeID") or ""),
        manager=bool(swarm.get("ControlAvailable")),
        cpus=int(said.get("NCPU") or 0),
        kernel=str(said.get("KernelVersion") or ""),
    )


def manager_of(members: Sequence[Member]) -> Member:
    """One through which the Swarm can be told things. StackError where none is a manager."""
    found = next((one for one in members if one.manager), None)
    if found is None:
        raise StackError(
            "none of the nodes is a manager of the Swarm",
            "name one in the nodes file, or: docker node promote NAME",
        )
    return found


def apart(members: Sequence[Member]) -> tuple[str, str]:
    """Why these are not the members of one Swarm, and what to do; empty where they are.

    StackError where no manager is among them.
    """
    manager = manager_of(members)
    known = manager.engine.docker("node", "ls", "--format", "{{.ID}}").split()
    seen: dict[str, str] = {}
    for one in members:
        name = one.node.name
        if one.swarm_id not in known:
            what = f"node {name} is in another Swarm than node {manager.node.name}"
            return what, "there: docker swarm leave, then docker swarm join to the same one"
        if one.swarm_id in seen:
            what = f"nodes {seen[one.swarm_id]} and {name} are one engine"
            return what, "name each engine once in the nodes file"
        seen[one.swarm_id] = name
    return "", ""


def members_of(nodes: Nodes, names: Sequence[str]) -> Mapping[str, Member]:
    """The nodes of these names, all fit and of one Swarm. StackError names one that is not."""
    found = in_parallel(member, [nodes.nodes[name] for name in names])
    problems = [one.problem for one in found if one.problem[0]]
    what, do = problems[0] if problems else apart(found)
    if what:
        raise StackError(what, do)
    return {one.node.name: one for one in found}


def answering(nodes: Nodes) -> tuple[list[Member], list[StackError]]:
    """The members among the nodes, and what is wrong with those that do not answer."""

    def ask(node: Node) -> Member | StackError:
        try:
            return member(node)
        except StackError as error:
            return error

    found = in_parallel(ask, nodes.nodes.values())
    members = [one for one in found if isinstance(one, Member) and not one.problem[0]]
    return members, [one for one in found if isinstance(one, StackError)]


def _boot_id() -> str:
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


@dataclass(frozen=True)
class Holder:
    """The session that has the Swarm."""

    session: str
    host: str
    boot_id: str

    @property
    def is_here(self) -> bool:
        """Whether it ran on this machine: who holds the machine, knows then that it is no more."""
        return self.host == socket.gethostname() and self.boot_id == _boot_id()


def holder(manager: Member) -> Holder | None:
    """Who has the Swarm. StackError."""
    if LOCK not in manager.engine.docker("config", "ls", "--format", "{{.Name}}").split():
        return None
    form = "{{json .Spec.Labels}}"
    labels = json.loads(manager.engine.docker("config", "inspect", "--format", form, LOCK)) or {}
    return Holder(labels.get(LABEL, ""), labels.get(_HOST, ""), labels.get(_BOOT, ""))


def take(manager: Member, session: str, scratch: Path) -> None:
    """Makes the Swarm this session's. UsageError where another one has it; StackError."""
    note = scratch / "session"
    note.write_text(session)
    labels = {LABEL: session, _HOST: socket.gethostname(), _BOOT: _boot_id()}
    words = [word for label in labels.items() for word in ("--label", "=".join(label))]
    try:
        manager.engine.docker("config", "create", *words, LOCK, str(note))
    except StackError:
        if (other := holder(manager)) is None:
            raise
        raise UsageError(
            f"another session has this Swarm: {other.session}, started on {other.host}",
            "wait for its end; if it was killed: python runner.py clean --nodes FILE, there",
        ) from None


def let_go(manager: Member) -> list[str]:
    """Makes the Swarm nobody's; what was removed. StackError."""
    if holder(manager) is None:
        return []
    manager.engine.docker("config", "rm", LOCK)
    return [f"config {LOCK}"]


def remove_left_behind(members: Iterable[Member]) -> tuple[list[str], list[StackError]]:
    """Removes what sessions left on every node; what and where, and what could not be."""
    every = list(members)
    managers = [one for one in every if one.manager][:1]
    removed: list[str] = []
    errors: list[StackError] = []

    def step(of_one: Callable[[Member], list[str]], some: Iterable[Member]) -> None:
        for found in in_parallel(partial(_or_error, of_one), some):
            if isinstance(found, StackError):
                errors.append(found)
            else:
                removed.extend(found)

    # what stands in a network or a volume keeps it
    step(partial(_removed, "container"), every)
    # a manager removes networks for all; the others by and by do as it says
    step(partial(_removed, "network"), managers)
    if managers and not errors:
        step(_await_no_network, (one for one in every if one not in managers))
    step(partial(_removed, "volume"), every)
    return removed, errors


def _or_error(step: Callable[[Member], list[str]], one: Member) -> list[str] | StackError:
    try:
        return step(one)
    except StackError as error:
        return error


def _removed(kind: str, one: Member) -> list[str]:
    gone = one.engine.remove_left_behind((kind,))
    return [f"{what} on node {one.node.name}" for what in gone]


def _await_no_network(one: Member) -> list[str]:
    one.engine.await_gone("network")
    return []
