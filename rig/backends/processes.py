"""Starts and ends processes: the one place of the rig that does."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rig.disk import files
from rig.interruption import SIGNALS, Handing
from rig.model import StackError

REMOVE_DEADLINE_S = 300.0
LOG_ENDS_BYTES = 8 << 20
"""Of a log that is larger, so much is read of its beginning and of its end."""


class Process:
    """A process in a session of its own, so that no terminal's Ctrl-C reaches it."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Starts it; both its outputs go to `log`. StackError where it cannot be started.

        The log is this user's alone: who may only write to it cannot put another in its place.
        """
        self.log = log
        with open(log, "ab", opener=_own_log) as output:
            try:
                self._popen = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    env=environment,
                )
            except OSError as error:
                raise StackError(f"{command[0]} does not start: {error}") from error

    @property
    def pid(self) -> int:
        """Its process id; the role itself, as every wrapper before it execs."""
        return self._popen.pid

    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._popen.poll()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process alone; nothing if it has ended."""
        if self.code() is None:
            self._popen.send_signal(number)

    def wait(self, deadline_s: float) -> int | None:
        """Its exit code, or None where it still runs after `deadline_s`."""
        try:
            return self._popen.wait(deadline_s)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """Ends it and every process of its group, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait(5)

    def log_lines(self) -> list[str]:
        """What it printed so far; of very much, the beginning and the end."""
        said = files.read_ends(self.log, LOG_ENDS_BYTES, LOG_ENDS_BYTES)
        return said.decode(errors="replace").splitlines()


class Piped:
    """A process on whose input and output this one speaks; what else it prints goes to a log.

    Its input ends with this process, however that ends.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        """Starts it, in a session of its own. StackError where it cannot be started."""
        self._log = log
        with open(log, "ab", opener=_own_log) as errors:
            try:
                self._popen = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    start_new_session=True,
                )
            except OSError as error:
                raise StackError(f"{command[0]} does not start: {error}") from error

    def read(self, size: int) -> bytes:
        """So many bytes of its output, waiting for them; fewer once it has ended."""
        assert self._popen.stdout is not None
        return self._popen.stdout.read(size)

    def lines(self) -> Iterator[str]:
        """What it prints, line by line, to its end."""
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            yield line.decode(errors="replace").rstrip("\n")

    def write(self, data: bytes) -> None:
        """Into its input. OSError where it has ended."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(data)
        self._popen.stdin.flush()

    def close(self, deadline_s: float) -> None:
        """Ends its input and waits for its end; ends it after `deadline_s`."""
        assert self._popen.stdin is not None
        with contextlib.suppress(OSError):
            self._popen.stdin.close()
        try:
            self._popen.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait(5)
        # who reads it has come to its end by now
        assert self._popen.stdout is not None
        self._popen.stdout.close()

    def log_lines(self) -> list[str]:
        """What it printed beside its output."""
        said = files.read_ends(self._log, LOG_ENDS_BYTES, LOG_ENDS_BYTES)
        return said.decode(errors="replace").splitlines()


def _own_log(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def remove(folder: Path) -> None:
    """Removes a folder with all that is in it, however deep; what it cannot remove, stays.

    No link is followed, and none of the file system's limits on paths holds.
    """
    if not os.path.lexists(folder):
        return
    with contextlib.suppress(StackError):
        run(["rm", "-rf", "--", str(folder)], REMOVE_DEADLINE_S)


def remove_own(folder: Path, prefix: str) -> list[Path]:
    """Removes the folders in `folder` that begin so and are this user's, or anybody's for root."""
    uid = os.geteuid()
    found = [
        path
        for path in folder.glob(f"{prefix}*")
        if not path.is_symlink() and path.is_dir() and uid in (0, path.stat().st_uid)
    ]
    for path in found:
        remove(path)
    return found


@dataclass(frozen=True)
class CompletedProcess:
    """A command that ran to its end."""

    code: int
    out: str
    err: str


def completed(
    command: Sequence[str], deadline_s: float, environment: Mapping[str, str] | None = None
) -> CompletedProcess:
    """Runs a command to its end, whatever that is. StackError where it does not come in time."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=deadline_s,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    except OSError as error:
        raise StackError(f"{command[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{' '.join(command)} did not end within {deadline_s:g} s") from error
    return CompletedProcess(done.returncode, done.stdout, done.stderr)


