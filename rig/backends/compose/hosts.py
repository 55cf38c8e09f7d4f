"""Starts roles in containers that Compose has created, and reaches them."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
from collections.abc import Mapping
from pathlib import Path

from rig.backends.base import CONTRIB, ProcessHandle, Programs, RoleSpec, spec_file
from rig.backends.compose import own_image
from rig.backends.compose.engine import docker
from rig.backends.processes import LOG_ENDS_BYTES, Process, remove, run, until
from rig.backends.specs import PROJECT
from rig.disk import files
from rig.model import Link, Role, StackError

LAYOUT = Programs(
    "/venv/bin/python",
    "/usr/lib/postgresql/17/bin",
    "17",
    "/usr/sbin/pgbouncer",
    # Debian's package has them all
    extensions=CONTRIB,
)
NETWORKS = {
    Link.FRONT: "198.18.40",
    Link.DATA: "198.18.41",
    Link.CONTROL: "198.18.42",
    Link.SERVICES: "198.18.44",
}
ADMIN_NETWORK = "198.18.43"
OURS = {str(PROJECT / f"django_{name}"): f"django_{name}" for name in ("sync", "async")}
"""Targets whose code stands in an image of their own, and their services."""
MOST_EXIT_BYTES = 100
_FIXED = {Role.APP: 2, Role.DATABASE: 3, Role.POOLER: 4, Role.LOAD_MASTER: 9, Role.SERVICE: 20}


def place(role: Role, index: int = 0) -> str:
    """The name of a role's folder in a trial's."""
    return f"{role}-{index + 1}" if role == Role.SERVICE else str(role)


class Container:
    """A role in a container."""

    def __init__(self, name: str, log: Path) -> None:
        """Starts it. StackError where the engine does not."""
        self._name = name
        docker("start", name)
        log.unlink(missing_ok=True)
        self._waiter = Process(["docker", "wait", name], log)

    @property
    def pid(self) -> int:
        """Its process id on the engine's machine."""
        return int(docker("inspect", "--format", "{{.State.Pid}}", self._name))

    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._code() if self._waiter.code() is not None else None

    def _code(self) -> int:
        lines = self._waiter.log_lines()
        return int(lines[-1]) if lines and lines[-1].isdecimal() else 125

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to its first process."""
        if self.code() is None:
            with contextlib.suppress(StackError):  # it has ended meanwhile
                docker("kill", "--signal", number.name, self._name)

    def wait(self, deadline_s: float) -> int | None:
        """Its exit code, or None where it still runs after `deadline_s`."""
        return None if self._waiter.wait(deadline_s) is None else self._code()

    def kill(self) -> None:
        """Ends the container at once."""
        self.signal(signal.SIGKILL)
        self._waiter.kill()

    def log_lines(self) -> list[str]:
        """What its first process printed."""
        return run(["sh", "-c", f"docker logs {self._name} 2>&1"], 30).splitlines()


class DelayChild:
    """The delay role, which the app container's entry point starts.

    Its folder is in reach of that container's root alone.
    """

    pid = 0

    def __init__(self, folder: Path, app: str) -> None:
        """`app` is the container's name."""
        self._folder, self._app = folder, app

    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        try:
            said = files.read_text(self._folder / "exit", MOST_EXIT_BYTES, follow=False)
        except FileNotFoundError:
            return None
        return int(said) if said else None

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal, by way of the entry point. ValueError for one that it keeps."""
        if number != signal.SIGUSR1:
            raise ValueError(f"{number.name} is not handed on")
        with contextlib.suppress(StackError):  # it has ended meanwhile
            docker("kill", "--signal", number.name, self._app)

    def wait(self, deadline_s: float) -> int | None:
        """Its exit code, or None where it still runs after `deadline_s`."""
        for _ in until(deadline_s, every_s=0.05):
            if (code := self.code()) is not None:
                return code
        return None

    def kill(self) -> None:
        """It ends with the app's container."""

    def log_lines(self) -> list[str]:
        """What it printed so far."""
        try:
            said = files.read_ends(self._folder / "log", LOG_ENDS_BYTES, LOG_ENDS_BYTES)
        except FileNotFoundError:
            return []
        return said.decode(errors="replace").splitlines()


