"""Round trips of a path, measured with neither server nor ICMP.

A connect to a closed port costs one round trip: the SYN leaves the app's namespace (and is
delayed there), the peer's kernel answers RST at once.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

CLOSED_PORT = 9  # "discard": nothing of ours ever listens there
GONE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT)
"""What a connect ends with whose peer is no longer there: nobody answers, and that is all."""


@dataclass(frozen=True)
class Round:
    """One connect to a closed port: when it began (monotonic s) and how long it took."""

    link: str
    at_s: float
    rtt_ms: float | None
    """None where nobody answered within the deadline."""


def measure(peers: dict[str, str], count: int, spacing_s: float, deadline_s: float) -> list[Round]:
    """`count` round trips to each peer (link -> address), in flight together, in order of sending.

    Raises OSError where a connect fails in another way than being refused, or finding nobody.
    """
    poll = select.epoll()
    flights: dict[int, tuple[str, socket.socket, float]] = {}
    rounds: list[Round] = []
    try:
        for turn in range(count):
            for link, address in peers.items():
                flying = _connect(address)
                if flying is None:
                    rounds.append(Round(link, time.monotonic(), None))
                    continue
                flights[flying.fileno()] = (link, flying, time.monotonic())
                poll.register(flying.fileno(), select.EPOLLOUT | select.EPOLLERR)
            pause_until_s = time.monotonic() + (spacing_s if turn + 1 < count else 0.0)
            while (left_s := pause_until_s - time.monotonic()) > 0:
                rounds += _land(poll, flights, left_s)
        give_up_s = time.monotonic() + deadline_s
        while flights and (left_s := give_up_s - time.monotonic()) > 0:
            rounds += _land(poll, flights, left_s)
        rounds += [Round(link, at_s, None) for link, _, at_s in flights.values()]
    finally:
        for _, flying, _ in flights.values():
            flying.close()
        poll.close()
    return sorted(rounds, key=lambda landed: landed.at_s)


def rtts_ms(rounds: Sequence[Round], link: str) -> list[float]:
    """The answered round trips of one link, in ms."""
    return [r.rtt_ms for r in rounds if r.link == link and r.rtt_ms is not None]


def _connect(address: str) -> socket.socket | None:
    """Under way to the address; None where it is known already that nobody is there."""
    flying = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    flying.setblocking(False)
    code = flying.connect_ex((address, CLOSED_PORT))
    if code not in (errno.EINPROGRESS, errno.ECONNREFUSED):
        flying.close()
        if code in GONE:
            return None
        raise OSError(code, f"connect to {address}: {errno.errorcode.get(code, code)}")
    return flying


def _land(
    poll: select.epoll, flights: dict[int, tuple[str, socket.socket, float]], wait_s: float
) -> list[Round]:
    landed = []
    for fd, _ in poll.poll(wait_s):
        now_s = time.monotonic()
        link, flying, at_s = flights.pop(fd)
        poll.unregister(fd)
        code = flying.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        flying.close()
        if code not in (errno.ECONNREFUSED, *GONE):
            raise OSError(code, f"the measuring connect over {link}: {errno.errorcode.get(code)}")
        landed.append(Round(link, at_s, None if code in GONE else (now_s - at_s) * 1000))
    return landed
