"""The app's sockets: open connections, and those the kernel has taken but the app has not.

Asked over netlink (sock_diag), in the app's network namespace: the kernel picks the states, so
that a server without keep-alive, with its thousands of closed ones, is read as quickly. Where
that namespace may not be entered, /proc/<pid>/net/tcp tells the same but the limit.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rig.probes.base import Row, Simple
from rig.probes.proc import PROC

ESTABLISHED, CLOSE_WAIT, LISTEN = 1, 8, 10
OPEN = (ESTABLISHED, CLOSE_WAIT)
DEADLINE_S = 2.0

_SOCK_DIAG, _BY_FAMILY, _REQUEST_DUMP = 4, 20, 0x301
_DONE, _ERROR = 3, 2
_HEADER = struct.Struct("=IHHII")
# family, protocol, extensions, padding, states; then the socket's id, of which the port is asked
_REQUEST = struct.Struct("=BBBxI")
_ID = struct.Struct("!HH44x")
# of the answer: family, state, timer, retransmits, id, expires, receive queue, send queue
_ANSWER = struct.Struct("=BBBB48xIII")
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Sockets:
    """One moment of a server's port."""

    open: int
    backlog: int
    backlog_limit: int | None


class AppSockets(Simple):
    """A row a sample."""

    name = "app_sockets"

    def __init__(self, pid: int, port: int, root: Path = PROC) -> None:
        """Looks at what listens on `port` in the network namespace of `pid`."""
        self._pid, self._port, self._root = pid, port, root
        self._netlink: socket.socket | None = None
        self._asked = False

    def sample(self, at_s: float) -> Iterable[Row]:
        """One row. OSError where the app is gone, or its sockets cannot be seen."""
        if not self._asked:  # in the sampler's own thread: that is what enters the namespace
            self._asked, self._netlink = True, _opened(self._root / str(self._pid) / "ns" / "net")
        if self._netlink is not None:
            seen = by_netlink(self._netlink, self._port)
        else:
            seen = by_text((self._root / str(self._pid) / "net" / "tcp").read_text(), self._port)
        return [(at_s, seen.open, seen.backlog, seen.backlog_limit)]

    def close(self) -> None:
        """Closes its netlink socket."""
        if self._netlink is not None:
            self._netlink.close()


def by_text(table: str, port: int) -> Sockets:
    """From the text of /proc/net/tcp, whose receive queue is the backlog of what listens."""
    found = backlog = 0
    for line in table.splitlines()[1:]:
        _, local, _, state, queues = line.split()[:5]
        if int(local.rpartition(":")[2], 16) == port:
            found += int(state, 16) in OPEN
            backlog += int(queues.partition(":")[2], 16) if int(state, 16) == LISTEN else 0
    return Sockets(found, backlog, None)


def by_netlink(netlink: socket.socket, port: int) -> Sockets:
    """From sock_diag. OSError where it does not answer in time."""
    states = sum(1 << state for state in (*OPEN, LISTEN))
    body = _REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, states) + _ID.pack(port, 0)
    length = _HEADER.size + len(body)
    netlink.send(_HEADER.pack(length, _BY_FAMILY, _REQUEST_DUMP, 1, 0) + body)
    found, backlog, limit = 0, 0, None
    while True:
        data = netlink.recv(1 << 17)
        while data:
            length, kind, *_ = _HEADER.unpack_from(data)
            message, data = data[_HEADER.size : length], data[-(-length // 4) * 4 :]
            if kind == _DONE:
                return Sockets(found, backlog, limit)
            if kind == _ERROR:
                raise OSError(-struct.unpack_from("=i", message)[0], "sock_diag refuses")
            _, state, _, _, _, receive_queue, send_queue = _ANSWER.unpack_from(message)
            if state == LISTEN:
                backlog, limit = backlog + receive_queue, (limit or 0) + send_queue
            else:
                found += 1


def _opened(namespace: Path) -> socket.socket | None:
    """A netlink socket of a network namespace; None where it cannot be had.

    A socket belongs to where it was made, so this thread goes back at once.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        there = os.open(namespace, os.O_RDONLY)
    except OSError:
        return None
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.setns(there, _CLONE_NEWNET):
            return None
        try:
            return _tried()
        finally:
            if libc.setns(here, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "this thread cannot go back")
    finally:
        os.close(there)
        os.close(here)


def _tried() -> socket.socket | None:
    try:
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
    except OSError:
        return None
    netlink.settimeout(DEADLINE_S)
    try:
        by_netlink(netlink, 1)
    except OSError:
        netlink.close()
        return None
    return netlink
