"""How greenlets wait for a connection, and which connections they share. For load workers.

A watcher for a connection's whole life instead of one for each wait, and one sweep over all of them
instead of a timer for each request. May not know HTTP, Locust nor loads.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import gevent

from rig.load.answer import MOST_KEPT_BYTES, TIMEOUT, NoAnswer, Reader
from rig.load.exchange import NEVER_S, Connection
from rig.load.origin import Place

READ, WRITE = 1, 2
SWEEPS = 50
"""How many sweeps there are in a time-out; it comes late by one of them at most."""
SHORTEST_SWEEP_S, LONGEST_SWEEP_S = 0.01, 0.5


class Sweeper:
    """Wakes whoever waits beyond the deadline."""

    def __init__(self, timeout_s: float) -> None:
        every_s = min(max(timeout_s / SWEEPS, SHORTEST_SWEEP_S), LONGEST_SWEEP_S)
        self.watched: set[GreenletWaiting] = set()
        # no load is kept from ending by it
        self._timer: Any = gevent.get_hub().loop.timer(every_s, every_s, ref=False)
        self._timer.start(self._sweep)

    def _sweep(self) -> None:
        now_s = time.monotonic()
        for waiting in [one for one in self.watched if one.deadline_s <= now_s]:
            waiting.wake_overdue()

    def close(self) -> None:
        self._timer.stop()
        self._timer.close()


@functools.cache
def sweeper(timeout_s: float) -> Sweeper:
    """The one of all connections of this process with this time-out."""
    return Sweeper(timeout_s)


class GreenletWaiting:
    """One connection's waits. Everybody else runs meanwhile."""

    __slots__ = (
        *("deadline_s", "_descriptor", "_overdue", "_stale"),
        *("_hub", "_pause", "_resume", "_sweeper", "_watcher"),
    )

    def __init__(self, sweeper: Sweeper) -> None:
        self.deadline_s = NEVER_S
        self._sweeper = sweeper
        self._hub = gevent.get_hub()
        self._pause: Callable[[], object] = self._hub.switch
        self._resume: Callable[[], object] | None = None
        self._overdue = self._stale = False

    def opened(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._overdue = self._stale = False
        self._watcher = self._hub.loop.io(descriptor, READ)
        self._watcher.start(self._on_readable)
        self._sweeper.watched.add(self)

    def closing(self) -> None:
        self._sweeper.watched.discard(self)
        self._watcher.stop()
        self._watcher.close()

    def ended(self) -> bool:
        # noticed whenever others have run since; between two requests in a row nobody could see it
        return self._stale

    def readable(self) -> None:
        self._resume = gevent.getcurrent().switch
        try:
            self._pause()
        finally:
            self._resume = None
        if self._overdue:
            raise NoAnswer(TIMEOUT, "no whole answer in time")

    def writable(self) -> None:
        # what comes meanwhile would wake it again and again, and is read afterwards
        self._watcher.stop()
        writable = self._hub.loop.io(self._descriptor, WRITE)
        writable.start(self._wake)
        try:
            self.readable()
        finally:
            writable.stop()
            writable.close()
            self._watcher.start(self._on_readable)

    def wake_overdue(self) -> None:
        """The deadline has come. Called where greenlets are switched."""
        if self._resume is not None:
            self._overdue = True
            self._resume()

    def _wake(self) -> None:
        if self._resume is not None:
            self._resume()

    def _on_readable(self) -> None:
        if self._resume is not None:
            self._resume()
        else:
            # nobody asked: it has ended, or says what belongs to nobody
            self._watcher.stop()
            self._stale = True


class Client:
    """Connections to one place: as many as there are requests under way, and idle ones again."""

    def __init__(self, place: Place, timeout_s: float, sweeper: Sweeper) -> None:
        self._place, self._timeout_s, self._sweeper = place, timeout_s, sweeper
        self._idle: list[Connection] = []

    def ask(
        self,
        message: bytes,
        begun_s: float,
        is_head: bool,
        right_status: int,
        most_kept_bytes: int = MOST_KEPT_BYTES,
    ) -> Reader:
        """Sends one request once; gives the reader, whose answer stands until the next `ask`.

        `begun_s`: on CLOCK_MONOTONIC; the time-out is counted from it. NoAnswer where none came.
        """
        idle = self._idle
        connection = idle.pop() if idle else Connection(self._place, GreenletWaiting(self._sweeper))
        try:
            return connection.ask(
                message, begun_s + self._timeout_s, is_head, right_status, most_kept_bytes
            )
        finally:
            idle.append(connection)

    def close(self) -> None:
        """Closes what is idle."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()
