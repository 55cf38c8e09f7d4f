"""What this machine can do: looked at, never assumed."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from rig.backends.base import CONTRIB
from rig.backends.diagnosis import Diagnosis
from rig.backends.local import sandbox
from rig.backends.local.hosts import may_be_real_time
from rig.backends.machine import binaries
from rig.backends.machine.user import roles_user
from rig.backends.processes import run
from rig.backends.specs import PROJECT
from rig.model import StackError

OPEN_FILES_WANTED = 4096
NETLINK_BYTES_WANTED = 2 << 20


def examine() -> Iterator[Diagnosis]:
    """Every finding, in the order in which a session needs them."""
    if sys.platform != "linux":
        yield Diagnosis("Linux", False, f"this is {sys.platform}; use --backend compose")
        return
    unsupported_reason = sandbox.unsupported_reason()
    yield Diagnosis("namespaces", not unsupported_reason, unsupported_reason or f"as {_who()}")
    if not unsupported_reason:
        yield _delay()
    yield _netlink_room()
    fine = may_be_real_time()
    message = "the load workers' and the delay's" if fine else "none; ulimit -r 10 would allow it"
    yield Diagnosis("real-time priority", fine, message, needed=False)
    yield _postgres()
    yield _optional("PgBouncer", "pgbouncer", "its cells")
    yield _optional("Redis", "redis-server", "targets that need it")
    cpus = sorted(os.sched_getaffinity(0))
    message = f"{len(cpus)}: {', '.join(map(str, cpus))}"
    yield Diagnosis("CPUs", len(cpus) >= 2, message + ("" if len(cpus) > 1 else "; 2 are needed"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= OPEN_FILES_WANTED
    limit = "unlimited" if hard == resource.RLIM_INFINITY else str(hard)
    do = "" if enough else f"; raise it: ulimit -Hn {OPEN_FILES_WANTED}"
    yield Diagnosis("open files", enough, f"{soft} now, {limit} at most{do}", needed=False)


def fit() -> bool:
    """Whether the local backend can run here."""
    return all(finding.fine for finding in examine() if finding.needed)


def _who() -> str:
    user = roles_user()
    return f"root; roles run as {user.name}" if user.other else f"{user.name}, an ordinary user"


def _delay() -> Diagnosis:
    command = [sys.executable, "-m", "stack.delay.probe"]
    search = f"PATH={binaries.SEARCH_PATH}"
    wrapped = ["env", f"--chdir={PROJECT}", search, *command]
    try:
        return Diagnosis("delay", True, run(sandbox.enter_command(wrapped), 30).strip())
    except StackError as error:
        do = "make setup, or: sudo apt install iptables"
        return Diagnosis("delay", False, f"{error}; {do}")


def _netlink_room() -> Diagnosis:
    """Root may exceed the limit; an ordinary user's NFQUEUE consumer loses bursts above it."""
    most_bytes = int(Path("/proc/sys/net/core/rmem_max").read_text())
    fine = os.geteuid() == 0 or most_bytes >= NETLINK_BYTES_WANTED
    do = "" if fine else f"; sudo sysctl net.core.rmem_max={2 * NETLINK_BYTES_WANTED}"
    return Diagnosis("netlink buffer", fine, f"{most_bytes} bytes{do}", needed=False)


def _postgres() -> Diagnosis:
    try:
        found = binaries.find()
    except StackError as error:
        return Diagnosis("Postgres", False, str(error))
    where = f"{found.postgres_version} in {found.postgres_dir}"
    lacks = [name for name in CONTRIB if name not in found.extensions]
    without = f"; without {', '.join(lacks)}: make setup, or: sudo apt install postgresql"
    return Diagnosis("Postgres", True, where + without * bool(lacks))


def _optional(name: str, program: str, skipped: str) -> Diagnosis:
    """A program of which Debian's package has the name, and what is skipped without it."""
    path = binaries.which(program)
    if not path:
        message = f"not here; {skipped} will be skipped. make setup, or: sudo apt install {program}"
        return Diagnosis(name, False, message, needed=False)
    try:
        version = run([path, "--version"], 20).splitlines()[0]
    except StackError as error:
        return Diagnosis(name, False, str(error), needed=False)
    return Diagnosis(name, True, f"{version} in {path}", needed=False)
