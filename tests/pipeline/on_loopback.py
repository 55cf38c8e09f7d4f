"""Real roles as plain processes of this machine, each on an address of its own in 127.0.0.0/8.

What any user may run anywhere: no namespace, no container, and so no delay and no right to lose.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.backends import role_facts, templates
from rig.backends.base import (
    SAFE_PYTHON,
    Observed,
    Programs,
    RoleSpec,
    Stack,
    afterwards,
    module_of,
    spec_file,
)
from rig.backends.database import PORT
from rig.backends.http import APP_PORT
from rig.backends.local.cluster_cache import LocalClusterCache
from rig.backends.machine import binaries
from rig.backends.machine.role_mounts import closed_ancestor
from rig.backends.machine.user import RolesUser, roles_user
from rig.backends.processes import Process, remove, run
from rig.backends.specs import CLOCK_PORT, CONTROL_PORT, PROJECT, Secrets, make_secrets
from rig.backends.stack import RealStack
from rig.disk.facts import NodeFacts
from rig.endpoints import Endpoints
from rig.load.spec import LoadSpec
from rig.model import Link, Role
from rig.plan import Plan
from stack.database.spec import DatabaseSpec
from tests.pipeline.serving import free_port

_NUMBERS = {
    Role.APP: 2,
    Role.DELAY: 2,
    Role.DATABASE: 3,
    Role.LOAD_MASTER: 9,
    Role.LOAD_WORKER: 10,
}


def unsupported_reason() -> str:
    """Why no stack can stand here, where its ports may be taken on all addresses; else empty."""
    for port in (PORT, APP_PORT, CONTROL_PORT):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((f"{_some_network()}.1", port))
            except OSError as error:
                return f"port {port}: {error.strerror}"
    closed = [path for path in (PROJECT, Path(sys.prefix), Path(sys.base_prefix))
              if closed_ancestor(path / "any")]  # fmt: skip
    if roles_user().other and closed:
        return f"no role runs as root, and other users cannot read {closed[0]}"
    return ""


@dataclass
class LoopbackHosts:
    """The hosts of one stack: processes on this machine."""

    folder: Path
    user: RolesUser
    clusters: Path
    network: str = field(default_factory=lambda: _some_network())
    clock_port: int = field(default_factory=free_port)
    """The load master tells the time on every address of its host."""
    started: list[tuple[Role, Process]] = field(default_factory=list)
    far = False

    def start(self, role: Role, spec: RoleSpec, index: int = 0) -> Process:
        out = self.out(role, index)
        remove(out)
        out.mkdir()
        path = self.folder / f"{out.name}.json"
        path.write_bytes(spec_file(self._on_its_address(spec)))
        path.chmod(0o644)
        command = [sys.executable, *SAFE_PYTHON, "-m", module_of(role), str(path), str(out)]
        if role == Role.DATABASE and self.user.other:  # it refuses to be root
            self.user.owns(out)
            command = [*self.user.without_rights(), *command]
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{binaries.SEARCH_PATH}",
            "PYTHONPATH": str(PROJECT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(out),
        }
        process = Process(command, self.folder / f"{out.name}.log", environment)
        self.started.append((role, process))
        return process

    def _on_its_address(self, spec: RoleSpec) -> RoleSpec:
        """What listens on all addresses of a host, on its own alone, or on a port of its own."""
        match spec:
            case DatabaseSpec():
                listening = {"listen_addresses": self.address(Role.DATABASE, Link.DATA)}
                return dataclasses.replace(spec, settings={**spec.settings, **listening})
            case LoadSpec():
                return dataclasses.replace(spec, clock_port=self.clock_port)
        return spec

    def settle(self, role: Role) -> None:
        """They run anywhere."""

    def address(self, role: Role, link: Link, index: int = 0) -> str:
        return f"{self.network}.{_NUMBERS[role] + index}"

    def peer(self, role: Role, link: Link) -> str:
        return self.address(role, link)

    def out(self, role: Role, index: int = 0) -> Path:
        return self.folder / f"{role}-{index + 1}"

    def reach(self, role: Role, port: int, index: int = 0) -> tuple[str, int]:
        return self.address(role, Link.DATA, index), self.clock_port if port == CLOCK_PORT else port

    def node(self, role: Role, index: int = 0) -> str:
        return ""

    def machine(self, node: str) -> NodeFacts:
        said = run(["sh", "-c", role_facts.MACHINE], 5)
        return role_facts.machine(said, {})

    def observed(self, endpoints: Endpoints) -> Observed:
        return Observed(here=endpoints)

    def inside(self, path: Path) -> str:
        return str(path)

    def cluster(self) -> str:
        return str(self.clusters / "trial")

    def layout(self) -> Programs:
        return binaries.find()


def _some_network() -> str:
    return f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(256)}"


class LoopbackBackend:
    """A session's part of this machine: a scratch folder, passwords, seeded clusters."""

    name = "loopback"

    def __init__(self, scratch: Path) -> None:
        """`scratch`: a folder that every user can enter."""
        self._scratch, self._user = scratch, roles_user()
        self.secrets = self._make_secrets()
        self._clusters = scratch / "clusters"
        self._clusters.mkdir(mode=0o700)
        self._user.owns(self._clusters)
        self.said: list[str] = []
        """Each thing that is no error, but costs time."""
        self.hosts: list[LoopbackHosts] = []
        self._templates = templates.Templates()

    def _make_secrets(self) -> Secrets:
        folder = self._scratch / "secrets"
        made = make_secrets(folder)
        self._user.may_read(folder, made.superuser_password_file, made.app_password_file)
        return made

    def unsupported_reason(self, plan: Plan) -> str:
        return ""

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        folder = self._scratch / f"trial-{len(self.hosts) + 1}"
        folder.mkdir()
        hosts = LoopbackHosts(folder, self._user, self._clusters)
        self.hosts.append(hosts)
        stack = RealStack(plan, hosts, self.secrets, self._template(plan, hosts))
        with afterwards(stack.tear_down):
            yield stack

    def _template(self, plan: Plan, hosts: LoopbackHosts) -> str:
        build = hosts.layout().postgres_build
        key = templates.key(plan, build, content=self._templates.content)
        clusters = LocalClusterCache(self._scratch, self._user.uid, self.said.append)
        return self._templates.of(
            templates.whose(key, plan),
            lambda: templates.provide(clusters, key, plan, hosts, self.secrets),
        )

    def facts(self) -> Mapping[str, Any]:
        return {}

    def close(self) -> None:
        remove(self._scratch)
