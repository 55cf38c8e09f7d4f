"""What a session has on the nodes of a Swarm, from its first to its last: networks, a volume and an
agent on each node, the images.

May not know plans.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from rig.backends.docker.engine import LABEL
from rig.backends.parallel import in_parallel
from rig.backends.processes import Piped, until
from rig.backends.swarm import overlays, swarm
from rig.backends.swarm.agent import SOURCE, START_DEADLINE_S, NodeAgent
from rig.backends.swarm.containers import TRY_AGAIN, Ends, connect
from rig.backends.swarm.images import give, ids_of
from rig.backends.swarm.swarm import Member
from rig.model import Link, StackError

FOLDER = "/session"
PROOF_PORT, PROOF_DEADLINE_S = 9000, 5.0
MOST_STARTS = 3
_RIGHTS = ("DAC_OVERRIDE", "FOWNER", "CHOWN")
"""Of an agent: roles write as several users."""


class SessionNode:
    """A node of a session: its engine, the agent on it, the session's folder there."""

    def __init__(
        self,
        of: Member,
        session: str,
        number: int,
        image: str,
        scratch: Path,
        links: Sequence[Link],
    ) -> None:
        """Makes the volume and starts the agent. StackError."""
        self._links = links
        self._given: dict[tuple[Path, bool], str] = {}
        self.member, self.number = of, number
        self.name, self.engine = of.node.name, of.engine
        self._volume = session
        self.engine.docker("volume", "create", "--label", f"{LABEL}={session}", self._volume)
        form = ("--format", "{{.Mountpoint}}")
        self.folder = self.engine.docker("volume", "inspect", *form, self._volume).strip()
        self.ends = Ends(self.engine, session, scratch / f"{self.name}.ends")
        self.agent_name = f"{session}-agent-{number}"
        try:
            self.agent = self._started(session, image, scratch / f"{self.name}.agent")
        except BaseException:
            self.ends.close()
            raise

    def _started(self, session: str, image: str, log: Path) -> NodeAgent:
        """The agent, once it answers; again where the Swarm did not attach it in time, as it may
        just after it has lost a node or networks."""
        for attempt in itertools.count(1):
            self._create_agent(session, image)
            command = self.engine.command("start", "--attach", "--interactive", self.agent_name)
            agent = NodeAgent(self.name, Piped(command, log))
            try:
                agent.call("ping", deadline_s=START_DEADLINE_S)
            except StackError as error:
                agent.close()
                if attempt == MOST_STARTS or not any(one in error.what for one in TRY_AGAIN):
                    raise
            except BaseException:
                agent.close()
                raise
            else:
                return agent
            with contextlib.suppress(StackError):  # it may have removed itself
                self.engine.docker("rm", "--force", self.agent_name)
        raise AssertionError("it is started, or an error says why not")

    def _create_agent(self, session: str, image: str) -> None:
        first, *others = self._links
        rights = [word for right in _RIGHTS for word in ("--cap-add", right)]
        self.engine.docker(
            *("create", "--interactive", "--rm", "--name", self.agent_name),
            *("--label", f"{LABEL}={session}", "--read-only", "--log-driver", "none"),
            *("--cap-drop", "ALL", *rights, "--security-opt", "no-new-privileges:true"),
            *("--user", "0", "--pids-limit", "512", "--volume", f"{self._volume}:{FOLDER}"),
            *("--network", overlays.name(session, first), "--ip", self.address(first)),
            *("--entrypoint", "python3", image),
            *("-P", "-s", "-c", SOURCE.read_text(), FOLDER),
        )
        further = {overlays.name(session, link): self.address(link) for link in others}
        connect(self.engine, self.agent_name, further)

    def address(self, link: Link) -> str:
        """Its agent's, on a link."""
        return overlays.address_of_agent(link, self.number)

    def given(self, here: Path, writable: bool = False) -> str:
        """Where a folder of this machine stands on the node, which is given it once a session.

        StackError, OSError.
        """
        name = self._given.get((here, writable))
        if name is None:
            name = f"given-{len(self._given) + 1}"
            self.agent.put_folder(here, name, writable)
            self._given[here, writable] = name
        return f"{self.folder}/{name}"

    def close(self) -> None:
        """Ends the agent and what listens."""
        self.agent.close()
        self.ends.close()


