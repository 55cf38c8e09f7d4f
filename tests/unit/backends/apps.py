"""An app's process as the rig holds it, which did what a test says."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class App:
    """A ProcessHandle: an app that runs, or has ended with a code."""

    ended: int | None = None
    lines: Sequence[str] = ("ImproperlyConfigured: no SECRET_KEY",)
    pid: int = 1

    def code(self) -> int | None:
        return self.ended

    def log_lines(self) -> list[str]:
        return list(self.lines)

    def signal(self, number: signal.Signals) -> None: ...

    def wait(self, deadline_s: float) -> int | None:
        return self.ended

    def kill(self) -> None: ...
