"""Watches a local session from outside: its processes, and what it leaves on the machine."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.runs import Session, command, sessions

SCRATCH = Path("/var/tmp")
SCRATCH_NAMES = "async-django-rig-*"
PATIENCE_S = 60.0


def wait_for(done: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    give_up_s = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < give_up_s, f"not within {patience_s:g} s: {what}"
        time.sleep(0.02)


def scratch_folders() -> set[str]:
    return {str(path) for path in SCRATCH.glob(SCRATCH_NAMES)}


@dataclass(frozen=True)
class Machine:
    """What a session could leave behind, by kind."""

    scratch: frozenset[str]
    devices: frozenset[str]
    namespaces: frozenset[str]
    shared_memory: frozenset[str]

    def left_since(self, before: Machine) -> dict[str, set[str]]:
        """What is there now and was not before; empty where nothing is."""
        both = {name: getattr(self, name) - getattr(before, name) for name in vars(self)}
        return {name: set(new) for name, new in both.items() if new}


def machine() -> Machine:
    """What is there now."""
    segments = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    posix = [path.name for path in Path("/dev/shm").glob("PostgreSQL.*")]
    netns = Path("/run/netns")
    return Machine(
        frozenset(scratch_folders()),
        frozenset(path.name for path in Path("/sys/class/net").iterdir()),
        frozenset(path.name for path in netns.iterdir()) if netns.exists() else frozenset(),
        frozenset([*posix, *(" ".join(line.split()[:2]) for line in segments)]),
    )


def namespace(pid: int, kind: str) -> str:
    """A process's namespace; empty where it is gone or not ours to see."""
    with suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    return ""


def children(pid: int) -> list[int]:
    with suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in text.split()]
    return []


@dataclass
class Running:
    """A session of the real command line, under way."""

    process: subprocess.Popen[str]
    out: Path
    before: set[str]
    world: str = ""
    """The process-id namespace it lives in, once `reaches_load` has seen it."""

    @property
    def session(self) -> Session:
        return sessions(self.out)[-1]

    def reaches_load(self) -> None:
        """Waits until a trial's users are active."""
        wait_for(self._loading, "users are active", 120)
        (unshare,) = children(self.process.pid)
        (inside,) = children(unshare)
        self.world = namespace(inside, "pid")
        assert self.world not in ("", namespace(os.getpid(), "pid"))

    def _loading(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()
        if not sessions(self.out) or not self.session.names("began"):
            return False  # users are active while the session is calibrated, too
        for scratch in scratch_folders() - self.before:
            for told in Path(scratch).glob("trial-*/load_master/progress.jsonl"):
                with suppress(FileNotFoundError):
                    return told.stat().st_size > 0
        return False

    def pids(self, word: str = "") -> list[int]:
        """Its processes whose command line holds a word, as the host numbers them."""
        assert self.world
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            if namespace(int(path.name), "pid") != self.world:
                continue
            with suppress(OSError):
                if word.encode() in (path / "cmdline").read_bytes():
                    found.append(int(path.name))
        return sorted(found)

    def ends(self, deadline_s: float = PATIENCE_S) -> tuple[int, str, str]:
        """Its exit code and what it said. TimeoutExpired where it does not end."""
        out, err = self.process.communicate(timeout=deadline_s)
        return self.process.returncode, out, err

    def leaves_no_process(self) -> None:
        wait_for(lambda: not self.pids(), f"no process is left in {self.world}", 10)


@contextmanager
def running(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A session started and, whatever happens, ended."""
    before = scratch_folders()
    process = subprocess.Popen(
        command(*arguments), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})},
    )  # fmt: skip
    try:
        yield Running(process, cwd / "results", before)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
