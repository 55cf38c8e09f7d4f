"""How busy one load worker is: its CPU share, how late it wakes up, its users, each second.

Pure: it is told the time. A load worker that wakes up late also notices answers late, so this
lateness is the error of every response time it measures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rig.load.counting.hlog import encode, tally
from rig.load.counting.report import Lags, MeteredSecond
from rig.model import nearest_rank

INTERVAL_S = 0.05
"""How long the greenlet that calls `tick` sleeps in between."""


def lags_of(lags_us: Sequence[int]) -> Lags | None:
    """How late each wake-up of a second was, together; None where there was none."""
    if not lags_us:
        return None
    ordered = sorted(lags_us)
    p50_us, p99_us = (ordered[nearest_rank(len(ordered), share) - 1] for share in (0.5, 0.99))
    return Lags(p50_us, p99_us, ordered[-1], encode(tally(ordered)))


class Meter:
    """One load worker's seconds."""

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None
        self._second = 0
        self._users = 0
        self._lags_us: defaultdict[int, list[int]] = defaultdict(list)
        self._seconds: list[MeteredSecond] = []

    def tick(self, at_s: float, cpu_s: float, users: int, late_s: float = 0.0) -> None:
        """The greenlet woke up `late_s` too late. `cpu_s`: of the whole process, ever rising."""
        self._lags(at_s - late_s, late_s)
        if self._began is None:
            self._began, self._second = (at_s, cpu_s), int(at_s)
        elif int(at_s) > self._second:
            self._close(at_s, cpu_s)
        self._users = users

    def _lags(self, due_s: float, late_s: float) -> None:
        # whoever oversleeps by a second has missed all the wake-ups in it, too
        while late_s >= 0:
            self._lags_us[int(due_s)].append(round(late_s * 1e6))
            due_s += INTERVAL_S
            late_s -= INTERVAL_S

    def _close(self, at_s: float, cpu_s: float) -> None:
        assert self._began is not None
        since_s, used_s = self._began
        share = (cpu_s - used_s) / (at_s - since_s)
        while self._second < int(at_s):
            self._append(share)
            self._second += 1
        self._began = (at_s, cpu_s)

    def end(self, at_s: float, cpu_s: float) -> None:
        """Closes the second that is under way, however much of it is over."""
        if self._began is None:
            return
        if int(at_s) > self._second:
            self._close(at_s, cpu_s)
        since_s, used_s = self._began
        if at_s > since_s:
            self._append((cpu_s - used_s) / (at_s - since_s))
        self._began = None

    def _append(self, share: float) -> None:
        lags = lags_of(self._lags_us.pop(self._second, []))
        self._seconds.append(MeteredSecond(self._second, share, self._users, lags))

    def drain(self) -> list[MeteredSecond]:
        """The seconds that are new since the last drain."""
        seconds, self._seconds = self._seconds, []
        return seconds
