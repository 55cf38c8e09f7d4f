"""Starts roles in containers that Compose has created, and reaches them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rig.backends.base import Observed, ProcessHandle, Programs, RoleSpec, spec_file
from rig.backends.docker.container import DelayChild, WaitedContainer
from rig.backends.docker.engine import HERE
from rig.backends.docker.images import FIXED, inside, place
from rig.backends.docker.needs import Needs
from rig.backends.processes import remove
from rig.disk import files
from rig.disk.facts import NodeFacts
from rig.endpoints import Endpoints
from rig.model import Link, Role
from rig.plan import Target

NETWORKS = {
    Link.FRONT: "198.18.40",
    Link.DATA: "198.18.41",
    Link.CONTROL: "198.18.42",
    Link.SERVICES: "198.18.44",
}
ADMIN_NETWORK = "198.18.43"


def _hand_over(spec: RoleSpec, path: Path) -> None:
    """Writes a role's JSON: whole, as its appearance may start the role, and readable there."""
    scratch = path.with_suffix(".part")
    with files.create(scratch) as file:
        file.write(spec_file(spec))
    scratch.chmod(0o644)
    scratch.rename(path)


class ComposeHosts:
    """The containers of one stack. `names` are those of each role, load workers in order."""

    far = False

    def __init__(
        self,
        folder: Path,
        secrets: Path,
        target: Target,
        needs: Needs,
        names: Mapping[Role, list[str]],
        project: str,
        machine: Callable[[], NodeFacts] = NodeFacts,
    ) -> None:
        self._folder, self._secrets = folder, secrets
        self._target, self._needs = target, needs
        self._machine = machine
        self._names, self._project = names, project
        self._published: dict[tuple[Role, int], dict[int, tuple[str, int]]] = {}
        """The addresses of containers that were not started again since."""

    def start(self, role: Role, spec: RoleSpec, index: int = 0) -> ProcessHandle:
        """Writes the role's JSON, empties its folder, and starts its container."""
        out = self.out(role, index)
        if role == Role.DELAY:  # in a container that runs, and has that folder mounted
            _hand_over(spec, self._folder / Role.APP / "delay.json")
            return DelayChild(HERE, lambda: out, self._names[Role.APP][0])
        if index == 0 or role == Role.SERVICE:
            remove(out)
            out.mkdir(exist_ok=True)
            out.chmod(0o777)  # the containers' user is nobody here
        _hand_over(spec, out.parent / "spec.json")
        self._published.pop((role, index), None)
        return WaitedContainer(
            HERE, self._names[role][index], self._folder / f"{role}-{index}.wait"
        )

    def settle(self, role: Role) -> None:
        """Nothing: a container has its CPUs from the start, and no right to a priority."""

    def address(self, role: Role, link: Link, index: int = 0) -> str:
        """A role's address on a link; a load worker's is known once it was started."""
        if role in FIXED:
            return f"{NETWORKS[link]}.{FIXED[role] + index}"
        network = f"{self._project}_{link}"
        form = f'{{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}'
        return HERE.docker("inspect", "--format", form, self._names[role][index]).strip()

    def peer(self, role: Role, link: Link) -> str:
        """The role's own address."""
        return self.address(role, link)

    def out(self, role: Role, index: int = 0) -> Path:
        """The folder that a role writes; load workers share one, in which they write nothing."""
        folder = self._folder / place(role, index)
        return folder if role == Role.DELAY else folder / "out"

    def reach(self, role: Role, port: int, index: int = 0) -> tuple[str, int]:
        """The port that the engine has published on 127.0.0.1."""
        published = self._published.setdefault((role, index), {})
        if port not in published:
            said = HERE.docker("port", self._names[role][index], f"{port}/tcp").splitlines()[0]
            address, _, number = said.rpartition(":")
            published[port] = address, int(number)
        return published[port]

    def node(self, role: Role, index: int = 0) -> str:
        """The engine's machine."""
        return ""

    def machine(self, node: str) -> NodeFacts:
        """The engine's machine."""
        return self._machine()

    def observed(self, endpoints: Endpoints) -> Observed:
        """The runner sees all of it: it is on the same machine."""
        return Observed(here=endpoints)

    def inside(self, path: Path) -> str:
        """Code stands in the images, secrets and other people's targets are mounted."""
        return inside(path, self._secrets, self._target)

    def cluster(self) -> str:
        """In the volume of clusters: a copy on the same file system is quick."""
        return "/clusters/trial"

    def layout(self) -> Programs:
        """Debian's packages, and the target's own Python where its image has one."""
        return self._needs.layout()
