"""The sandbox: the namespaces a local session lives in, which vanish with it.

The runner starts itself again inside new network, mount and process-id namespaces (and a user
namespace where it is not root) and is process 1 there. When it ends, however it ends, the kernel
ends every process inside and removes every namespace; nothing of it is ever visible outside.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rig.backends import processes
from rig.model import StackError

_INSIDE = "RIG_INSIDE_WORLD"
_OUTSIDE = "RIG_OUTSIDE_LIVES"
"""The variable with the end of a pipe to read from: it is at its end once the outer one is gone."""
NAMESPACES = Path("/run/netns")
END_DEADLINE_S = 20.0


def inside() -> bool:
    """Whether this process is the one inside."""
    return os.environ.get(_INSIDE) == "1" and os.getpid() == 1


def enter_command(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` as process 1 of a new sandbox."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    return [
        # a killed outer process takes the sandbox with it
        *("setpriv", "--pdeathsig", "KILL", "--"),
        *("unshare", *user, "--net", "--ipc", "--mount", "--pid", "--mount-proc"),
        *("--fork", "--kill-child", "--", *command),
    ]


def enter(arguments: Sequence[str], *handed_on: int) -> int:
    """Runs this same program inside a new sandbox, with these descriptors; its exit code."""
    command = enter_command([sys.executable, *arguments])
    # the other end is open in this process alone, until it ends
    watched, _ = os.pipe()
    marks = {_INSIDE: "1", _OUTSIDE: str(watched)}
    return processes.relay(command, {**os.environ, **marks}, (*handed_on, watched))


def orphaned() -> bool:
    """Whether the outer process ended before the kernel was told to take this one along."""
    watched = int(os.environ[_OUTSIDE])
    os.set_inheritable(watched, False)
    return bool(select.select([watched], [], [], 0)[0])


def settle() -> None:
    """Makes the sandbox ready for hosts: a place for their namespaces, private to it."""
    processes.run(["mount", "-t", "tmpfs", "-o", "mode=755", "rig", "/run"], 10)
    # a killed Postgres leaves its shared memory there: it has to vanish with the sandbox
    processes.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "rig", "/dev/shm"], 10)
    NAMESPACES.mkdir(mode=0o755)


def end_all() -> None:
    """Ends every process of this sandbox but the runner, whoever started it and hid it how well.

    A target may leave processes behind that outlive its first one: they would take the next
    trial's CPU, and could change files while the runner copies them. StackError where one stays.
    """
    if not inside():
        raise StackError("only a sandbox's first process may end all others")
    for _ in processes.until(END_DEADLINE_S):
        with contextlib.suppress(ProcessLookupError):  # there are no others
            os.kill(-1, signal.SIGKILL)
        if not _reaped():
            return
    raise StackError("a process that a target left behind does not end")


def _reaped() -> bool:
    """Takes note of ended children, orphans among them; whether there still are any."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def unsupported_reason() -> str:
    """Why this machine cannot make a sandbox, and what to do; empty where it can."""
    probe = "mount -t tmpfs rig /run && ip link add probe type bridge"
    try:
        processes.run(enter_command(["sh", "-c", probe]), 20)
    except StackError as error:
        return _advice(str(error))
    return ""


def _advice(error: str) -> str:
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if os.geteuid() != 0 and restricted.exists() and restricted.read_text().strip() == "1":
        return (
            f"{error}: unprivileged user namespaces are restricted; run as root, or "
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        )
    if "No such file" in error:
        return f"{error}: sudo apt install util-linux iproute2"
    return f"{error}: network namespaces are not allowed here; run as root on a machine of your own"
