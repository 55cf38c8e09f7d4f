"""What one load process holds while it runs: its spec, its clock, its recorder.

The load master and every load worker have their own. May not know users nor how they send.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from pathlib import Path
from typing import NoReturn

from rig.load.counting.recorder import Recorder
from rig.load.counting.session_count import SessionCount
from rig.load.gathering import Waiting
from rig.load.shape import Closed, Open
from rig.load.spec import OUT_VARIABLE, PLAIN, SPEC_VARIABLE, read_spec

SPEC = read_spec(Path(os.environ[SPEC_VARIABLE]))
MODEL = SPEC.model
OUT = Path(os.environ[OUT_VARIABLE])
FINAL_REPORT_DEADLINE_S = 20.0
CAUSE = "cause"
"""The file of a load process that says why it ended too early, in a line."""
STDERR = 2
GATHERS = (
    SPEC.headless and SPEC.users_file is None and SPEC.client == PLAIN and isinstance(MODEL, Closed)
)
"""Whether all users are there before the load begins, and come and go by themselves."""

END_S = SPEC.duration_s if SPEC.headless else math.inf
"""From which second on no request may begin, because nobody would count it."""

recorder = Recorder(SPEC.ramp_s, SPEC.duration_s, is_open=isinstance(MODEL, Open), raw=SPEC.raw)

sessions = SessionCount()
waiting = Waiting()
"""Of a load worker that gathers: its users, until the load begins."""


class LoadClock:
    """When the load began, on this machine's own CLOCK_MONOTONIC."""

    at_s = 0.0

    @classmethod
    def elapsed_s(cls) -> float:
        """Seconds since then."""
        return time.monotonic() - cls.at_s


def leave(says: str) -> NoReturn:
    """Ends this process at once, having said why."""
    say_cause(says)
    os._exit(1)


def say_cause(says: str) -> None:
    """Why this process, or the whole load, ends too early."""
    # a cause that was said before stays
    with contextlib.suppress(OSError), (OUT / CAUSE).open("x") as file:
        file.write(f"{says}\n")
    os.write(STDERR, f"{says}\n".encode())


def is_over(elapsed_s: float) -> bool:
    """Whether no request may begin any more: nobody would count it."""
    return recorder.frozen or elapsed_s >= END_S


class Present:
    """Users of this process whose turn it is."""

    users = 0


class _Received:
    """What all users of this process received since somebody last asked."""

    def __init__(self) -> None:
        self.body_bytes = 0

    def take(self) -> int:
        """Bytes of bodies."""
        taken, self.body_bytes = self.body_bytes, 0
        return taken


received = _Received()
