"""What app workers have counted of themselves, read from their mapped files.

May not ask the app anything: it is read while 500 users queue before it, and after it is gone.
The layout is told in `stack/around/bench_counters.py`, which writes it; a contract test holds both
together.
"""

from __future__ import annotations

import math
import os
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rig.disk.files import open_regular
from rig.model import DamagedFile

MAGIC = 0x32_4F_46_4E_4B_43_4F_50
_HEAD = struct.Struct("=QQddddQQ")
_NAME_BYTES, _ROUTES = 24, 16
_TALLY = struct.Struct(f"=QdQ{_ROUTES}Q")
_TALLY_BYTES, _TALLIES = 24 * 8, 32
_FIRST_TALLY_BYTES = _HEAD.size + _ROUTES * _NAME_BYTES
SIZE_BYTES = _FIRST_TALLY_BYTES + _TALLIES * _TALLY_BYTES
_TRIES = 200
MOST_FILES = 1000


@dataclass(frozen=True)
class Count:
    """One app worker's counts at one moment."""

    pid: int
    """As the app worker itself sees it: inside a container another than outside."""
    started_at_s: float
    requests: int
    answered: int
    busy_s: float
    """Time inside requests, those in progress included; above elapsed time where they overlap."""
    lag_max_ms: float | None
    """The event loop's largest lag of the last 1.5 to 3 s; None without an event loop."""
    correct: Mapping[str, int]
    """Answers with a status below 400, by route."""


def read(path: Path) -> Count | None:
    """The counts in one file; None where it is none, or is never found at rest."""
    try:
        descriptor = open_regular(path, SIZE_BYTES, follow=False)
    except (OSError, DamagedFile):
        return None
    try:
        head = os.pread(descriptor, _FIRST_TALLY_BYTES, 0)
        if len(head) != _FIRST_TALLY_BYTES or _HEAD.unpack_from(head)[0] != MAGIC:
            return None
        used = min(_HEAD.unpack_from(head)[6], _TALLIES)
        tallies = []
        for number in range(used):
            if (tally := _tally(descriptor, number)) is None:
                return None
            tallies.append(tally)
        # after the tallies, so that it names every route that they count
        head, now_s = os.pread(descriptor, _FIRST_TALLY_BYTES, 0), time.monotonic()
        if len(head) != _FIRST_TALLY_BYTES:
            return None
        return _count(head, now_s, tallies)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class _Tally:
    """One thread's counts at one moment."""

    begun: int
    ended: int
    busy_s: float
    correct: tuple[int, ...]
    """By the route's place."""


def _tally(descriptor: int, number: int) -> _Tally | None:
    """One thread's counts; None where they are never found at rest."""
    first = _FIRST_TALLY_BYTES + number * _TALLY_BYTES
    for _ in range(_TRIES):
        data, now_s = os.pread(descriptor, _TALLY.size, first), time.monotonic()
        if len(data) != _TALLY.size:
            return None
        version, busy_s, incorrect, *correct = _TALLY.unpack(data)
        # at rest before the copy and still the same after it
        if version % 2 == 0 and os.pread(descriptor, 8, first) == data[:8]:
            ended = incorrect + sum(correct)
            begun = version // 2 - ended
            return _Tally(begun, ended, busy_s + (begun - ended) * now_s, tuple(correct))
    return None


def _count(head: bytes, now_s: float, tallies: list[_Tally]) -> Count:
    _, pid, started_at_s, lag_ms, _, due_s, _, routes = _HEAD.unpack_from(head)
    late_ms = (now_s - due_s) * 1000
    correct: dict[str, int] = {}
    for place in range(min(routes, _ROUTES)):
        first = _HEAD.size + place * _NAME_BYTES
        route = head[first : first + _NAME_BYTES].rstrip(b"\0").decode(errors="replace")
        answers = sum(tally.correct[place] for tally in tallies)
        correct[route] = correct.get(route, 0) + answers
    return Count(
        pid=pid,
        started_at_s=started_at_s,
        requests=sum(tally.begun for tally in tallies),
        answered=sum(tally.ended for tally in tallies),
        busy_s=sum(tally.busy_s for tally in tallies),
        # a loop that is blocked just now cannot say so itself
        lag_max_ms=None if math.isnan(lag_ms) else max(lag_ms, late_ms),
        correct=correct,
    )


def files(folder: Path) -> list[Path]:
    """Every app worker's file, those of workers that have ended included.

    The target can make as many as it likes: only so many are looked at.
    """
    with os.scandir(folder) as entries:
        found = (Path(entry.path) for entry in entries if entry.name.startswith("counters-"))
        return sorted(islice(found, MOST_FILES))


def correct_by_route(folder: Path) -> dict[str, int] | None:
    """Correct answers of all app workers together, dead ones included.

    None where the target counts nothing.
    """
    counts = [count for path in files(folder) if (count := read(path)) is not None]
    if not counts:
        return None
    total: dict[str, int] = {}
    for count in counts:
        for route, correct in count.correct.items():
            total[route] = total.get(route, 0) + correct
    return total
