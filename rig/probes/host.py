"""The machine that an observer stands on: stolen time, pressure, processes killed for memory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from rig.probes.base import Row, Simple
from rig.probes.proc import PROC, TICK_S

# of /proc/stat's first line: all but idle (3), iowait (4), steal (7) and what user already holds
_BUSY, _STEAL = (0, 1, 2, 5, 6), 7
_TOTAL = re.compile(r"^some .*total=(\d+)", re.MULTILINE)
_OOM = re.compile(r"^oom_kill (\d+)", re.MULTILINE)


class Host(Simple):
    """Counters of the whole machine since it was started; empty where its kernel has none."""

    name = "host"

    def __init__(self, node: str = "", root: Path = PROC) -> None:
        self._node, self._root = node, root

    def sample(self, at_s: float) -> Iterable[Row]:
        """One row. OSError where there is no /proc/stat."""
        lines = (self._root / "stat").read_text().splitlines()
        ticks = [int(word) for word in lines[0].split()[1:]]
        steal = ticks[_STEAL] * TICK_S if len(ticks) > _STEAL else None
        cpus = sum(line.startswith("cpu") for line in lines) - 1
        pressure = [self._pressure_s(kind) for kind in ("cpu", "io", "memory")]
        busy_s = sum(ticks[place] for place in _BUSY) * TICK_S
        counted = (busy_s, steal, *pressure, self._oom_kills(), cpus or os.cpu_count())
        return [(at_s, *counted, self._node)]

    def _pressure_s(self, kind: str) -> float | None:
        """Time in which some task waited for it."""
        try:
            found = _TOTAL.search((self._root / "pressure" / kind).read_text())
        except OSError:
            return None
        return int(found[1]) / 1e6 if found else None

    def _oom_kills(self) -> int | None:
        try:
            found = _OOM.search((self._root / "vmstat").read_text())
        except OSError:
            return None
        return int(found[1]) if found else None
