"""Starts roles in containers on the nodes that they are placed on, and reaches them by the agents.

May not know how a node is reached, nor what a role does.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rig.backends.base import Observed, ProcessHandle, Programs, RoleSpec, spec_file
from rig.backends.database import PORT
from rig.backends.docker.clusters import CACHE_VOLUME
from rig.backends.docker.container import DelayChild
from rig.backends.docker.images import OBSERVER, SERVICES, TARGET, image_of, inside, place
from rig.backends.docker.load_image import FOLDER, PACKAGES
from rig.backends.docker.needs import Needs, app_service
from rig.backends.parallel import in_parallel
from rig.backends.specs import CLOCK_PORT, POOLER_PORT, Secrets
from rig.backends.swarm import containers, overlays
from rig.backends.swarm.containers import NodeContainer
from rig.backends.swarm.session import SessionNode, SwarmSession
from rig.backends.users_files import folder_of
from rig.disk.facts import NodeFacts
from rig.endpoints import Endpoints, Login
from rig.model import Link, Role
from rig.nodes import Placement
from rig.plan import Plan, cpu_sets

STARTS_AT_ONCE = 8
READY_LATER = (Role.LOAD_MASTER, Role.LOAD_WORKER, Role.OBSERVER)
"""Roles that take their time after their start: nobody waits for the container alone."""
ROLES = (*(role for role in overlays.LINKS if role != Role.SERVICE), Role.DELAY, Role.OBSERVER)
"""Those that every stack has."""
SECRETS_OF = {
    Role.APP: ("app", "pgpass"),
    Role.DATABASE: ("superuser", "app"),
    Role.POOLER: ("app",),
    Role.OBSERVER: ("superuser", "app"),
    Role.SERVICE: ("app", "pgpass"),
}
"""The passwords that a role is given, by their file's name."""


