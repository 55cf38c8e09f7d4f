"""What is changed of Locust's HTTP client, so that what is recorded is what was sent.

For the process that loads it; knows nothing of loads.
"""

from __future__ import annotations

import socket
from typing import Any

import geventhttpclient.client
import geventhttpclient.connectionpool
import geventhttpclient.useragent
from gevent.monkey import get_original

POLL, READABLE = get_original("select", ["poll", "POLLIN"])


def patch_client() -> None:
    """Makes the changes, for all clients of this process.

    The client sends a GET up to eleven times when connections close on it, and loses the reason
    why it gave one up. Here a request is sent once: otherwise the target would serve more than
    was recorded, and later than it seems.

    It looks with select() whether a kept connection still stands, and takes those from descriptor
    1024 on, of which select() may not ask, for gone: their users would connect anew each time.
    """
    modules: list[Any] = [geventhttpclient.client, geventhttpclient.useragent]
    for module in modules:
        module.IDEMPOTENT_METHODS = frozenset()
    pool: Any = geventhttpclient.connectionpool.ConnectionPool
    pool._is_socket_alive = lambda _, kept: is_alive(kept)


def is_alive(kept: socket.socket | None) -> bool:
    """Whether a connection that nobody uses still stands: there is nothing to read, nor an end."""
    if kept is None or kept.fileno() < 0:
        return False
    watch = POLL()
    watch.register(kept.fileno(), READABLE)
    return not watch.poll(0)
