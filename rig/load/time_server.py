"""Tells observers what the load master's clock says: for each byte that comes, eight bytes go.

May not know who asks, nor why. The number is CLOCK_MONOTONIC in s, as a double in network order.
"""

from __future__ import annotations

import struct
import time
from typing import Any

from gevent.server import StreamServer

MOST_LINKS = 64
_TIME = struct.Struct("!d")


def serve(port: int) -> StreamServer:
    """Begins to answer on every address of this host. OSError where the port is taken."""
    server = StreamServer(("0.0.0.0", port), _answer, spawn=MOST_LINKS)
    server.start()
    return server


def _answer(link: Any, _: object) -> None:
    try:
        # by hand, and not by a file around it: an answer must leave at once
        while link.recv(1):
            link.sendall(_TIME.pack(time.monotonic()))
    except OSError:
        return  # whoever asked has gone
    finally:
        link.close()
