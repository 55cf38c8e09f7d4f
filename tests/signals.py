"""Sends signals to programs of the rig, and says how those have to end."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

ONE_LINE = ("interrupted", "interrupted; python runner.py resume goes on")


def handles_signals(pid: int) -> bool:
    """Whether Python has come to the program's first lines."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def started(command: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    """A process of the rig, as soon as its first line has run."""
    process = subprocess.Popen(
        command, cwd=folder, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    give_up_s = time.monotonic() + 60
    while not handles_signals(process.pid):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up_s
    return process


def has_ended(pid: int) -> bool:
    """Whether the kernel takes a process apart, or has: no signal reaches it any more."""
    try:
        state, *more = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        # sending a signal looks first, and then waits for one that has ended
        return True
    exiting = 0x4
    return state == "Z" or bool(int(more[5]) & exiting)


def interrupted(process: subprocess.Popen[str], *numbers: signal.Signals) -> None:
    """Sends signals; asserts that the command ends as it should, unless it had ended before."""
    over = False
    with process:
        for number in numbers:
            process.send_signal(number)
            over = over or has_ended(process.pid)
        _, said = process.communicate(timeout=60)
    if process.returncode == 0:
        assert (over, said) == (True, "")
    else:
        assert process.returncode == 130, said
        assert said.rstrip("\n") in ONE_LINE
