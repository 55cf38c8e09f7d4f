"""Roles in containers that are there already: started, signalled, asked for what they printed."""

from __future__ import annotations

import contextlib
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from rig.backends.docker.engine import Engine
from rig.backends.processes import LOG_ENDS_BYTES, Process, run, until
from rig.disk import files
from rig.model import StackError

MOST_EXIT_BYTES = 100
LOST_CODE = 125
"""Of a container whose end nobody could see."""


class Container(ABC):
    """A role in a container."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self._name = engine, name

    @property
    @abstractmethod
    def pid(self) -> int:
        """Its process id on this machine; 0 where it is another's."""

    @abstractmethod
    def code(self) -> int | None:
        """Its exit code; None while it runs."""

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to its first process."""
        if self.code() is None:
            with contextlib.suppress(StackError):  # it has ended meanwhile
                self._engine.docker("kill", "--signal", number.name, self._name)

    def wait(self, deadline_s: float) -> int | None:
        """Its exit code, or None where it still runs after `deadline_s`."""
        for _ in until(deadline_s, every_s=0.05):
            if (code := self.code()) is not None:
                return code
        return self.code()

    def kill(self) -> None:
        """Ends the container at once."""
        self.signal(signal.SIGKILL)

    def log_lines(self) -> list[str]:
        """What its first process printed."""
        command = self._engine.command("logs", self._name)
        return run(["sh", "-c", 'exec "$@" 2>&1', "sh", *command], 30).splitlines()


class WaitedContainer(Container):
    """One whose end a process of its own waits for."""

    def __init__(self, engine: Engine, name: str, log: Path) -> None:
        """Starts it. StackError where the engine does not."""
        super().__init__(engine, name)
        engine.docker("start", name)
        log.unlink(missing_ok=True)
        self._waiter = Process(engine.command("wait", name), log)

    @property
    def pid(self) -> int:
        """Its process id on the engine's machine."""
        return int(self._engine.docker("inspect", "--format", "{{.State.Pid}}", self._name))

    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._code() if self._waiter.code() is not None else None

    def _code(self) -> int:
        lines = self._waiter.log_lines()
        return int(lines[-1]) if lines and lines[-1].isdecimal() else LOST_CODE

    def wait(self, deadline_s: float) -> int | None:
        """Its exit code, or None where it still runs after `deadline_s`."""
        return None if self._waiter.wait(deadline_s) is None else self._code()

    def kill(self) -> None:
        """Ends the container at once."""
        super().kill()
        self._waiter.kill()


class DelayChild:
    """The delay role, which the app container's entry point starts.

    Its folder is in reach of that container's root alone.
    """

    pid = 0

    def __init__(self, engine: Engine, folder: Callable[[], Path], app: str) -> None:
        """`folder` gives what it has written by then; `app` is the container's name."""
        self._engine, self._folder, self._app = engine, folder, app

    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        try:
            said = files.read_text(self._folder() / "exit", MOST_EXIT_BYTES, follow=False)
        except FileNotFoundError:
            return None
        return int(said) if said else None

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal, by way of the entry point. ValueError for one that it keeps."""
        if number != signal.SIGUSR1:
            raise ValueError(f"{number.name} is not handed on")
        with contextlib.suppress(StackError):  # it has ended meanwhile
            self._engine.docker("kill", "--signal", number.name, self._app)

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
            said = files.read_ends(self._folder() / "log", LOG_ENDS_BYTES, LOG_ENDS_BYTES)
        except FileNotFoundError:
            return []
        return said.decode(errors="replace").splitlines()