def cpus_on(placement: Placement, node: str, cpus: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Which of a node's CPUs each role on it gets: all, where the app shares it with nobody."""
    others = {placement.database, placement.pooler, placement.load_master, *placement.load_worker}
    return cpu_sets(cpus) if placement.app == node and node in others else {}


class SwarmHosts:
    """The containers of one stack."""

    far = True

    def __init__(
        self,
        session: SwarmSession,
        placement: Placement,
        plan: Plan,
        needs: Needs,
        passwords: Secrets,
        services: Mapping[str, Any],
        here: Path,
    ) -> None:
        """`services` of the stack's files; `here`: a folder in which the nodes' are mirrored."""
        self._session, self._placement, self._plan = session, placement, plan
        self._needs = needs
        self._passwords, self._services, self._here = passwords, services, here
        self._trial = secrets.token_hex(3)
        self._made: dict[str, SessionNode] = {}
        self._pids: dict[str, int] = {}
        self._pool = ThreadPoolExecutor(STARTS_AT_ONCE)
        self._making: dict[str, Future[None]] = {}
        in_parallel(self._prepare, placement.names)
        self._make_soon((Role.DATABASE, 0), (Role.APP, 0))

    def _prepare(self, name: str) -> None:
        """The folders of a node's roles, and the passwords and code that they are given."""
        several = [(Role.SERVICE, index) for index, _ in enumerate(self._plan.target.services)]
        node = self._session.nodes[name]
        every = [*((role, 0) for role in ROLES), *several]
        there = [(role, index) for role, index in every if self._stands_on(role, name)]
        roles = dict.fromkeys(role for role, _ in there)
        folders = {place(*one): 0o755 for one in there}
        folders |= {f"{place(*one)}/out": 0o777 for one in there if one[0] != Role.DELAY}
        folders |= {f"secrets-{role}": 0o755 for role in roles if role in SECRETS_OF}
        node.agent.call("empty", folders=dict(sorted(folders.items())))
        for role in roles:
            self._code(role, node)
            files = {secret: self._secret(secret) for secret in SECRETS_OF.get(role, ())}
            if files:
                node.agent.put(files, f"secrets-{role}", mode=0o444)

    def _make_soon(self, *roles: tuple[Role, int]) -> None:
        """Has containers made while others start: they wait for nobody once they are due."""
        for role, index in roles:
            name = self._name(role, index)
            self._making[name] = self._pool.submit(self._make, role, index)

    def _code(self, role: Role, node: SessionNode) -> dict[str, tuple[str, bool]]:
        """Folders that a role sees its target or its Locust file in, on its node from now on."""
        target, told = self._plan.target, self._plan.locustfile
        found: dict[str, tuple[str, bool]] = {}
        if role in (Role.APP, Role.SERVICE) and app_service(target) == TARGET:
            # the node's is a copy, which the target's commands may change
            changed, code, folder = bool(target.before_start), target.code_folder, target.folder
            found["/project"] = node.given(Path(code), changed), changed and role == Role.APP
            found["/target"] = node.given(Path(folder), changed and folder == code), False
        if role in (Role.LOAD_MASTER, Role.LOAD_WORKER) and told is not None:
            found[FOLDER] = node.given(folder_of(target, told)), False
            if self._needs.load_packages:
                found[PACKAGES] = node.given(Path(self._needs.load_packages)), False
        return found

    def _secret(self, name: str) -> bytes:
        return (self._passwords.pgpass_file.parent / name).read_bytes()

    def _stands_on(self, role: Role, node: str) -> bool:
        if role == Role.OBSERVER:
            return node in self._placement.names
        if role == Role.LOAD_WORKER:
            return node in self._placement.load_worker
        return self._placement.of(role) == node

    def _node(self, role: Role, index: int = 0) -> SessionNode:
        return self._session.nodes[self._placement.of(role, index)]

    # the roles

    def start(self, role: Role, spec: RoleSpec, index: int = 0) -> ProcessHandle:
        """Writes the role's JSON, empties its folder, and starts its container."""
        node, folder = self._node(role, index), place(role, index)
        if role == Role.DELAY:  # in a container that runs, and has that folder mounted
            node.agent.put({"delay.json": spec_file(spec)}, str(place(Role.APP)))
            return DelayChild(node.engine, lambda: self.out(role), self._name(Role.APP))
        if role in (Role.OBSERVER, Role.SERVICE) or index < len(self._placement.load_worker):
            # the first with this folder on its node
            node.agent.call("empty", folders={f"{folder}/out": 0o777})
            self._forget(role, index)
        node.agent.put({"spec.json": spec_file(spec)}, folder)
        starting = self._pool.submit(self._start, role, index)
        if role == Role.LOAD_MASTER:  # who is loaded is observed
            self._make_soon(*((Role.OBSERVER, one) for one in range(len(self._placement.names))))
        if role not in READY_LATER:
            starting.result()
        name = self._name(role, index)
        self._pids.pop(name, None)
        return NodeContainer(
            *(node.engine, name, starting, node.ends),
            # whoever follows the load sees every node by its master
            check=self._session.check if role == Role.LOAD_MASTER else node.agent.check,
            pid_of=lambda: self._pid(name),
        )

    def _pid(self, name: str) -> int:
        """A container's first process, as its node numbers it; asked for all of a node's."""
        if name not in self._pids:
            node = self._made[name]
            names = [one for one, of in list(self._made.items()) if of is node]
            form = ("--format", "{{.Name}} {{.State.Pid}}")
            for line in node.engine.docker("inspect", *form, *names).splitlines():
                of_name, _, pid = line.partition(" ")
                if int(pid):  # it was not only made
                    self._pids[of_name.removeprefix("/")] = int(pid)
        return self._pids.get(name, 0)

    def _forget(self, role: Role, index: int) -> None:
        here = self._here / f"{role}-{index}"
        self._node(role, index).agent.forget(here)

    def _name(self, role: Role, index: int = 0) -> str:
        return f"{self._session.name}-{self._trial}-{role}-{index + 1}"

    def _start(self, role: Role, index: int) -> None:
        node, name = self._node(role, index), self._name(role, index)
        if making := self._making.pop(name, None):
            making.result()
        elif name not in self._made:
            self._make(role, index)
        elif node.ends.code(name) is None:  # it was given up, and runs on
            containers.end(node.engine, name, node.ends)
        node.ends.forget(name)
        containers.start(node.engine, name)

    def _make(self, role: Role, index: int) -> None:
        node, name = self._node(role, index), self._name(role, index)
        service, image = self._service(role, index)
        asked = self._services[service]
        networks = {
            overlays.name(self._session.name, link): self.address(role, link, index)
            for link in self._links(role)
        }
        # an observer stands where the agent does: on every link, and in no one's way
        first = ["--network", f"container:{node.agent_name}"]
        if networks:
            first = ["--network", (link := next(iter(networks))), "--ip", networks.pop(link)]
        # services have the database's CPUs, as they stand by it
        pinning = Role.DATABASE if role == Role.SERVICE else role
        pinned = ",".join(map(str, self._cpus(node.name).get(str(pinning), ())))
        options, words = containers.started_as(asked)
        create = [
            *containers.options(asked),
            *containers.mounts(self._mounts(role, node, index)),
            *options,
            *(["--volume", f"{CACHE_VOLUME}:/clusters"] if role == Role.DATABASE else []),
            *(["--cpuset-cpus", pinned] if pinned else []),
            # a load worker's name in all that it reports
            *(["--hostname", f"{node.name}-{index + 1}"] if role != Role.OBSERVER else []),
            *first,
        ]
        create += [self._session.ids[image], *words]
        containers.create(node.engine, name, self._session.name, create)
        self._made[name] = node
        containers.connect(node.engine, name, networks)

    def _cpus(self, node: str) -> dict[str, tuple[int, ...]]:
        return cpus_on(self._placement, node, self._session.facts[node]["cpus"])

    def _service(self, role: Role, index: int) -> tuple[str, str]:
        """What a role is started as: a service of the stack's files, and an image by name."""
        target = self._plan.target
        if role == Role.APP:
            return app_service(target), self._needs.app_image
        if role == Role.SERVICE:
            image = self._needs.image_of_service(target.services[index])
            return f"service_{index + 1}", image
        service = OBSERVER if role == Role.OBSERVER else SERVICES[role]
        return service, image_of(service)

    def _links(self, role: Role) -> tuple[Link, ...]:
        links = overlays.LINKS.get(role, ())
        services = self._plan.target.services if role == Role.APP else ()
        return (*links, Link.SERVICES) if services else links

    def _mounts(self, role: Role, node: SessionNode, index: int) -> dict[str, tuple[str, bool]]:
        folder, there = f"{node.folder}/{place(role, index)}", f"/roles/{role}"
        found = {there: (folder, False), f"{there}/out": (f"{folder}/out", True)}
        found |= self._code(role, node)
        if role == Role.APP:
            found["/root/delay"] = (f"{node.folder}/{place(Role.DELAY)}", True)
        if role == Role.OBSERVER and node.name == self._placement.app:
            found["/roles/app/out"] = (f"{node.folder}/{place(Role.APP)}/out", False)
        if role in SECRETS_OF:
            found["/secrets"] = (f"{node.folder}/secrets-{role}", False)
        return found

    def settle(self, role: Role) -> None:
        """Nothing: a container has its CPUs from the start, and no right to a priority."""

    # where they are

    def address(self, role: Role, link: Link, index: int = 0) -> str:
        """A role's fixed address on a link."""
        return overlays.address(role, link, index, self._session.losses)

    def peer(self, role: Role, link: Link) -> str:
        """The agent on the role's node: it is there before the role, and on the same way."""
        return self._node(role).address(link)

    def out(self, role: Role, index: int = 0) -> Path:
        """The folder that a role writes as it now stands on its node, copied here."""
        node = self._node(role, index)
        there = place(role) if role == Role.DELAY else f"{place(role, index)}/out"
        return node.agent.mirror(str(there), self._here / f"{role}-{index}")

    def reach(self, role: Role, port: int, index: int = 0) -> tuple[str, int]:
        """By the agent of the role's node."""
        node = self._node(role, index)
        return node.agent.forward(self.address(role, overlays.LINKS[role][0], index), port)

    def node(self, role: Role, index: int = 0) -> str:
        """As the nodes file calls it."""
        return self._placement.of(role, index)

    def machine(self, node: str) -> NodeFacts:
        """As its agent and its engine tell it."""
        session, said = self._session, self._session.facts[node]
        return {
            "boot_id": said["boot_id"],
            "kernel": said["kernel"],
            "cpu": said["cpu_model"],
            "engine": session.members[node].version,
            "cpus": len(self._cpus(node).get(str(Role.LOAD_WORKER)) or said["cpus"]),
            "mtu": dict.fromkeys(map(str, session.links), session.mtus[node]),
        }

    def observed(self, endpoints: Endpoints) -> Observed:
        """An observer on every node, none of them here."""
        return Observed(
            elsewhere=[self._visible_from(name, endpoints) for name in self._placement.names]
        )

    def _visible_from(self, node: str, endpoints: Endpoints) -> Endpoints:
        pids = {
            role: tuple(pid * (self.node(role, index) == node) for index, pid in enumerate(some))
            for role, some in endpoints.pids.items()
            if role != Role.OBSERVER
        }
        place = self._placement
        return Endpoints(
            pids={role: some for role, some in pids.items() if any(some)},
            app_port=endpoints.app_port,
            counters=Path("/roles/app/out") if node == place.app and endpoints.counters else None,
            postgres=self._login(endpoints.postgres, Role.DATABASE, PORT, node),
            app_user=endpoints.app_user,
            database=endpoints.database,
            pgbouncer=self._login(endpoints.pgbouncer, Role.POOLER, POOLER_PORT, node),
            clock=(self.address(Role.LOAD_MASTER, Link.CONTROL), CLOCK_PORT),
            node=node,
        )

    def _login(self, login: Login | None, role: Role, port: int, node: str) -> Login | None:
        if login is None or self.node(role) != node:
            return None
        file = Path(self.inside(login.password_file))
        address = self.address(role, Link.DATA)
        return dataclasses.replace(login, address=address, port=port, password_file=file)

    def inside(self, path: Path) -> str:
        """Code stands in the images or is given to nodes, passwords are handed over."""
        return inside(path, self._passwords.pgpass_file.parent, self._plan.target)

    def cluster(self) -> str:
        """In the volume of clusters: a copy on the same file system is quick."""
        return "/clusters/trial"

    def layout(self) -> Programs:
        """Debian's packages, and the target's own Python where its image has one."""
        return self._needs.layout()

    # the end

    def close(self) -> None:
        """Removes the containers, on each node in one go. StackError."""
        self._pool.shutdown(cancel_futures=True)
        by_node: dict[str, list[str]] = {}
        for name, node in self._made.items():
            if not node.agent.lost:
                by_node.setdefault(node.name, []).append(name)

        def remove(node: str) -> None:
            self._session.nodes[node].engine.docker("rm", "--force", "--volumes", *by_node[node])

        in_parallel(remove, by_node)
