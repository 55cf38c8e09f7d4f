"""Reads /proc and control groups: processes with all they started, and what these used.

Takes the folder that /proc is, so that a made tree can be read as well. What is not there is
None or left out; a process may end between any two reads.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

# the last two lines of a status, and no more of it
_SWITCHES_CHARS = 120
_SWITCHES = re.compile(r"\n(voluntary|nonvoluntary)_ctxt_switches:\s*(\d+)")
_NSPID = re.compile(r"^NSpid:.*?(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Used:
    """What one process has used so far."""

    pid: int
    started: int
    """When it was started, in the kernel's ticks: tells it from a later one with its id."""
    cpu_s: float
    """User and system time, with that of children it has waited for."""
    private_bytes: int
    shared_bytes: int


def family(pid: int, proc: Path = PROC) -> list[int]:
    """A process and all its descendants, itself first; empty if it has ended."""
    if not pid or not (proc / str(pid)).exists():
        return []
    found, rest = [], [pid]
    while rest:
        found.append(rest.pop(0))
        rest += children(found[-1], proc)
    return found


def children(pid: int, proc: Path = PROC) -> list[int]:
    """The children of all threads of a process."""
    found: list[int] = []
    for thread in _listed(f"{proc}/{pid}/task"):
        text = _read(f"{proc}/{pid}/task/{thread}/children")
        found += map(int, (text or "").split())
    return found


def command(pid: int, proc: Path = PROC) -> list[str]:
    """Its command line; empty if it has ended."""
    return (_read(proc / str(pid) / "cmdline") or "").rstrip("\0").split("\0")


def used(pid: int, proc: Path = PROC) -> Used | None:
    """What it used; None if it has ended."""
    stat, statm = _read(f"{proc}/{pid}/stat"), _read(f"{proc}/{pid}/statm")
    if not stat or not statm:
        return None
    # the name in parentheses may hold anything; field 3 comes after it
    fields = stat.rpartition(")")[2].split()
    resident, shared = (int(pages) * PAGE_BYTES for pages in statm.split()[1:3])
    return Used(
        pid=pid,
        started=int(fields[19]),
        cpu_s=sum(map(int, fields[11:15])) * TICK_S,
        private_bytes=resident - shared,
        shared_bytes=shared,
    )


def waits(pid: int, proc: Path = PROC) -> tuple[int, int]:
    """How often its threads gave the CPU up themselves, and how often it was taken from them."""
    counts = {"voluntary": 0, "nonvoluntary": 0}
    for thread in _listed(f"{proc}/{pid}/task"):
        text = _read(f"{proc}/{pid}/task/{thread}/status") or ""
        for kind, count in _SWITCHES.findall(text[-_SWITCHES_CHARS:]):
            counts[kind] += int(count)
    return counts["voluntary"], counts["nonvoluntary"]


def innermost(pid: int, proc: Path = PROC) -> int:
    """The process's own id as it sees it itself, inside its container; 0 if it has ended."""
    found = _NSPID.search(_read(proc / str(pid) / "status") or "")
    return int(found[1]) if found else 0


def throttled_s(pid: int, proc: Path = PROC, cgroups: Path = CGROUPS) -> float | None:
    """How long its control group was kept from the CPU by a quota; None where nobody counts."""
    for folder in _cpu_groups(pid, proc, cgroups):
        text = _read(folder / "cpu.stat")
        if text is None:
            continue
        counts = dict(line.split() for line in text.splitlines())
        if "throttled_usec" in counts:  # version 2
            return int(counts["throttled_usec"]) / 1e6
        if "throttled_time" in counts:  # version 1
            return int(counts["throttled_time"]) / 1e9
    return None


def _cpu_groups(pid: int, proc: Path, cgroups: Path) -> Iterator[Path]:
    """Where its group's `cpu.stat` may be; the file system's root may be the group itself."""
    for line in (_read(proc / str(pid) / "cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield cgroups / path.lstrip("/")
            yield cgroups / "unified" / path.lstrip("/")
        elif "cpu" in controllers.split(","):
            yield cgroups / controllers / path.lstrip("/")
            yield cgroups / "cpu" / path.lstrip("/")


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _read(path: Path | str) -> str | None:
    # not by Path.read_text: some hundred files a second are read in the load's own CPU time
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        parts = []
        while part := os.read(file, 1 << 16):
            parts.append(part)
        return b"".join(parts).decode(errors="replace")
    except OSError:  # it has ended since
        return None
    finally:
        os.close(file)
