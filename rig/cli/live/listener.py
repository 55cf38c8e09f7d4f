"""The socket that the page is served from: opened before a sandbox, and handed into it.

A socket belongs to the network that it was made in. So a runner that has entered a sandbox serves
the page where its user is, and nothing of the sandbox's own network is reachable.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from rig.backends.local import sandbox
from rig.model import UsageError, one_line

HANDED_ON = "RIG_LIVE_SOCKET"
"""The variable that tells a runner in a sandbox which descriptor it has inherited."""

_BACKLOG = 64


@dataclass(frozen=True)
class Address:
    """Where a page is served; port 0: any that is free."""

    host: str = "127.0.0.1"
    port: int = 0

    @classmethod
    def wanted(cls, live: bool, text: str | None) -> Address | None:
        """By the options `--live` and `--live-address`, which asks for a page, too. UsageError."""
        if text is not None:
            return cls.of(text)
        return cls() if live else None

    @classmethod
    def of(cls, text: str) -> Address:
        """`127.0.0.1`, `127.0.0.1:8080`, `::1`, `[::1]:8080`. UsageError."""
        host, port = text, "0"
        if text.startswith("[") or text.count(":") == 1:
            host, _, port = text.rpartition(":") if not text.endswith("]") else (text, "", "0")
        try:
            return cls(str(ipaddress.ip_address(host.strip("[]"))), _port(port))
        except ValueError:
            raise UsageError(
                f"--live-address {one_line(text)}: no IP address with or without a port",
                "for instance 127.0.0.1:8080",
            ) from None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65_535:
        raise ValueError("no port")
    return int(text)


@dataclass(frozen=True)
class Listener:
    """A socket that listens."""

    socket: socket.socket

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host, port = self.socket.getsockname()[:2]
        return f"http://{Address(host, port)}/"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.socket.getsockname()[0]).is_loopback


@contextlib.contextmanager
def listening(address: Address | None) -> Iterator[Listener | None]:
    """Listens there, or nowhere; in a sandbox on the socket that it was handed.

    UsageError where nobody may listen there, or somebody else does.
    """
    if address is None:
        yield None
        return
    with _inherited() or _opened(address) as opened:
        yield Listener(opened)


def handed_on(listener: Listener | None) -> tuple[int, ...]:
    """The descriptor that a sandbox is to be handed, which is told of it by a variable."""
    if listener is None:
        return ()
    descriptor = listener.socket.fileno()
    os.environ[HANDED_ON] = str(descriptor)
    return (descriptor,)


def _inherited() -> socket.socket | None:
    if not sandbox.inside():
        return None
    with contextlib.suppress(OSError, ValueError, KeyError):
        found = socket.socket(fileno=int(os.environ[HANDED_ON]))
        found.set_inheritable(False)
        return found
    return None


def _opened(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address.host, address.port))
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        why = error.strerror or str(error)
        raise UsageError(
            f"no page can be served at {address}: {why}",
            "name another address and port, or --live alone for a free one",
        ) from error
    return made
