"""The load master's clock, as an observer sees it: session time, by which all samples are told.

Asked over a TCP connection that is kept: a byte there, eight bytes back (`rig.load.time_server`).
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable

from rig.clock import ClockOffset, RoundTrip, offset_of
from rig.probes.base import Row

FIRST_TRIPS, TRIPS = 16, 4
DEADLINE_S = 2.0
_TIME = struct.Struct("!d")


class SessionClock:
    """A row a sample: how far this machine's clock is ahead of the load master's.

    The first row is `first`, which was measured before the load, by the fastest of more trips.
    """

    name = "clock"

    def __init__(self, where: tuple[str, int], node: str) -> None:
        """Asks for the first time. OSError where nobody answers."""
        self._where, self._node, self._told = where, node, False
        self._link: socket.socket | None = None
        self.first = self._measured(FIRST_TRIPS)

    def sample(self, at_s: float) -> Iterable[Row]:
        """One row; none once the load master has ended, which it does with the load."""
        try:
            found = self._measured(TRIPS) if self._told else self.first
        except ConnectionError:
            return []
        self._told = True
        return [(at_s, self._node, found.offset_s, found.uncertainty_s)]

    def _measured(self, trips: int) -> ClockOffset:
        if self._link is None:
            self._link = socket.create_connection(self._where, timeout=DEADLINE_S)
            self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            found = [_trip(self._link) for _ in range(trips)]
        except OSError:
            self.close()  # what comes over it later answers nothing that is asked later
            raise
        return offset_of(found).inverse()

    def rest(self) -> Iterable[Row]:
        """None."""
        return ()

    def close(self) -> None:
        """Hangs up."""
        if self._link is not None:
            self._link.close()
        self._link = None


def _trip(link: socket.socket) -> RoundTrip:
    sent_s = time.monotonic()
    link.sendall(b"?")
    said = b""
    while len(said) < _TIME.size:
        if not (part := link.recv(_TIME.size - len(said))):
            raise ConnectionResetError("the load master has ended")
        said += part
    return RoundTrip(sent_s, _TIME.unpack(said)[0], time.monotonic())
