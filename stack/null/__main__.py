"""Answers every request at once, whatever it asks.

    python stack/null/__main__.py ADDRESS PORT

By any target's Python, which is 3.8 or later and has no package of the rig's. Speaks just enough
HTTP/1.1: requests with a body are read by their Content-Length, and the connection is kept. What a
load generator reaches against it is the generator's own limit.
"""

from __future__ import annotations

import asyncio
import sys

_BODY = b'{"null": true}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)
_END = b"\r\n\r\n"
# One for all connections, because what was read is taken out at once. asyncio's other way to read
# has the kernel map and unmap 256 kB for each request, which costs more than the answer.
_READ = memoryview(bytearray(65_536))


def length_of(head: bytes) -> int:
    """The body's length that a request's head announces."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


class Null(asyncio.BufferedProtocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._unread = b""

    def get_buffer(self, sizehint: int) -> memoryview:
        return _READ

    def buffer_updated(self, nbytes: int) -> None:
        self._unread += _READ[:nbytes]
        while (end := self._unread.find(_END)) >= 0:
            whole = end + len(_END) + length_of(self._unread[:end])
            if len(self._unread) < whole:
                return
            self._unread = self._unread[whole:]
            self._transport.write(ANSWER)


async def _serve(address: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Null, address, port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
