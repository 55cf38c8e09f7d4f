"""What an app worker counts of itself, in a small mapped file that others read without asking it.

A file per app worker process in the folder BENCH_COUNTERS; without that variable the same
counting goes into anonymous memory, so that it costs the same. May not know who reads: the
reader (`rig/evidence/app_counters.py`) has the layout a second time, and a contract test holds
both together. Runs on the target's own Python, 3.8 or later.

Each thread has a tally of its own, which no other writes: a count needs no lock, with or without a
global interpreter lock; one store of 64 bits is whole. Where there are more threads than tallies,
the others share the last one, with a lock. A tally's version and counts tell all: requests ended
are the sum of its counts, requests begun and ended together are half its version.

Layout: native 64-bit slots, u64 or f64, in this order.

     0  u64  MAGIC, written last
     1  u64  process id, as the app worker itself sees it
     2  f64  when it began, s on CLOCK_MONOTONIC
     3  f64  the event loop's largest lag in the last one to two windows, ms; NaN without a loop
     4  f64  its largest lag so far, ms; NaN without a loop
     5  f64  when the loop is due to wake up next, s on CLOCK_MONOTONIC; NaN without a loop
     6  u64  tallies in use
     7  u64  routes in use, the last of them for all others where it has no room of its own
     8  ROUTES times: 24 bytes of name, UTF-8, padded by zeros
    56  TALLIES times, 24 slots each:
         0  u64  version: odd while this tally is being changed, then 2 more than before
         1  f64  busy time: the sum of ends minus the sum of beginnings, s on CLOCK_MONOTONIC; those
                 in progress times "now" are to be added
         2  u64  requests ended with a status of 400 or more, or none
         3  ROUTES times: u64 requests ended with a status below 400
"""

from __future__ import annotations

import asyncio
import contextvars
import mmap
import os
import threading
from math import nan
from pathlib import Path
from threading import get_ident
from time import monotonic
from typing import Callable

MAGIC = 0x32_4F_46_4E_4B_43_4F_50
PID, STARTED, LAG, LAG_EVER, DUE, TALLIES_USED, ROUTES_USED = range(1, 8)
FIRST_ROUTE, ROUTES, NAME_BYTES = 8, 16, 24
FIRST_TALLY, TALLIES, TALLY_SLOTS = FIRST_ROUTE + ROUTES * NAME_BYTES // 8, 32, 24
OTHERS = "(others)"
SIZE_BYTES = 8 * (FIRST_TALLY + TALLIES * TALLY_SLOTS)

BEAT_S = 0.05
"""How often an event loop is asked to wake up: rarely enough to cost it nothing."""
WINDOW_S = 1.5
"""A lag can be read for at least so long, so that a reader once a second misses none."""


class Tally:
    """The counts of one thread, which alone may call it."""

    def __init__(
        self, whole: memoryview[int], real: memoryview[float], place_of: Callable[[str], int]
    ) -> None:
        """Takes its zeroed slots, as u64 and as f64, and what tells a route's place."""
        self._whole, self._real, self._place_of = whole, real, place_of
        # numbers kept here are only ever written there: to read them back costs as much again
        self._version, self._busy_s, self._counts = 0, 0.0, [0] * (3 + ROUTES)
        self._places: dict[str, int] = {}

    def begin(self) -> None:
        """A request has begun."""
        whole, version = self._whole, self._version
        whole[0] = version + 1
        self._busy_s = self._real[1] = self._busy_s - monotonic()
        self._version = whole[0] = version + 2

    def end(self, route: str, correct: bool) -> None:
        """One has ended, with a status below 400 or not."""
        place = self._places.get(route) or self._new_place(route)
        if not correct:
            place = 2
        whole, version, counts = self._whole, self._version, self._counts
        whole[0] = version + 1
        self._busy_s = self._real[1] = self._busy_s + monotonic()
        counts[place] = whole[place] = counts[place] + 1
        self._version = whole[0] = version + 2

    def _new_place(self, route: str) -> int:
        place = self._places[route] = 3 + self._place_of(route)
        return place


class SharedTally(Tally):
    """The counts of all threads that have none of their own."""

    def __init__(
        self, whole: memoryview[int], real: memoryview[float], place_of: Callable[[str], int]
    ) -> None:
        super().__init__(whole, real, place_of)
        self._lock = threading.Lock()

    def begin(self) -> None:
        with self._lock:
            super().begin()

    def end(self, route: str, correct: bool) -> None:
        with self._lock:
            super().end(route, correct)


class Counters:
    """The counts of one app worker; threads may share it, processes may not."""

    def __init__(self, memory: mmap.mmap) -> None:
        """Takes zeroed memory of `SIZE_BYTES`."""
        self._memory = memory
        self._whole, self._real = memoryview(memory).cast("Q"), memoryview(memory).cast("d")
        self._lock = threading.Lock()
        self._by_thread: dict[int, Tally] = {}
        self._shared: Tally | None = None
        self._places: dict[str, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beating: asyncio.Task[None] | None = None
        self._whole[PID] = os.getpid()
        self._real[STARTED] = monotonic()
        self._real[LAG] = self._real[LAG_EVER] = self._real[DUE] = nan
        self._whole[0] = MAGIC

    def mine(self) -> Tally:
        """The tally of the thread that asks. A thread's number is another's only once it ended."""
        return self._by_thread.get(get_ident()) or self._new_tally()

    def _new_tally(self) -> Tally:
        with self._lock:
            if self._shared is not None:
                return self._shared
            used = len(self._by_thread)
            first = FIRST_TALLY + used * TALLY_SLOTS
            own = slice(first, first + TALLY_SLOTS)
            kind = Tally if used < TALLIES - 1 else SharedTally
            tally = kind(self._whole[own], self._real[own], self._place)
            self._whole[TALLIES_USED] = used + 1
            if isinstance(tally, SharedTally):
                self._shared = tally
            else:
                self._by_thread[get_ident()] = tally
            return tally

    def _place(self, route: str) -> int:
        """A route's place; the last one is for all that there is no room for."""
        with self._lock:
            if route not in self._places:
                place = min(len(self._places), ROUTES - 1)
                first = 8 * FIRST_ROUTE + place * NAME_BYTES
                name = (route if place < ROUTES - 1 else OTHERS).encode()[:NAME_BYTES]
                self._memory[first : first + len(name)] = name
                self._whole[ROUTES_USED] = place + 1
                self._places[route] = place
            return self._places[route]

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
