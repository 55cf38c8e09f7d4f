"""Starts roles in network namespaces, as an unprivileged user, on their CPUs."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from rig.backends import role_facts
from rig.backends.base import SAFE_PYTHON, Observed, Programs, RoleSpec, module_of, spec_file
from rig.backends.local import network
from rig.backends.local.sandbox import NAMESPACES
from rig.backends.machine.binaries import SEARCH_PATH
from rig.backends.machine.user import RolesUser
from rig.backends.processes import Process, remove, run
from rig.backends.specs import PROJECT
from rig.disk import files
from rig.disk.facts import NodeFacts
from rig.endpoints import Endpoints
from rig.model import Link, Role, StackError

START_ANYWHERE = frozenset({Role.LOAD_MASTER, Role.LOAD_WORKER})
"""They import Locust for a second each, while nothing is measured yet: until settled, anywhere."""
REAL_TIME = 1
"""The load workers' priority, below the delay's. Where load and database share a CPU, a hundred of
Postgres's processes would otherwise each go before one that has to note the time of an answer."""


@cache
def may_be_real_time() -> bool:
    """Whether a process may be given real-time priority here; ordinary users seldom may."""
    try:
        run(["chrt", "--rr", str(REAL_TIME), "true"], 5)
    except StackError:
        return False
    return True


@cache
def _this_machine() -> str:
    return run(["sh", "-c", role_facts.MACHINE], 5)


def _threads(pid: int) -> list[int]:
    return [int(thread.name) for thread in Path(f"/proc/{pid}/task").glob("*")]


class LocalHosts:
    """The hosts of one stack. Their namespaces must have been laid by `network.lay`.

    Its folder is the runner's, with every role's JSON and log: a role writes into the one folder
    of its own that stands there, and the delay, which has rights, into one that nobody else can.
    """

    far = False

    def __init__(
        self,
        folder: Path,
        user: RolesUser,
        mounts: str,
        cpus: Mapping[str, tuple[int, ...]],
        layout: Programs,
        clusters: Path,
    ) -> None:
        """`mounts` is the mount namespace to enter, or empty for the runner's own; `clusters` the
        folder of the session's clusters, which is the user's."""
        self._folder, self._user, self._mounts = folder, user, mounts
        self._cpus, self._layout, self._clusters = cpus, layout, clusters
        self._started: list[tuple[Role, Process]] = []

    def start(self, role: Role, spec: RoleSpec, index: int = 0) -> Process:
        """Writes the role's JSON, makes its folder, and runs it in its namespace."""
        out = self.out(role, index)
        remove(out)
        out.mkdir(mode=0o700)
        spec_path = self._folder / f"{out.name}.json"
        with contextlib.suppress(FileNotFoundError):
            spec_path.unlink()
        with files.create(spec_path, mode=0o600) as file:
            file.write(spec_file(spec))
        if role != Role.DELAY:
            self._user.owns(out)
            self._user.may_read(spec_path)
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{SEARCH_PATH}",
            "PYTHONPATH": str(PROJECT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
            "HOME": str(out),
        }
        command = [*self._into(role, index), sys.executable, *SAFE_PYTHON, "-m", module_of(role)]
        log = self._folder / f"{out.name}.log"
        started = Process([*command, str(spec_path), str(out)], log, environment)
        self._started.append((role, started))
        return started

    def settle(self, role: Role) -> None:
        """Its threads keep to its CPUs from now on; a load worker's go before all ordinary ones.

        That only off the app's CPUs, where this user may have it: on the same ones they would take
        from what is measured.
        """
        cpus = self._cpus.get(str(role))
        if not cpus:
            return
        first = role == Role.LOAD_WORKER and may_be_real_time()
        for process in [process for started, process in self._started if started == role]:
            for thread in _threads(process.pid):
                with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended
                    os.sched_setaffinity(thread, cpus)
                    if first:
                        os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(REAL_TIME))

    def _into(self, role: Role, index: int) -> list[str]:
        mounts = [f"--mount={self._mounts}"] if self._mounts and role != Role.DELAY else []
        namespace = NAMESPACES / network.host_of(role, index)
        command = ["nsenter", f"--net={namespace}", *mounts, "env", f"--chdir={self._folder}"]
        cpus = self._cpus.get(str(role))
        if cpus and role not in START_ANYWHERE:
            command = ["taskset", "--cpu-list", ",".join(map(str, cpus)), *command]
        if role == Role.DELAY:
            return command
        return [*command, *self._user.without_rights()]

    def address(self, role: Role, link: Link, index: int = 0) -> str:
        """A role's address on a link."""
        return network.address_of(role, link, index)

    def peer(self, role: Role, link: Link) -> str:
        """The role's own address."""
        return self.address(role, link)

    def out(self, role: Role, index: int = 0) -> Path:
        """The folder that a role writes, inside the session's scratch."""
        number = f"-{index + 1}" if role in network.SEVERAL else ""
        return self._folder / f"{role}{number}"

    def reach(self, role: Role, port: int, index: int = 0) -> tuple[str, int]:
        """The runner stands on every link itself."""
        return network.address_of(role, network.LINKS[role][0], index), port

    def node(self, role: Role, index: int = 0) -> str:
        """The runner's machine."""
        return ""

    def machine(self, node: str) -> NodeFacts:
        """This machine, with the bridges that the links are."""
        return role_facts.machine(_this_machine(), network.mtu())

    def observed(self, endpoints: Endpoints) -> Observed:
        """The runner sees all of it: it is on the same machine."""
        return Observed(here=endpoints)

    def inside(self, path: Path) -> str:
        """The same: roles and runner see one file system."""
        return str(path)

    def cluster(self) -> str:
        """In a folder that outlives the trial: what one leaves unchanged serves the next."""
        return str(self._clusters / "trial")

    def layout(self) -> Programs:
        """Programs of this machine."""
        return self._layout
