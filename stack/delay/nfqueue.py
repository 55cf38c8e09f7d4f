"""Holds each packet's verdict for the delay: the consumer of one NFQUEUE.

The standard library's netlink socket is enough: metadata only, one batch verdict a wake-up.
Runs as a process of its own, so that nothing the measuring does can hold a packet up.
May not know why packets arrive in its queue; `stack/delay/detour.py` sees to that.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import mmap
import os
import select
import socket
import struct
import time

from stack.delay.netem import Counters

MAX_PACKETS = 100_000  # NFQUEUE's default of 1024 drops, like netem's
RECEIVE_BUFFER_BYTES = 64 << 20

_NETLINK_NETFILTER = 12
_SOL_NETLINK, _NETLINK_NO_ENOBUFS = 270, 5
_SO_RCVBUFFORCE = 33
_SUBSYSTEM_QUEUE = 3 << 8
_PACKET, _CONFIG, _VERDICT_BATCH = (_SUBSYSTEM_QUEUE | kind for kind in (0, 2, 3))
_NLM_REQUEST, _NLM_ACK = 1, 4
_CFG_CMD, _CFG_PARAMS, _CFG_QUEUE_MAXLEN, _CFG_MASK, _CFG_FLAGS = 1, 2, 3, 4, 5
_CMD_BIND, _COPY_META, _F_GSO = 1, 1, 1 << 2
_ATTR_PACKET_HEADER, _ATTR_VERDICT_HEADER = 1, 2
_ACCEPT = 1
_HEADER = struct.Struct("=IHHII")  # netlink: length, type, flags, sequence, port


def _attribute(kind: int, payload: bytes) -> bytes:
    padding = b"\0" * (-len(payload) % 4)
    return struct.pack("=HH", 4 + len(payload), kind) + payload + padding


def _message(kind: int, flags: int, queue: int, attributes: bytes) -> bytes:
    body = struct.pack("!BBH", socket.AF_UNSPEC, 0, queue) + attributes
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 0, 0) + body


def open_queue(queue: int) -> socket.socket:
    """A netlink socket bound to an NFQUEUE. OSError where the kernel or the rights are missing."""
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    netlink.bind((0, 0))
    try:
        netlink.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except PermissionError:  # needs CAP_NET_ADMIN over the first namespace
        netlink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    _configure(netlink, queue, _attribute(_CFG_CMD, struct.pack("!BBH", _CMD_BIND, 0, 0)))
    # whole GSO packets, as netem holds them; no payload
    settings = _attribute(_CFG_PARAMS, struct.pack("!IB", 0, _COPY_META))
    settings += _attribute(_CFG_QUEUE_MAXLEN, struct.pack("!I", MAX_PACKETS))
    settings += _attribute(_CFG_FLAGS, struct.pack("!I", _F_GSO))
    settings += _attribute(_CFG_MASK, struct.pack("!I", _F_GSO))
    _configure(netlink, queue, settings)
    return netlink


def _configure(netlink: socket.socket, queue: int, attributes: bytes) -> None:
    netlink.send(_message(_CONFIG, _NLM_REQUEST | _NLM_ACK, queue, attributes))
    answer = netlink.recv(65536)
    (code,) = struct.unpack_from("=i", answer, _HEADER.size)
    if code:
        raise OSError(-code, f"NFQUEUE: {os.strerror(-code)}")


def _packet_ids(data: bytes) -> list[int]:
    ids = []
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, at)
        if kind == _PACKET:
            # the packet header is the first attribute the kernel writes
            attribute_at = at + _HEADER.size + 4
            _, attribute = struct.unpack_from("=HH", data, attribute_at)
            if attribute & 0x3FFF == _ATTR_PACKET_HEADER:
                ids.append(struct.unpack_from("!I", data, attribute_at + 4)[0])
        at += (length + 3) & ~3
    return ids


class Tally:
    """What the consumer counts, in memory that it shares with the process that forked it.

    The kernel's own count stands in a file of /proc that only the machine's root may read.
    """

    _COUNTS = struct.Struct("=QQQQ")

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, self._COUNTS.size)

    def write(self, packets: int, drops: int, waiting: int, overruns: int) -> None:
        """Called by the consumer alone."""
        self._COUNTS.pack_into(self._shared, 0, packets, drops, waiting, overruns)

    def read(self) -> Counters:
        """The latest counts; whether the consumer lives is not for it to say."""
        return Counters(*self._COUNTS.unpack_from(self._shared))


def hold(netlink: socket.socket, queue: int, delay_ms: float, tally: Tally) -> None:
    """Accepts every packet `delay_ms` after it came, for ever.

    Counts as dropped each packet whose number is missing (the socket had no room for it; that
    gives an overrun too, ENOBUFS, which does not end the consumer), and at least one whenever
    the queue is full.
    """
    delay_s = delay_ms / 1000
    held: collections.deque[tuple[float, int]] = collections.deque()
    newest = seen = full = overruns = 0
    netlink.setblocking(False)
    while True:
        wait_s = max(0.0, held[0][0] - time.monotonic()) if held else None
        ready, _, _ = select.select([netlink], [], [], wait_s)
        if ready:
            try:
                while True:
                    ids = _packet_ids(netlink.recv(1 << 20))
                    due_s = time.monotonic() + delay_s
                    held.extend((due_s, packet) for packet in ids)
                    seen += len(ids)
                    newest = ids[-1] if ids else newest
            except BlockingIOError:
                pass
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                overruns += 1
        full += len(held) >= MAX_PACKETS
        release(netlink, queue, held)
        # the kernel numbers packets from 1 as they come
        tally.write(newest, newest - seen + full, len(held), overruns)


def release(netlink: socket.socket, queue: int, held: collections.deque[tuple[float, int]]) -> None:
    """Accepts all packets that are due; ids rise, so the last one stands for all before it."""
    now_s = time.monotonic()
    last = None
    while held and held[0][0] <= now_s:
        last = held.popleft()[1]
    if last is not None:
        verdict = _attribute(_ATTR_VERDICT_HEADER, struct.pack("!II", _ACCEPT, last))
        netlink.send(_message(_VERDICT_BATCH, _NLM_REQUEST, queue, verdict))


def real_time() -> bool:
    """Asks for real-time priority; whether it was allowed (ordinary users seldom are)."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        return True
    return False
