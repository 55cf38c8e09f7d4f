"""What the delay role does to real packets: one run of it per case, between the rig's own hosts.

    python -m tests.integration.delay_lab '[{"mechanism": "nfqueue", "delay_ms": 100}]'

Enters a world of its own, on whatever kernel it is started, and prints a JSON list of results.
Judges nothing: the tests and `bench/` do.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pyroute2 import netns

from rig.backends.base import Programs
from rig.backends.local import network, sandbox
from rig.backends.local.hosts import LocalHosts
from rig.backends.machine.user import roles_user
from rig.backends.processes import Process, until
from rig.backends.specs import PROJECT
from rig.model import Link, Role
from stack.delay.spec import DelaySpec, LinkSpec

SIZES_BYTES = (200, 5_000, 50_000, 500_000)
PORT = 8001
SEGMENT_BYTES = 1448  # of Ethernet's 1500: IP and TCP headers, and TCP's timestamps
DEADLINE_S, LAB_DEADLINE_S = 30.0, 180.0
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Case:
    """One run of the role: what is asked of it, and what is done to it."""

    mechanism: str = "auto"
    delay_ms: float = 100.0
    delayed: tuple[str, ...] = (str(Link.FRONT), str(Link.DATA))
    """The links whose packets are delayed on leaving the app."""
    replies: int = 0
    """How often a reply of each size is fetched over `front`."""
    kill_consumer: bool = False
    """Whether the process that holds the packets is killed before the facts are asked for."""


@dataclass(frozen=True)
class Result:
    """What came of a case; `code` is the role's exit code, -1 where it had to be killed."""

    code: int
    log: Sequence[str]
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The role's facts.json; empty where it never wrote one."""
    replies_ms: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """By size in bytes: from before the connect to the last byte."""
    left_behind: int = 0
    """Processes of the role that still ran after it had ended on SIGTERM."""


def run(case: Case) -> Result:
    """Carries out one case between fresh hosts."""
    network.lay([(Role.APP, 0), (Role.DATABASE, 0), (Role.LOAD_WORKER, 0)])
    with tempfile.TemporaryDirectory() as folder:
        hosts = LocalHosts(
            Path(folder), roles_user(), "", {}, Programs(sys.executable, "", ""), Path(folder)
        )
        role = hosts.start(Role.DELAY, _spec(case, hosts))
        try:
            return _observe(case, role, hosts.out(Role.DELAY))
        finally:
            role.kill()
            network.clear()


def _spec(case: Case, hosts: LocalHosts) -> DelaySpec:
    peers = {Link.FRONT: Role.LOAD_WORKER, Link.DATA: Role.DATABASE}
    return DelaySpec(
        delay_ms=case.delay_ms,
        mechanism=case.mechanism,
        interval_s=0.2,
        links=tuple(
            LinkSpec(
                name=str(link),
                address=hosts.address(Role.APP, link),
                prefix=network.PREFIX_LENGTH,
                peer=hosts.address(peer, link),
                delayed=str(link) in case.delayed,
            )
            for link, peer in peers.items()
        ),
    )


def _observe(case: Case, role: Process, out: Path) -> Result:
    if not _written(role, out / "ready.json"):
        return _end(role)
    replies_ms = _replies_ms(case.replies) if case.replies else {}
    consumers = _children(role.pid)
    if case.kill_consumer:
        for pid in consumers:
            os.kill(pid, signal.SIGKILL)
    role.signal(signal.SIGUSR1)
    written = _written(role, out / "facts.json")
    ended = _end(role)
    return dataclasses.replace(
        ended,
        facts=json.loads((out / "facts.json").read_text()) if written else {},
        replies_ms=replies_ms,
        left_behind=sum(Path(f"/proc/{pid}").exists() for pid in consumers),
    )


def _written(role: Process, path: Path) -> bool:
    for _ in until(DEADLINE_S):
        if path.exists():
            return True
        if role.code() is not None:
            return False
    return False


def _end(role: Process) -> Result:
    role.signal(signal.SIGTERM)
    code = role.wait(DEADLINE_S)
    return Result(-1 if code is None else code, tuple(role.log_lines()))


