"""What one load process holds while it runs: its spec, its clock, its recorder.

The load master and every load worker have their own. May not know users nor how they send.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from rig.load.recorder import Recorder
from rig.load.session_count import SessionCount
from rig.load.shape import Open
from rig.load.spec import OUT_VARIABLE, SPEC_VARIABLE, read_spec

SPEC = read_spec(Path(os.environ[SPEC_VARIABLE]))
MODEL = SPEC.model
OUT = Path(os.environ[OUT_VARIABLE])
FINAL_REPORT_DEADLINE_S = 20.0

recorder = Recorder(SPEC.ramp_s, SPEC.duration_s, is_open=isinstance(MODEL, Open), raw=SPEC.raw)


sessions = SessionCount()


class LoadClock:
    """When the load began, on CLOCK_MONOTONIC, which all processes of a machine share."""

    at_s = 0.0

    @classmethod
    def elapsed_s(cls) -> float:
        """Seconds since then."""
        return time.monotonic() - cls.at_s


def is_over(elapsed_s: float) -> bool:
    """Whether no request may begin any more: nobody would count it."""
    return recorder.frozen or (SPEC.headless and elapsed_s >= SPEC.duration_s)


class Present:
    """Users of this process who are past their session, and ask."""

    users = 0


class Received:
    """What all users of this process received since somebody last asked."""

    body_bytes = 0

    @classmethod
    def take(cls) -> int:
        """Bytes of bodies."""
        taken, cls.body_bytes = cls.body_bytes, 0
        return taken
