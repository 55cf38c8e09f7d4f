"""Where an origin is: its address, asked for once, and what TLS to it is made of.

May not know gevent: who checks a target asks here, too.
"""

from __future__ import annotations

import _socket
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from rig.load.http.answer import FAILED, NoAnswer
from rig.load.http.request import HTTPS, Origin


@dataclass(frozen=True)
class Place:
    """An origin's address, resolved."""

    origin: Origin
    family: int
    address: Any
    tls: ssl.SSLContext | None

    def new_socket(self) -> _socket.socket:
        """A socket that nobody waits in, not yet connected. OSError."""
        # the C socket itself: gevent's is a Python object that waits by itself, for more
        made = _socket.socket(self.family, _socket.SOCK_STREAM)
        made.setblocking(False)
        made.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        return made


def resolved(origin: Origin, verified: bool = True) -> Place:
    """Asks for an origin's address. NoAnswer where there is none."""
    try:
        found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoAnswer(FAILED, f"{origin.host}: {error}") from error
    family, _, _, _, address = found[0]
    tls = _context(origin, verified) if origin.scheme == HTTPS else None
    return Place(origin, family, address, tls)


def _context(origin: Origin, verified: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=origin.ca or None)
    except (ssl.SSLError, ValueError) as error:
        raise NoAnswer(FAILED, f"no certificates that vouch for {origin.host}: {error}") from error
    if origin.ca or not verified:
        context.check_hostname = False
    if not verified:
        context.verify_mode = ssl.CERT_NONE
    return context
