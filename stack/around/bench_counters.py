"""What an app worker counts of itself, in a small mapped file that others read without asking it.

A file per app worker process in the folder BENCH_COUNTERS; without that variable the same
counting goes into anonymous memory, so that it costs the same. May not know who reads: the
reader (`rig/evidence/app_counters.py`) has the layout a second time, and a contract test holds
both together. Runs on the target's own Python, 3.8 or later.

Layout: native 64-bit slots, u64 or f64, in this order.

     0  u64  MAGIC, written last
     1  u64  version: odd while a count is being changed
     2  u64  process id, as the app worker itself sees it
     3  f64  when it began, s on CLOCK_MONOTONIC
     4  u64  requests begun
     5  u64  requests ended
     6  f64  busy time: the sum of ends minus the sum of beginnings, s on CLOCK_MONOTONIC; those
             in progress times "now" are to be added
     7  f64  the event loop's largest lag in the last one to two windows, ms; NaN without a loop
     8  f64  its largest lag so far, ms; NaN without a loop
     9  f64  when the loop is due to wake up next, s on CLOCK_MONOTONIC; NaN without a loop
    16  ROUTES times: 24 bytes of name, UTF-8, padded by zeros; u64 correct answers (status < 400)
"""

from __future__ import annotations

import asyncio
import contextvars
import mmap
import os
import threading
from math import nan
from pathlib import Path
from time import monotonic

MAGIC = 0x31_4F_46_4E_4B_43_4F_50
VERSION, PID, STARTED, BEGUN, ENDED, BUSY, LAG, LAG_EVER, DUE = range(1, 10)
FIRST_ROUTE, ROUTES, ROUTE_SLOTS, NAME_BYTES = 16, 16, 4, 24
OTHERS = "(others)"
SIZE_BYTES = 8 * (FIRST_ROUTE + ROUTES * ROUTE_SLOTS)

BEAT_S = 0.05
"""How often an event loop is asked to wake up: rarely enough to cost it nothing."""
WINDOW_S = 1.5
"""A lag can be read for at least so long, so that a reader once a second misses none."""


class Counters:
    """The counts of one app worker; threads may share it, processes may not."""

    def __init__(self, memory: mmap.mmap) -> None:
        """Takes zeroed memory of `SIZE_BYTES`."""
        self._memory = memory
        self._whole, self._real = memoryview(memory).cast("Q"), memoryview(memory).cast("d")
        self._lock = threading.Lock()
        self._routes: dict[str, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beating: asyncio.Task[None] | None = None
        self._whole[PID] = os.getpid()
        self._real[STARTED] = monotonic()
        self._real[LAG] = self._real[LAG_EVER] = self._real[DUE] = nan
        self._whole[0] = MAGIC

    def begin(self) -> None:
        """A request has begun."""
        whole, real = self._whole, self._real
        with self._lock:
            whole[VERSION] += 1
            whole[BEGUN] += 1
            real[BUSY] -= monotonic()
            whole[VERSION] += 1

    def end(self, route: str, correct: bool) -> None:
        """One has ended, with a status below 400 or not."""
        whole, real = self._whole, self._real
        with self._lock:
            slot = self._routes.get(route) or self._slot(route)
            whole[VERSION] += 1
            whole[ENDED] += 1
            real[BUSY] += monotonic()
            whole[slot] += correct
            whole[VERSION] += 1

    def _slot(self, route: str) -> int:
        """A new route's slot; the last one is for all that there is no room for."""
        place = min(len(self._routes), ROUTES - 1)
        first = FIRST_ROUTE + place * ROUTE_SLOTS
        name = (route if place < ROUTES - 1 else OTHERS).encode()[:NAME_BYTES]
        self._memory[8 * first : 8 * first + len(name)] = name
        self._routes[route] = first + ROUTE_SLOTS - 1
        return self._routes[route]

    def watch_loop(self) -> None:
        """Watches the running event loop's lag, from its first request on."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop = loop
            self._real[LAG] = self._real[LAG_EVER] = 0.0
            # a context of its own: a request's holds its database connection
            self._beating = contextvars.Context().run(loop.create_task, self._beat())

    async def _beat(self) -> None:
        real = self._real
        before_ms = window_ms = ever_ms = 0.0
        window_ends_s = monotonic() + WINDOW_S
        while True:
            due_s = real[DUE] = monotonic() + BEAT_S
            await asyncio.sleep(BEAT_S)
            now_s = monotonic()
            lag_ms = max(0.0, (now_s - due_s) * 1000)
            if now_s >= window_ends_s:
                before_ms, window_ms, window_ends_s = window_ms, 0.0, now_s + WINDOW_S
            window_ms, ever_ms = max(window_ms, lag_ms), max(ever_ms, lag_ms)
            real[LAG], real[LAG_EVER] = max(before_ms, window_ms), ever_ms


def opened(folder: str | None) -> Counters:
    """Counters in a new file of `folder`; in anonymous memory without one, or if it is closed."""
    if folder:
        # the beginning tells a process from an earlier one with its id
        path = Path(folder) / f"counters-{os.getpid()}-{monotonic():.6f}"
        try:
            with path.open("xb+") as file:
                file.truncate(SIZE_BYTES)
                return Counters(mmap.mmap(file.fileno(), SIZE_BYTES))
        except OSError:
            pass  # a target must serve all the same: its reader will say that there are none
    return Counters(mmap.mmap(-1, SIZE_BYTES))


_ours: Counters | None = None


def ours() -> Counters:
    """This process's counters, opened by the first who asks."""
    global _ours
    if _ours is None:
        _ours = opened(os.environ.get("BENCH_COUNTERS"))
    return _ours


def _forget() -> None:
    """A fork needs its own."""
    global _ours
    _ours = None


os.register_at_fork(after_in_child=_forget)
