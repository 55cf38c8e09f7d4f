"""What holds packets, at the other end of a socket on which a test is the kernel."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from rig.backends.processes import until
from stack.delay import nfqueue
from stack.delay.netem import Counters
from stack.delay.nfqueue import Tally

QUEUE = 7
LONG_MS = 2000.0
NETLINK = struct.Struct("=IHHII")


def packets(*numbers: int) -> bytes:
    """What the kernel says of packets that have come: one message each, a header in each."""
    header = (nfqueue._attribute(1, struct.pack("!IHB", number, 0x0800, 2)) for number in numbers)
    messages = [nfqueue._message(nfqueue._PACKET, 0, QUEUE, one) for one in header]
    # messages begin at multiples of four bytes
    return b"".join(one + b"\0" * (-len(one) % 4) for one in messages)


def verdict(said: bytes) -> tuple[int, int, int]:
    """The queue, what becomes of the packets, and the last of them."""
    length, kind, _, _, _ = NETLINK.unpack_from(said)
    assert (length, kind) == (len(said), nfqueue._VERDICT_BATCH)
    (queue,) = struct.unpack_from("!H", said, NETLINK.size + 2)
    accepted, last = struct.unpack_from("!II", said, NETLINK.size + 8)
    return queue, accepted, last


@contextmanager
def held(delay_ms: float) -> Iterator[tuple[socket.socket, Tally]]:
    """The kernel's end of a queue that is held, and what its consumer counts."""
    kernel, netlink = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    tally = Tally()
    with ThreadPoolExecutor(1) as pool, netlink, kernel:
        holding = pool.submit(nfqueue.hold, netlink, QUEUE, delay_ms, tally)
        kernel.settimeout(20)
        try:
            yield kernel, tally
        finally:
            kernel.send(NETLINK.pack(NETLINK.size, nfqueue._PACKET, 0, 0, 0))
        # what makes no sense ends it: whoever forked it sees that, and not one packet more passes
        with pytest.raises(struct.error):
            holding.result(20)


def counted(tally: Tally, newest: int) -> Counters:
    for _ in until(20):
        if (count := tally.read()).packets == newest:
            return count
    raise AssertionError(f"{tally.read()}")


def test_packets_are_held_and_then_accepted_in_one_verdict() -> None:
    with held(LONG_MS) as (kernel, tally):
        kernel.send(packets(1, 2))
        kernel.send(packets(3))
        assert counted(tally, 3) == Counters(packets=3, drops=0, backlog=3)
        # the first two came together, and it may be that the third did, too
        (*_, last) = first = verdict(kernel.recv(4096))
        assert first in ((QUEUE, 1, 2), (QUEUE, 1, 3))
        if last == 2:
            assert verdict(kernel.recv(4096)) == (QUEUE, 1, 3)
        for _ in until(20):
            if not tally.read().backlog:
                break
        assert tally.read() == Counters(packets=3, drops=0, backlog=0)


def test_a_number_that_is_missing_is_a_packet_dropped() -> None:
    with held(0.0) as (kernel, tally):
        kernel.send(packets(1, 2, 5))
        assert verdict(kernel.recv(4096)) == (QUEUE, 1, 5)
        assert counted(tally, 5) == Counters(packets=5, drops=2, backlog=0)


def test_what_is_no_packet_is_passed_over() -> None:
    with held(0.0) as (kernel, tally):
        answer = NETLINK.pack(NETLINK.size + 4, 2, 0, 0, 0) + bytes(4)
        kernel.send(answer + packets(1))
        assert verdict(kernel.recv(4096)) == (QUEUE, 1, 1)
        assert counted(tally, 1).drops == 0
