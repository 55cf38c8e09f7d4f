"""TLS over a socket that nobody waits in: the standard library's, with the waiting left out.

What would block raises BlockingIOError, as the socket itself does. May not know who waits, or how.
"""

from __future__ import annotations

import _socket
import contextlib
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rig.load.http.origin import Place

_AT_ONCE_BYTES = 65_536


@dataclass
class Handshakes:
    """What the complete handshakes of a process came to."""

    handshakes: int = 0
    cpu_s: float = 0.0
    """CPU time of this side, system calls included."""
    took_s: float = 0.0
    """From the first message to the last, the other side's part and every wait included."""
    longest_s: float = 0.0

    def add(self, cpu_s: float, took_s: float) -> None:
        """One more is complete."""
        self.handshakes += 1
        self.cpu_s += cpu_s
        self.took_s += took_s
        self.longest_s = max(self.longest_s, took_s)


handshakes = Handshakes()
"""Of this process."""


def together(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What `load.json` says of all load workers' handshakes."""
    every = [Handshakes(**one) for one in parts]
    count = sum(one.handshakes for one in every)
    took_s = sum(one.took_s for one in every)
    return {
        "handshakes": count,
        "cpu_s": round(sum(one.cpu_s for one in every), 6),
        "mean_ms": round(1000 * took_s / count, 3) if count else None,
        "longest_ms": round(1000 * max((one.longest_s for one in every), default=0.0), 3),
    }


class TlsSocket:
    """The socket's own calls, encrypted. SSLError, which is an OSError, where it is refused."""

    def __init__(self, below: _socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._below = below
        self._received, self._to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._to_send, server_hostname=host)
        self._unsent = b""
        self._cpu_s, self._begun_s = 0.0, 0.0

    def fileno(self) -> int:
        return self._below.fileno()

    def connect_ex(self, address: object) -> int:
        return self._below.connect_ex(address)  # type: ignore[arg-type]

    def close(self) -> None:
        self._below.close()

    @property
    def holds_something(self) -> bool:
        """Whether something can be read before more has come."""
        return bool(self._tls.pending() or self._received.pending)

    def handshake(self) -> None:
        """Goes on until it has ended. BlockingIOError where it has to wait for the other side."""
        self._begun_s = self._begun_s or time.monotonic()
        began_cpu_s = time.thread_time()
        try:
            self._shake_hands()
        finally:
            self._cpu_s += time.thread_time() - began_cpu_s
        handshakes.add(self._cpu_s, time.monotonic() - self._begun_s)

    def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                if not self._receive():
                    raise ConnectionResetError("it ended in TLS's handshake") from None
            else:
                return self.flush()

    def send(self, data: bytes | memoryview) -> int:
        """Encrypts some of it, and sends that; BlockingIOError where nothing can be taken now."""
        self.flush()
        taken = self._tls.write(data[:_AT_ONCE_BYTES])
        # what was taken goes before whatever comes next
        with contextlib.suppress(BlockingIOError):
            self.flush()
        return taken

    def flush(self) -> None:
        """Sends what was taken. BlockingIOError where not all of it can go now."""
        self._unsent += self._to_send.read()
        while self._unsent:
            self._unsent = self._unsent[self._below.send(self._unsent) :]

    def recv(self, size: int) -> bytes:
        """What has come, decrypted; nothing at the end."""
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                if not self._receive():
                    # without TLS's own end: somebody may have cut it short
                    return b""
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def _receive(self) -> bool:
        data = self._below.recv(_AT_ONCE_BYTES)
        if data:
            self._received.write(data)
        else:
            self._received.write_eof()
        return bool(data)


def channel(place: Place) -> _socket.socket | TlsSocket:
    """A new socket to a place, with TLS over it where its scheme says so. OSError."""
    below = place.new_socket()
    return TlsSocket(below, place.tls, place.origin.host) if place.tls else below