def run(
    command: Sequence[str], deadline_s: float, environment: Mapping[str, str] | None = None
) -> str:
    """Runs a command to its end and gives what it printed.

    StackError, with its last lines, where it fails or does not end in time.
    """
    done = completed(command, deadline_s, environment)
    if done.code:
        said = (done.err.strip() or done.out.strip()).splitlines()
        what = " / ".join(said[-3:]) or f"exit code {done.code}"
        raise StackError(f"{' '.join(command)}: {what}")
    return done.out


def pipeline(first: Sequence[str], then: Sequence[str], deadline_s: float) -> None:
    """Runs two commands, what the first prints into the second.

    StackError, with what the one that failed said, where one does or they do not end in time.
    """
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as heard:
        giving = subprocess.Popen(
            first, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        )
        taking = subprocess.Popen(then, stdin=giving.stdout, stdout=heard, stderr=heard)
        assert giving.stdout is not None
        giving.stdout.close()
        try:
            codes = [one.wait(deadline_s) for one in (taking, giving)]
        except subprocess.TimeoutExpired as error:
            raise StackError(f"{' '.join(then)} did not end within {deadline_s:g} s") from error
        finally:
            for one in (taking, giving):
                one.kill()
                one.wait(5)
        # who takes ended first where both failed
        for code, command, words in zip(codes, (then, first), (heard, said), strict=True):
            if code:
                words.seek(0)
                lines = words.read().decode(errors="replace").strip().splitlines()
                raise StackError(f"{' '.join(command)}: {' / '.join(lines[-3:])}")


RELAY_EVERY_S = 0.02


def relay(
    command: Sequence[str], environment: Mapping[str, str], handed_on: Sequence[int] = ()
) -> int:
    """Runs a command on this terminal, handing it the signals sent to this process.

    The command's child is the runner itself, process 1 of its own namespace, which the kernel
    gives no signal that it has no handler for. As long as it has none, it is ended; so it is at
    the third signal. In a session of its own: a Ctrl-C then arrives once, by way of this process.
    The descriptors in `handed_on` stay open in it, by their numbers.
    """
    seen: list[int] = []
    relayed = 0
    with Handing(seen.append):
        child = subprocess.Popen(
            command, env=environment, start_new_session=True, pass_fds=tuple(handed_on)
        )
        # not one long wait: where a library has started threads, a signal may go to one of them,
        # and this one, which has to hand it on, would sleep on
        while (code := child.poll()) is None:
            for number in seen[relayed:]:
                relayed += 1
                _hand_on(child.pid, number, end=relayed > 2)
            time.sleep(RELAY_EVERY_S)
    return code if code >= 0 else 128 - code


def _hand_on(leader: int, number: int, end: bool) -> None:
    ready = [pid for pid in _children(leader) if _handles_signals(pid)]
    with contextlib.suppress(ProcessLookupError):
        if not ready or end:
            os.killpg(leader, signal.SIGKILL)
        for pid in ready:
            os.kill(pid, number)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    return []


def _handles_signals(pid: int) -> bool:
    """Whether a runner has come to its first line, where it installs its handlers."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            name, _, mask = line.partition(":")
            if name == "SigCgt":
                return all(int(mask, 16) >> (number - 1) & 1 for number in SIGNALS)
    return False


def until(deadline_s: float, every_s: float = 0.02) -> Iterator[float]:
    """Seconds left, again and again until none are: `for _ in until(5): look()`."""
    give_up_s = time.monotonic() + deadline_s
    while (left_s := give_up_s - time.monotonic()) > 0:
        yield left_s
        time.sleep(min(every_s, left_s))


def cpus_of(pid: int) -> str:
    """The CPUs a process may run on, as the kernel lists them; "" where it cannot be seen."""
    status = Path(f"/proc/{pid}/status")
    if not pid or not status.exists():
        return ""
    found = re.search(r"^Cpus_allowed_list:\s*(\S+)", status.read_text(), re.MULTILINE)
    return found[1] if found else ""


def is_real_time(pid: int) -> bool:
    """Whether a process goes before all ordinary ones; False where it cannot be seen."""
    try:
        return pid > 0 and os.sched_getscheduler(pid) in (os.SCHED_FIFO, os.SCHED_RR)
    except (OSError, AttributeError):  # it has ended, or this is no Linux
        return False