def _children(pid: int) -> list[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # the name before it, in brackets, may hold anything
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    return [child for child, parent in parents.items() if parent == pid]


def _on(host: str, work: Callable[[], _Value]) -> _Value:
    """Runs `work` in a host's network namespace. (A namespace belongs to a thread.)"""
    done: Future[_Value] = Future()

    def inside() -> None:
        try:
            netns.setns(host)
            done.set_result(work())
        except Exception as error:
            done.set_exception(error)

    threading.Thread(target=inside, daemon=True).start()
    return done.result()


def _replies_ms(count: int) -> dict[str, list[float]]:
    """`count` replies of each size, one after the other, each on a connection of its own."""
    address = (network.address_of(Role.APP, Link.FRONT), PORT)
    server = _on(network.host_of(Role.APP), lambda: socket.create_server(address))
    # A sender that doubles what it sends each round trip, whatever this machine's default is
    # (bbr paces, cubic may leave slow start early): how many delays a reply takes is then fixed.
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
    with _serving(server):
        return _on(
            network.host_of(Role.LOAD_WORKER),
            lambda: {
                str(size): [_fetch_ms(address, size) for _ in range(count)] for size in SIZES_BYTES
            },
        )


@contextlib.contextmanager
def _serving(server: socket.socket) -> Iterator[None]:
    """Answers each connection: a line with a number of bytes, then that many."""

    def serve() -> None:
        with contextlib.suppress(OSError):  # closed: no more is wanted
            while True:
                connection, _ = server.accept()
                with connection, connection.makefile("rb") as asked:
                    connection.sendall(bytes(int(asked.readline())))
                    asked.read()

    threading.Thread(target=serve, daemon=True).start()
    with server:
        yield
        server.shutdown(socket.SHUT_RDWR)


def _fetch_ms(address: tuple[str, int], size_bytes: int) -> float:
    begun_s = time.monotonic()
    with socket.create_connection(address, DEADLINE_S) as connection:
        connection.sendall(b"%d\n" % size_bytes)
        left = size_bytes
        while left and (data := connection.recv(1 << 20)):
            left -= len(data)
        took_ms = (time.monotonic() - begun_s) * 1000
    if left:
        raise OSError(f"a reply of {size_bytes} bytes ended {left} bytes early")
    return took_ms


def observe(cases: Sequence[Case], through: Sequence[str] = ()) -> list[Result]:
    """Runs the lab, by way of `through`: a command that runs the command that follows it.

    RuntimeError, with all it said, where the lab breaks.
    """
    told = json.dumps([dataclasses.asdict(case) for case in cases])
    done = subprocess.run(
        [*through, sys.executable, "-m", "tests.integration.delay_lab", told],
        cwd=PROJECT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=LAB_DEADLINE_S,
    )
    if done.returncode:
        raise RuntimeError(f"the delay lab exited with {done.returncode}: {done}")
    return results(done.stdout.splitlines()[-1])


def results(said: str) -> list[Result]:
    """What the lab printed, as values."""
    return [Result(**result) for result in json.loads(said)]


def expected_delays(size_bytes: int) -> int:
    """How many delays a reply on a new connection takes where only the server's packets wait.

    One for the SYN-ACK; then a sender that begins with 10 segments and doubles needs n round
    trips, the last of them one way, for 10 x (2^n - 1) segments.
    """
    segments = math.ceil(size_bytes / SEGMENT_BYTES)
    return 1 + math.ceil(math.log2(segments / 10 + 1))


def delays(result: Result, delay_ms: float) -> dict[int, int]:
    """By size of reply in bytes: the delays it took; of its repeats, the least disturbed one."""
    return {
        int(size): round(min(took_ms) / delay_ms) for size, took_ms in result.replies_ms.items()
    }


def quiet_median_ms(result: Result, link: str) -> float:
    """The median round trip of a path before and after everything else."""
    moments: Mapping[str, list[float]] = result.facts["rtt_ms"][link]
    return statistics.median([*moments["before"], *moments["after"]])


def main() -> int:
    """Cases as JSON in, results as JSON out."""
    if not sandbox.inside():
        return sandbox.enter(["-m", "tests.integration.delay_lab", *sys.argv[1:]])
    sandbox.settle()
    cases = [Case(**case) for case in json.loads(sys.argv[1])]
    print(json.dumps([dataclasses.asdict(run(case)) for case in cases]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
