"""The roles of one stack that were started, in that order: what each writes, how each ends.

May not know plans, nor what a role is for.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rig.backends import said
from rig.backends.base import Hosts, ProcessHandle, RoleSpec, tail
from rig.backends.parallel import in_parallel
from rig.backends.processes import until
from rig.model import Role, StackError

START_DEADLINE_S = 60.0
DATABASE_END_DEADLINE_S = 5.0


@dataclass(frozen=True)
class Started:
    """A role in its host."""

    role: Role
    index: int
    process: ProcessHandle

    @property
    def pid(self) -> int:
        """A process id; 0 where it has ended or cannot be known."""
        try:
            return self.process.pid
        except StackError:
            return 0


class Roles:
    """What was started on the hosts of one stack."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._started: list[Started] = []

    @property
    def started(self) -> Sequence[Started]:
        """All of them, in the order of their starts."""
        return self._started

    def of(self, role: Role) -> list[Started]:
        """Those of one role."""
        return [one for one in self._started if one.role == role]

    def start(self, role: Role, spec: RoleSpec, index: int = 0) -> Started:
        """Starts a role in its host. StackError where the host cannot."""
        one = Started(role, index, self._hosts.start(role, spec, index))
        self._started.append(one)
        return one

    def wait(
        self,
        one: Started,
        what: str,
        there: Callable[[], bool],
        deadline_s: float = START_DEADLINE_S,
    ) -> None:
        """Until it is `there`. StackError where it ended before, or did not `what` in time."""
        for _ in until(deadline_s):
            if there():
                return
            if one.process.code() is not None:
                raise StackError(f"{one.role} ended at its start: {self.why(one)}")
        raise StackError(f"{one.role} did not {what} within {deadline_s:g} s: {tail(one.process)}")

    def wait_for_file(self, one: Started, name: str, deadline_s: float = START_DEADLINE_S) -> Path:
        """A file of its folder, once it is written. StackError."""

        def path() -> Path:
            return self._hosts.out(one.role, one.index) / name

        self.wait(one, f"write {name}", lambda: os.path.lexists(path()), deadline_s)
        return path()

    def why(self, one: Started) -> str:
        """Why a role ended: as it says itself, else how its log ends."""
        cause = said.start_error(self._hosts.out(one.role, one.index) / said.CAUSE)
        return cause or tail(one.process)

    def logs(self) -> list[tuple[Started, str]]:
        """What each printed, with itself."""
        lines = in_parallel(lambda one: one.process.log_lines(), self._started)
        texts = ("".join(f"{line}\n" for line in some) for some in lines)
        return list(zip(self._started, texts, strict=True))

    def end(self) -> None:
        """Ends every one at once: the cluster is a copy that nobody needs again."""
        for one in self.of(Role.DATABASE):
            one.process.signal(signal.SIGQUIT)
            one.process.wait(DATABASE_END_DEADLINE_S)
        for one in reversed(self._started):
            one.process.kill()
