"""How greenlets wait for a connection, and which connections they share. For load workers.

A watcher for a connection's whole life instead of one for each wait, and one sweep over all of them
instead of a timer for each request. May not know HTTP, Locust nor loads.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterator
from types import MethodType
from typing import Any

import gevent
from gevent.hub import RawGreenlet

from rig.load.http.answer import ANY_STATUS, MOST_KEPT_BYTES, TIMEOUT, NoAnswer, Reader
from rig.load.http.exchange import NEVER_S, Connection
from rig.load.http.origin import Place

READ, WRITE = 1, 2
SWEEPS = 50
"""How many sweeps there are in a time-out, at least."""
SHORTEST_SWEEP_S, LONGEST_SWEEP_S = 0.01, 0.5
CLOSEST_SHARE, CLOSEST_SWEEP_S = 0.002, 0.002
"""A time-out comes late by no more than this share of it, nor by less than that."""


class Sweeper:
    """Wakes whoever waits beyond the deadline: looks now and then, and when the next one is due."""

    def __init__(self, timeout_s: float) -> None:
        self._every_s = min(max(timeout_s / SWEEPS, SHORTEST_SWEEP_S), LONGEST_SWEEP_S)
        # where many are overdue one after another, one sweep is for several of them
        self._closest_s = min(max(timeout_s * CLOSEST_SHARE, CLOSEST_SWEEP_S), self._every_s)
        self.watched: set[GreenletWaiting] = set()
        self._sweep_after(self._every_s)

    def _sweep_after(self, wait_s: float) -> None:
        # no load is kept from ending by it
        self._timer: Any = gevent.get_hub().loop.timer(wait_s, ref=False)
        self._timer.start(self._sweep)

    def _sweep(self) -> None:
        now_s = time.monotonic()
        for waiting in [one for one in self.watched if one.deadline_s <= now_s]:
            waiting.wake_overdue()
        due_s = min((one.deadline_s for one in self.watched), default=NEVER_S)
        self.close()
        self._sweep_after(min(max(due_s - time.monotonic(), self._closest_s), self._every_s))

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
        *("deadline_s", "stale", "_descriptor", "_hub", "_overdue", "_pause"),
        *("_resume", "_sweeper", "_watcher"),
    )

    def __init__(self, sweeper: Sweeper) -> None:
        self.deadline_s = NEVER_S
        self._sweeper = sweeper
        self._hub = gevent.get_hub()
        # gevent's own asks whoever waits what it has to say to that; here nobody has anything
        self._pause: Callable[[], object] = MethodType(RawGreenlet.switch, self._hub)
        self._resume: Callable[[], object] | None = None
        self._overdue = False
        # noticed whenever others have run since; between two requests in a row nobody could see it
        self.stale = False

    def opened(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._overdue = self.stale = False
        self._watcher = self._hub.loop.io(descriptor, READ)
        self._watcher.start(self._on_readable)
        self._sweeper.watched.add(self)

    def closing(self) -> None:
        self._sweeper.watched.discard(self)
        self._watcher.stop()
        self._watcher.close()

    def readable(self) -> None:
        current = gevent.getcurrent()
        assert current is not self._hub, "the hub itself cannot wait"
        self._resume = current.switch
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
            self.stale = True


class Streamed:
    """An answer whose head has come: the rest is read when somebody asks for it."""

    def __init__(self, connection: Connection, timeout_s: float, idle: list[Connection]) -> None:
        self._connection: Connection | None = connection
        self._timeout_s, self._idle = timeout_s, idle

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes, not decompressed. NoAnswer where it breaks off, or where nothing
        comes within the time-out."""
        while (connection := self._connection) is not None:
            piece, whole = connection.reader.taken_body(), connection.reader.whole
            if whole:
                self._end(connection)
            if piece:
                yield piece
            if not whole:
                try:
                    connection.read_on(time.monotonic() + self._timeout_s)
                except BaseException:
                    self._end(connection)
                    raise

    def close(self) -> None:
        """Gives up what was not read, and its connection with it."""
        if (connection := self._connection) is not None:
            if not connection.reader.whole:
                connection.close()
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        self._connection = None
        self._idle.append(connection)

    def __del__(self) -> None:
        self.close()


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

    def stream(self, message: bytes, begun_s: float, is_head: bool) -> tuple[Reader, Streamed]:
        """The same, as soon as the answer's head has come; and the way to its body."""
        idle = self._idle
        connection = idle.pop() if idle else Connection(self._place, GreenletWaiting(self._sweeper))
        streamed = Streamed(connection, self._timeout_s, idle)
        deadline_s = begun_s + self._timeout_s
        most = sys.maxsize
        reader = connection.ask(message, deadline_s, is_head, ANY_STATUS, most, until_head=True)
        return reader, streamed

    def close(self) -> None:
        """Closes what is idle."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()
