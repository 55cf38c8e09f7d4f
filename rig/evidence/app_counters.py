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

MAGIC = 0x31_4F_46_4E_4B_43_4F_50
_HEAD = struct.Struct("=QQQdQQdddd")
_FIRST_ROUTE_BYTES, _ROUTES = 16 * 8, 16
_ROUTE = struct.Struct("=24sQ")
SIZE_BYTES = _FIRST_ROUTE_BYTES + _ROUTES * _ROUTE.size
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
        for _ in range(_TRIES):
            data, now_s = os.pread(descriptor, SIZE_BYTES, 0), time.monotonic()
            if len(data) != SIZE_BYTES or _HEAD.unpack_from(data)[0] != MAGIC:
                return None
            version = _HEAD.unpack_from(data)[1]
            # at rest before the copy and still the same after it
            if version % 2 == 0 and os.pread(descriptor, 16, 0)[8:] == data[8:16]:
                return _count(data, now_s)
        return None
    finally:
        os.close(descriptor)


def _count(data: bytes, now_s: float) -> Count:
    _, _, pid, started_at_s, begun, ended, busy_s, lag_ms, _, due_s = _HEAD.unpack_from(data)
    late_ms = (now_s - due_s) * 1000
    correct: dict[str, int] = {}
    for place in range(_ROUTES):
        name, answers = _ROUTE.unpack_from(data, _FIRST_ROUTE_BYTES + place * _ROUTE.size)
        if name[0]:
            route = name.rstrip(b"\0").decode(errors="replace")
            correct[route] = correct.get(route, 0) + answers
    return Count(
        pid=pid,
        started_at_s=started_at_s,
        requests=begun,
        answered=ended,
        busy_s=busy_s + (begun - ended) * now_s,
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
