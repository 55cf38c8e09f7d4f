"""Signals to a runner that starts itself again in a world of its own, at any moment of that.

The one inside is process 1 there: the kernel gives it no signal that it has no handler for.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

from tests.runs import ROOT
from tests.shares import by_chance
from tests.signals import interrupted, started

pytestmark = [pytest.mark.campaign, pytest.mark.integration]

OUTER = """\
import os, sys
sys.path.insert(0, {root!r})
from rig import interruption
interruption.install()
from rig.backends import processes
from rig.backends.local import sandbox

code = 0
try:
    with interruption.Unwinding():
        inner = [sys.executable, {root!r} + "/runner.py", "plan", {root!r} + "/experiments.yaml"]
        code = processes.relay(sandbox.enter_command(inner), dict(os.environ))
except KeyboardInterrupt:
    pass
if interruption.interrupted() and code != 130:
    interruption.say()
interruption.end(130 if interruption.interrupted() else code)
"""
AFTER_S = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0)


@pytest.mark.parametrize("after_s", by_chance(AFTER_S))
def test_it_ends_with_130_and_one_line(tmp_path: Path, after_s: float) -> None:
    script = tmp_path / "outer.py"
    script.write_text(OUTER.format(root=str(ROOT)))
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    number = numbers[AFTER_S.index(after_s) % 3]
    process = started([sys.executable, str(script)], tmp_path)
    time.sleep(after_s)
    interrupted(process, number)
