"""Processes: what each role uses, and which app workers there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rig.model import Role
from rig.probes import proc
from rig.probes.base import Row, Simple
from rig.probes.proc import PROC

_ENTRY, _DELAY = "stack.app.entry", "stack.delay"
_TRACKER = "multiprocessing.resource_tracker"
"""A child of servers that start their app workers by `multiprocessing`; it serves nobody."""


class Unseen(Exception):
    """No process of a role can be seen: it runs under another kernel, or has ended."""


def app_master(pid: int, root: Path = PROC) -> int:
    """The target's own first process.

    In a container that is a child of the entry point, which also starts the delay role.
    """
    if _ENTRY not in proc.command(pid, root):
        return pid
    targets = [
        child for child in proc.children(pid, root) if _DELAY not in proc.command(child, root)
    ]
    return targets[0] if targets else pid


def delay_in(pid: int, root: Path = PROC) -> int:
    """The delay role inside the app's container; 0 where it is not there."""
    children = proc.children(pid, root)
    return next((child for child in children if _DELAY in proc.command(child, root)), 0)


def first_processes(
    pids: Mapping[Role, tuple[int, ...]], root: Path = PROC
) -> dict[Role, tuple[int, ...]]:
    """The first process of each role, with app and delay told apart where they share one.

    By index, as given: 0 stays for one that cannot be seen. A role of which none can has no place.
    """
    app = pids.get(Role.APP, (0,))[0]
    own = dict(pids)
    own[Role.APP] = (app_master(app, root),) if app else ()
    if not any(own.get(Role.DELAY, ())) and app and (delay := delay_in(app, root)):
        own[Role.DELAY] = (delay,)
    return {role: some for role, some in own.items() if any(some)}


class Processes(Simple):
    """CPU, memory, waits and throttling of each role, over all its processes.

    From /proc on every backend: it is one definition for containers and namespaces, and the
    app's container holds the delay role, too. Throttling alone is the control group's.
    """

    name = "processes"

    def __init__(
        self, pids: Mapping[Role, tuple[int, ...]], root: Path = PROC, node: str = ""
    ) -> None:
        """Unseen where no process of any role is there."""
        self._root, self._node = root, node
        self._firsts = first_processes(pids, root)
        if not any(proc.family(pid, root) for some in self._firsts.values() for pid in some):
            raise Unseen("no role's process can be seen here")
        self._waits: dict[tuple[Role, int], _Waits] = {}

    def sample(self, at_s: float) -> Iterable[Row]:
        """A row for each role and index that still runs."""
        for role, firsts in self._firsts.items():
            for index, first in enumerate(firsts):
                family = proc.family(first, self._root)
                found = [used for pid in family if (used := proc.used(pid, self._root))]
                if not found:
                    continue
                waits = self._waits.setdefault((role, index), _Waits({}, 0, 0))
                waits.add({used.pid: proc.waits(used.pid, self._root) for used in found})
                yield (
                    at_s,
                    str(role),
                    index,
                    len(found),
                    sum(used.cpu_s for used in found),
                    # what each holds alone, and once what they share
                    sum(used.private_bytes for used in found)
                    + max(used.shared_bytes for used in found),
                    waits.voluntary,
                    waits.involuntary,
                    proc.throttled_s(first, self._root),
                    self._node,
                )


@dataclass
class _Waits:
    """Waits added up over processes that come and go."""

    last: dict[int, tuple[int, int]]
    voluntary: int
    involuntary: int

    def add(self, now: dict[int, tuple[int, int]]) -> None:
        """What came since the last time; what a process did after it was last seen is lost."""
        for pid, (voluntary, involuntary) in now.items():
            before = self.last.get(pid, (0, 0))
            self.voluntary += max(0, voluntary - before[0])
            self.involuntary += max(0, involuntary - before[1])
        self.last = now


class AppWorkers:
    """Which processes the app's first process has started, and from when to when they were seen.

    A server that starts none is its own only worker.
    """

    name = "app_workers"

    def __init__(self, pids: Mapping[Role, tuple[int, ...]], root: Path = PROC) -> None:
        """Unseen where the app's process is not there."""
        self._root = root
        firsts = first_processes(pids, root).get(Role.APP, ())
        if not firsts or not proc.family(firsts[0], root):
            raise Unseen("the app's process cannot be seen here")
        self._first = firsts[0]
        self._seen: dict[int, tuple[float, float]] = {}
        self._looked_s = 0.0

    def sample(self, at_s: float) -> Iterable[Row]:
        """Tells nothing yet."""
        for pid in workers(self._first, self._root):
            self._seen[pid] = (self._seen.get(pid, (at_s, at_s))[0], at_s)
        self._looked_s = at_s
        return ()

    def rest(self) -> Iterable[Row]:
        """A row for each app worker there ever was."""
        return [(pid, *seen_s, self._looked_s) for pid, seen_s in self._seen.items()]

    def close(self) -> None:
        """Holds nothing."""


def workers(first: int, root: Path = PROC) -> list[int]:
    """The app workers below the app's first process: itself where it has started none."""
    below = [pid for pid in proc.children(first, root) if not _tracks(proc.command(pid, root))]
    return below or proc.family(first, root)[:1]


def _tracks(command: Sequence[str]) -> bool:
    return any(_TRACKER in word for word in command)
