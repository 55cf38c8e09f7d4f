"""A server that answers at once, in the ways that cost a client differently.

    python bench/null_server.py PORT WAY OUT.json

WAY: `kept`; `closing` ends the connection after each answer, and says so; `chunked` sends each
answer in three pieces. `GET /login` sets a cookie. It reads requests without a body. OUT.ready
stands once it listens.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

BODY = b'{"null": true}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
PIECES = {
    "kept": [HEAD + LENGTH + b"\r\n" + BODY],
    "closing": [HEAD + LENGTH + b"Connection: close\r\n\r\n" + BODY],
    "chunked": [
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        b"%x\r\n%b\r\n" % (len(BODY), BODY),
        b"0\r\n\r\n",
    ],
}
END = b"\r\n\r\n"
READ = memoryview(bytearray(65_536))
"""One for all connections, because what was read is taken out at once. asyncio's other way to read
has the kernel map and unmap 256 kB for each request, which costs more than the answer."""
LOGIN, COOKIE = b"GET /login ", b"Set-Cookie: sessionid=0123456789abcdef; Path=/; HttpOnly\r\n"


class Answers(asyncio.BufferedProtocol):
    """One connection."""

    way = "kept"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._read = b""

    def get_buffer(self, sizehint: int) -> memoryview:
        return READ

    def buffer_updated(self, nbytes: int) -> None:
        self._read += READ[:nbytes]
        while END in self._read:
            head, _, self._read = self._read.partition(END)
            if head.startswith(LOGIN):
                self._transport.write(HEAD + COOKIE + LENGTH + b"\r\n" + BODY)
                continue
            for piece in PIECES[self.way]:
                self._transport.write(piece)
            if self.way == "closing":
                self._transport.close()


async def serve(port: int, out: Path) -> None:
    """Serves until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answers, "127.0.0.1", port, backlog=2048)
    out.with_suffix(".ready").write_text("{}")
    await server.serve_forever()


if __name__ == "__main__":
    Answers.way = sys.argv[2]
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[3])))