class SwarmSession:
    """What is held of the Swarm; `close` gives it back."""

    def __init__(
        self,
        members: Mapping[str, Member],
        images: Mapping[str, Sequence[str]],
        mtu_bytes: int,
        scratch: Path,
        links: Sequence[Link] = overlays.ALWAYS,
        registry: str = "",
    ) -> None:
        """`images`: their names here, by node. UsageError where another has it; StackError."""
        self.members, self.name = members, f"async-django-{secrets.token_hex(4)}"
        self.links = links
        self.nodes: dict[str, SessionNode] = {}
        self.used: tuple[str, ...] = tuple(members)
        """The nodes that roles stand on."""
        self.losses = 0
        """How often it had to go on without a node."""
        self.mtu_bytes, self._scratch = mtu_bytes, scratch
        self._manager = swarm.manager_of(list(members.values()))
        self._take()
        try:
            _all_removed(members.values())
            self.ids = ids_of({name for some in images.values() for name in some})
            give(members, images, self.ids, registry)
            overlays.lay(self._manager, self.name, mtu_bytes, links)
            in_parallel(lambda node: self._join(node, images[node][0]), members)
            self.nodes = {name: self.nodes[name] for name in members}
            self.facts = {name: node.agent.call("facts")[0] for name, node in self.nodes.items()}
            self.mtus = self._proved()
        except BaseException:
            with contextlib.suppress(StackError):
                self.close()
            raise

    def _take(self) -> None:
        """Whoever holds the machine knows that a session of this machine's is no more."""
        found = swarm.holder(self._manager)
        if found is not None and found.is_here:
            swarm.let_go(self._manager)
        swarm.take(self._manager, self.name, self._scratch)

    def _join(self, node: str, image: str) -> None:
        of, number, image = self.members[node], list(self.members).index(node), self.ids[image]
        self.nodes[node] = SessionNode(of, self.name, number, image, self._scratch, self.links)

    def _proved(self) -> dict[str, int]:
        """That large packets pass between all nodes; the MTU (bytes) of each. StackError."""
        nodes = list(self.nodes.values())
        for node in nodes:
            node.agent.call("listen", address=node.address(Link.CONTROL), port=PROOF_PORT)
        in_parallel(partial(self._passes, nodes), nodes)
        return {
            node.name: node.agent.call("mtu", address=node.address(Link.CONTROL))[0]
            for node in nodes
        }

    def _passes(self, nodes: Sequence[SessionNode], one: SessionNode) -> None:
        for other in nodes:
            if other is one:
                continue
            there = other.address(Link.CONTROL)
            for _ in until(PROOF_DEADLINE_S, every_s=0.5):  # the Swarm tells its nodes by and by
                said, _out = one.agent.call(
                    "pass_megabyte", address=there, port=PROOF_PORT, within_s=PROOF_DEADLINE_S
                )
                if said["came"] != "nothing":
                    break
            if said["came"] == "all":
                continue
            between = f"between nodes {one.name} and {other.name}"
            if said["came"] == "nothing":
                raise StackError(
                    f"nothing passes {between} ({said['why']})",
                    "VXLAN needs UDP port 4789, and 7946 beside it: open both in firewalls",
                )
            raise StackError(
                f"only small packets pass {between}, with an MTU of {self.mtu_bytes} bytes",
                "set `mtu_bytes` in the nodes file: the machines' own MTU, less 50",
            )

    def check(self) -> None:
        """LostNode once one is that has a part in the session."""
        for name in self.used:
            self.nodes[name].agent.check()

    @property
    def lost(self) -> list[str]:
        """The nodes that are lost, by name."""
        return [name for name, node in self.nodes.items() if node.agent.lost]

    def close(self) -> None:
        """Removes all that the session has on nodes that live, and gives back the Swarm."""
        lost = self.lost
        for node in self.nodes.values():
            node.close()
        # one that could not be reached by its stream may still do as it is told
        alive = [one for name, one in self.members.items() if name not in lost or _answers(one)]
        _, errors = swarm.remove_left_behind(alive)
        if self._manager in alive:
            swarm.let_go(self._manager)
        # a node that is gone keeps the networks that it was in, until it is back
        if errors and not lost:
            raise errors[0]


def _answers(one: Member) -> bool:
    try:
        swarm.member(one.node)
    except StackError:
        return False
    return True


def _all_removed(members: Iterable[Member]) -> None:
    _, errors = swarm.remove_left_behind(members)
    if errors:
        raise errors[0]
