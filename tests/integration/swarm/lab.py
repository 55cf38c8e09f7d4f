"""A Swarm of three engines on this machine, each with a network and a clock of its own.

SWARM names a program: `$SWARM N` makes N engines and prints a line of name, socket and address for
each; `$SWARM down` ends them. Their folders hold a `pid` beside the socket.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rig.backends.docker.clusters import CACHE_VOLUME
from rig.cli.lock import HANDED_ON
from tests.integration.compose.containers import call, docker
from tests.runs import Done, command

NAMES = ("sut", "db", "load")
PLACE = "{app: sut, database: db, pooler: db, load_master: load, load_worker: [load]}"
DEADLINE_S = 600
UP_DEADLINE_S = 60
HELD = tuple(map(int, os.environ.get(HANDED_ON, "").split()))
"""The machine, where whoever runs the tests holds it for all of them."""


@dataclass(frozen=True)
class LabNode:
    """An engine of the lab."""

    name: str
    socket: Path
    address: str

    def docker(self, *words: str) -> str:
        return docker("--host", f"unix://{self.socket}", *words)

    def pids(self) -> list[int]:
        """The engine's processes, with all that it started."""
        own = call("ip", "netns", "pids", f"swarm-{self.socket.parent.name}").out.split()
        found = [int(pid) for pid in own]
        for pid in found:  # grows meanwhile
            with suppress(OSError):
                said = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                found += [int(child) for child in said if int(child) not in found]
        return found

    def die(self) -> None:
        """As a machine does that loses its power."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def holds(self) -> set[str]:
        """All that a session could leave on it, whosever it is; the cache may stay."""
        found: set[str] = set()
        for what, words in (
            ("container", ("ps", "--all", "--format", "{{.Names}}")),
            ("network", ("network", "ls", "--format", "{{.Name}}")),
            ("volume", ("volume", "ls", "--format", "{{.Name}}")),
        ):
            found |= {f"{what} {name} on {self.name}" for name in self.docker(*words).split()}
        # an engine's own, and the Swarm's
        own = {"docker_gwbridge", "ingress", "bridge", "host", "none", CACHE_VOLUME}
        return {one for one in found if not own & {*one.split()}}


@dataclass(frozen=True)
class Lab:
    """The engines, the first a manager, and a folder for files."""

    nodes: tuple[LabNode, ...]
    folder: Path

    def node(self, name: str) -> LabNode:
        return next(node for node in self.nodes if node.name == name)

    def file(self, place: str = PLACE, more: str = "", name: str = "nodes.yaml") -> Path:
        """A nodes file; `more` are further lines."""
        path = self.folder / name
        lines = [f"  {one.name}: {{context: 'unix://{one.socket}'}}" for one in self.nodes]
        path.write_text("\n".join(["nodes:", *lines, f"place: {place}", more, ""]))
        return path

    def run(self, *arguments: str | Path, cwd: Path | None = None) -> Done:
        """A command of the rig, to its end."""
        done = subprocess.run(
            command(*arguments), cwd=cwd or self.folder, capture_output=True, text=True,
            timeout=DEADLINE_S, stdin=subprocess.DEVNULL, check=False, pass_fds=HELD,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def under_way(self, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
        """A command of the rig that runs; it is ended, if it has not."""
        process = subprocess.Popen(
            command(*arguments), cwd=self.folder, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, pass_fds=HELD,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=30)

    def left(self) -> set[str]:
        """What is on the nodes that answer, and what the Swarm itself keeps."""
        found = {one for node in self.nodes for one in node.holds()}
        for what in ("config", "secret", "service"):
            found |= {*self.nodes[0].docker(what, "ls", "--format", "{{.Name}}").split()}
        return found

    def restart(self, node: LabNode) -> None:
        """The engine of a node that died, as it was started at first."""
        subprocess.run(
            ["bash", "-c", _RESTART, "bash", str(node.socket.parent), node.socket.parent.name],
            check=True, stdin=subprocess.DEVNULL, timeout=30,
        )  # fmt: skip
        give_up_s = time.monotonic() + UP_DEADLINE_S
        form = ("info", "--format", "{{.Swarm.LocalNodeState}}")
        while time.monotonic() < give_up_s:
            if call("docker", "--host", f"unix://{node.socket}", *form).out.strip() == "active":
                return
            time.sleep(0.3)
        raise AssertionError(f"{node.name} did not come back")


_RESTART = """
d=$1 name=$2 i=${2#node}
rm -f "$d/pid" "$d/sock"
setsid nohup nsenter --net="/var/run/netns/swarm-$name" unshare -m --uts --time \
  --monotonic=$((i * 100000)) --boottime=$((i * 100000)) --fork sh -c "
    hostname $name; mount -t tmpfs t /run; mkdir -p /run/lock
    exec dockerd --data-root $d/data --exec-root /run/docker --pidfile $d/pid -H unix://$d/sock \
      --default-address-pool base=198.19.$i.0/24,size=26" >>"$d/log" 2>&1 </dev/null &
"""


@contextmanager
def lab(folder: Path, names: Sequence[str] = NAMES) -> Iterator[Lab]:
    """The Swarm, for as long as the context lasts."""
    program = os.environ["SWARM"]
    said = call(program, str(len(names)))
    assert said.code == 0, said.err
    lines, nodes = [line.split() for line in said.out.splitlines()], list[LabNode]()
    try:
        for name, (_, socket, address) in zip(names, lines, strict=True):
            nodes.append(LabNode(name, Path(socket), address))
        yield Lab(tuple(nodes), folder)
    finally:
        # each would take seconds to end in order, and nobody needs what it keeps
        for node in nodes:
            node.die()
        call(program, "down")
