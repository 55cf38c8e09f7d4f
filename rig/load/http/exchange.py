"""One request and its answer over a connection: sent once, and never again in silence.

The one client of everything that asks a target: what checks it, what asks without load, and the
load. How it waits is given to it (`Waiting`); may not know gevent, nor what an answer should be.
"""

from __future__ import annotations

import _socket
import errno
import math
import os
import select
import time
from collections.abc import Callable
from typing import Protocol

from rig.load.http.answer import (
    FAILED,
    KEPT_CLOSED,
    MOST_KEPT_BYTES,
    REFUSED,
    RESET,
    TIMEOUT,
    NoAnswer,
    Reader,
)
from rig.load.http.origin import Place
from rig.load.http.tls import TlsSocket, channel

FIRST_BYTES, MORE_BYTES = 16_384, 98_304
"""How much is received at once: more costs memory to be made, and pays where there is as much. From
128 kB on malloc has the kernel map and unmap it each time, which costs more than it saves."""
NEVER_S = math.inf


class Waiting(Protocol):
    """How whoever asks waits: until `deadline_s` on CLOCK_MONOTONIC, then NoAnswer (`timeout`)."""

    deadline_s: float

    def opened(self, descriptor: int) -> None:
        """There is a socket to wait for."""

    def closing(self) -> None:
        """It is about to be closed."""

    @property
    def stale(self) -> bool:
        """Whether a connection that nobody uses has ended, or has what nobody asked for."""

    def readable(self) -> None:
        """Waits until there is something to receive, or an end."""

    def writable(self) -> None:
        """Waits until something can be sent."""


class Connection:
    """One user's connection to a place: made when it is needed, kept as long as both sides like."""

    __slots__ = (
        *("_channel", "_place", "_readable", "_receive", "_send", "_tls", "_waiting"),
        "reader",
    )

    def __init__(self, place: Place, waiting: Waiting, reader: Reader | None = None) -> None:
        self._place, self._waiting = place, waiting
        self._channel: _socket.socket | TlsSocket | None = None
        self._tls: TlsSocket | None = None
        self.reader = reader or Reader()

    def ask(
        self,
        message: bytes,
        deadline_s: float,
        is_head: bool,
        right_status: int,
        most_kept_bytes: int = MOST_KEPT_BYTES,
        until_head: bool = False,
    ) -> Reader:
        """The reader, with the whole answer in it. NoAnswer where none came, by its outcome.

        `until_head`: with its head at least; `read_on` then reads the rest.
        """
        reader, waiting = self.reader, self._waiting
        reader.begin(is_head, right_status, most_kept_bytes)
        if self._channel is not None and waiting.stale:
            self.close()
        kept = self._channel is not None
        waiting.deadline_s = deadline_s
        try:
            if not kept:
                self._connect()
            try:
                sent = self._send(message)
            except BlockingIOError:
                sent = 0
            if sent != len(message):
                self._send_rest(memoryview(message), sent)
            if self._tls is not None:
                self._until_done(self._tls.flush, waiting.writable)
            self._read(reader, until_head)
        except OSError as error:
            self.close()
            raise _named(error, kept and not reader.begun) from error
        except BaseException:  # NoAnswer, too; and somebody may end whoever waits here
            self.close()
            raise
        waiting.deadline_s = NEVER_S
        if reader.whole and not reader.keeps_connection:
            self.close()
        return reader

    def read_on(self, deadline_s: float) -> bool:
        """More of an answer whose head has come; whether it is whole now. NoAnswer."""
        reader, self._waiting.deadline_s = self.reader, deadline_s
        try:
            self._read(reader, until_head=True)
        except OSError as error:
            self.close()
            raise _named(error, kept_and_silent=False) from error
        except BaseException:
            self.close()
            raise
        self._waiting.deadline_s = NEVER_S
        if reader.whole and not reader.keeps_connection:
            self.close()
        return reader.whole

    def _read(self, reader: Reader, until_head: bool) -> None:
        readable, receive, feed = self._readable, self._receive, reader.feed
        size = FIRST_BYTES
        while True:
            readable()
            try:
                data = receive(size)
            except BlockingIOError:
                continue
            if not data:
                if reader.end():
                    return
                raise ConnectionResetError("the target closed the connection")
            if feed(data) or (until_head and reader.status):
                return
            if len(data) == size:
                size = MORE_BYTES

    def close(self) -> None:
        """Gives the connection up, if there is one."""
        if self._channel is not None:
            self._waiting.deadline_s = NEVER_S
            # a watcher that outlives its socket could watch another's by the same number
            self._waiting.closing()
            self._channel.close()
            self._channel = None

    def _connect(self) -> None:
        made = self._channel = channel(self._place)
        self._waiting.opened(made.fileno())
        self._send, self._receive, self._readable = made.send, made.recv, self._waiting.readable
        code = made.connect_ex(self._place.address)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
        # while it is being made, a send would block, which says the same as waiting for it
        self._tls = made if isinstance(made, TlsSocket) else None
        if self._tls is not None:
            self._waiting.writable()
            self._readable = self._tls_readable
            self._until_done(self._tls.handshake, self._waiting.readable)

    def _send_rest(self, message: memoryview, sent: int) -> None:
        while sent < len(message):
            self._waiting.writable()
            try:
                sent += self._send(message[sent:])
            except BlockingIOError:
                continue

    def _tls_readable(self) -> None:
        assert self._tls is not None
        if not self._tls.holds_something:
            self._waiting.readable()

    @staticmethod
    def _until_done(go_on: Callable[[], None], wait: Callable[[], None]) -> None:
        while True:
            try:
                return go_on()
            except BlockingIOError:
                wait()


def _named(error: OSError, kept_and_silent: bool) -> NoAnswer:
    """What the operating system's error means to whoever asked."""
    says = f"{type(error).__name__}: {error}"
    if isinstance(error, ConnectionRefusedError):
        return NoAnswer(REFUSED, says)
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return NoAnswer(KEPT_CLOSED if kept_and_silent else RESET, says)
    return NoAnswer(TIMEOUT if isinstance(error, TimeoutError) else FAILED, says)


class Blocking:
    """Waits in the operating system, and nothing else runs meanwhile in this thread."""

    def __init__(self) -> None:
        self.deadline_s = NEVER_S
        self._descriptor = -1

    def opened(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def closing(self) -> None:
        self._descriptor = -1

    @property
    def stale(self) -> bool:
        return self._ready(select.POLLIN, 0)

    def readable(self) -> None:
        self._wait(select.POLLIN)

    def writable(self) -> None:
        self._wait(select.POLLOUT)

    def _wait(self, events: int) -> None:
        left_s = self.deadline_s - time.monotonic()
        if left_s <= 0 or not self._ready(events, 1000 * left_s):
            raise NoAnswer(TIMEOUT, "no whole answer in time")

    def _ready(self, events: int, most_ms: float) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, events)
        return bool(poll.poll(most_ms))