def _hand_over(spec: RoleSpec, path: Path) -> None:
    """Writes a role's JSON: whole, as its appearance may start the role, and readable there."""
    scratch = path.with_suffix(".part")
    with files.create(scratch) as file:
        file.write(spec_file(spec))
    scratch.chmod(0o644)
    scratch.rename(path)


class ComposeHosts:
    """The containers of one stack. `names` are those of each role, load workers in order."""

    def __init__(
        self,
        folder: Path,
        secrets: Path,
        target_folder: str,
        names: Mapping[Role, list[str]],
        project: str,
        code_folder: str = "",
        own: bool = False,
    ) -> None:
        """`own`: whether the app's image has a Python of the target's own.

        `code_folder`: where the target's code is, if not in its own folder.
        """
        self._folder, self._secrets, self._target = folder, secrets, Path(target_folder)
        self._code = Path(code_folder or target_folder)
        self._own = own
        self._names, self._project = names, project
        self._published: dict[tuple[Role, int], dict[int, tuple[str, int]]] = {}
        """The addresses of containers that were not started again since."""

    def start(self, role: Role, spec: RoleSpec, index: int = 0) -> ProcessHandle:
        """Writes the role's JSON, empties its folder, and starts its container."""
        out = self.out(role, index)
        if role == Role.DELAY:  # in a container that runs, and has that folder mounted
            _hand_over(spec, self._folder / Role.APP / "delay.json")
            return DelayChild(out, self._names[Role.APP][0])
        if index == 0 or role == Role.SERVICE:
            remove(out)
            out.mkdir(exist_ok=True)
            out.chmod(0o777)  # the containers' user is nobody here
        _hand_over(spec, out.parent / "spec.json")
        self._published.pop((role, index), None)
        return Container(self._names[role][index], self._folder / f"{role}-{index}.wait")

    def settle(self, role: Role) -> None:
        """Nothing: a container has its CPUs from the start, and no right to a priority."""

    def address(self, role: Role, link: Link, index: int = 0) -> str:
        """A role's address on a link; a load worker's is known once it was started."""
        if role in _FIXED:
            return f"{NETWORKS[link]}.{_FIXED[role] + index}"
        network = f"{self._project}_{link}"
        form = f'{{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}'
        return docker("inspect", "--format", form, self._names[role][index]).strip()

    def out(self, role: Role, index: int = 0) -> Path:
        """The folder that a role writes; load workers share one, in which they write nothing."""
        folder = self._folder / place(role, index)
        return folder if role == Role.DELAY else folder / "out"

    def reach(self, role: Role, port: int, index: int = 0) -> tuple[str, int]:
        """The port that the engine has published on 127.0.0.1."""
        published = self._published.setdefault((role, index), {})
        if port not in published:
            said = docker("port", self._names[role][index], f"{port}/tcp").splitlines()[0]
            address, _, number = said.rpartition(":")
            published[port] = address, int(number)
        return published[port]

    def inside(self, path: Path) -> str:
        """Code stands in the images, secrets and other people's targets are mounted."""
        mounts = [(self._secrets, "/secrets"), (PROJECT, "/rig")]
        if str(self._target) not in OURS:
            mounts = [(self._target, "/target"), (self._code, "/project"), *mounts]
        for here, there in mounts:
            if path.is_relative_to(here):
                return f"{there}/{path.relative_to(here)}".removesuffix("/.")
        raise ValueError(f"{path} is not in the containers")

    def cluster(self) -> str:
        """In the volume of clusters: a copy on the same file system is quick."""
        return "/clusters/trial"

    def layout(self) -> Programs:
        """Debian's packages, and the target's own Python where its image has one."""
        if not self._own:
            return LAYOUT
        return dataclasses.replace(LAYOUT, own_python=own_image.PYTHON, own_path=own_image.PATH)
