"""Runs a role whose folder ends in `-2` on a monotonic clock of its own, as on a machine that was
started earlier; any other one on this machine's.

    python -m bench.another_clock MODULE SPEC.json OUT/

Needs root. A time namespace is entered by the children of whoever makes it.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
from pathlib import Path

AHEAD_S = 100_000
ANOTHER = "-2"
HERE = os.geteuid() == 0 and Path("/proc/self/timens_offsets").exists()
WHY = "a time namespace needs root, and a kernel that has them"
_DIE_WITH_PARENT, _NEW_TIME = 1, 0x80


def _in_another_clock() -> None:
    """Returns in a child whose clock is ahead; the parent hands signals on and ends with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_TIME):
        raise OSError(ctypes.get_errno(), "no time namespace")
    Path("/proc/self/timens_offsets").write_text(f"monotonic {AHEAD_S} 0\n")
    ends = (signal.SIGTERM, signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    if child := os.fork():
        for number in ends:
            signal.signal(number, lambda number, _: os.kill(child, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)


if __name__ == "__main__":
    module = sys.argv.pop(1)
    if sys.argv[2].endswith(ANOTHER):
        _in_another_clock()
    runpy.run_module(module, run_name="__main__", alter_sys=True)
