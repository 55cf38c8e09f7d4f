"""A server that misbehaves in every way, in turns of the number that each request brings.

    python bench/faulty_server.py PORT TIMEOUT_S WAIT_S OUT.json

Each request is a PUT of `{"n": "1-27"}`: the 27th of a load worker. It waits WAIT_S before each
fault, but where its client is to wait until TIMEOUT_S. OUT.ready stands once it listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\n"
PROBLEM = b'{"class": "db_pool_timeout"}'
FAULTS: dict[str, str] = {
    "fine": "ok",
    "reset before the head": "connection_reset",
    "reset after the head": "connection_reset",
    "closed before the head": "connection_reset",
    "short body": "connection_reset",
    "bad chunk": "malformed_answer",
    "garbage": "malformed_answer",
    "silence": "timeout",
    "silence in the body": "timeout",
    "problem": "db_pool_timeout",
    "redirect": "unexpected_status",
    "endless": "timeout",
    "head too large": "malformed_answer",
}
"""By what is done with a request; what becomes of it."""
OF_LOCUST = {
    # its time-out is of each read, and its heads have no bound
    "endless": "connection_reset",
    "head too large": "ok",
}
NAMES = list(FAULTS)
UNTIL_TIMEOUT = ("silence", "silence in the body", "endless")
PAUSE_S = 0.02


def fault_of(unique: str) -> str:
    """What is done with a request of this text."""
    return NAMES[int(unique.partition("-")[2]) % len(NAMES)]


async def next_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of the next one. IncompleteReadError at the end."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    return head, await reader.readexactly(length)


async def misbehave(fault: str, writer: asyncio.StreamWriter, timeout_s: float) -> bool:
    """Does it; whether the connection goes on."""
    match fault:
        case "fine":
            writer.write(OK + b"Content-Length: 2\r\n\r\nok")
        case "problem":
            kind = b"Content-Type: application/problem+json\r\n"
            length = b"Content-Length: %d\r\n\r\n" % len(PROBLEM)
            writer.write(b"HTTP/1.1 503 No\r\n" + kind + length + PROBLEM)
        case "redirect":
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
        case _:
            await _break(fault, writer, timeout_s)
            return False
    return True


async def _break(fault: str, writer: asyncio.StreamWriter, timeout_s: float) -> None:
    match fault:
        case "reset before the head":
            _reset(writer)
        case "reset after the head":
            writer.write(OK + b"Content-Length: 9\r\n\r\n")
            await asyncio.sleep(PAUSE_S)
            _reset(writer)
        case "short body":
            writer.write(OK + b"Content-Length: 9\r\n\r\nshort")
        case "bad chunk":
            writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
            await asyncio.sleep(PAUSE_S)
            writer.write(b"zz\r\nnone\r\n")
        case "garbage":
            writer.write(b"garbage instead of an answer\r\n\r\n")
        case "silence":
            await asyncio.sleep(2 * timeout_s)
        case "silence in the body":
            writer.write(OK + b"Content-Length: 9\r\n\r\nhalf")
            await asyncio.sleep(2 * timeout_s)
        case "endless":
            writer.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(int(4 * timeout_s / PAUSE_S)):
                writer.write(b"4\r\ntick\r\n")
                await asyncio.sleep(PAUSE_S)
        case "head too large":
            writer.write(OK + b"Connection: close\r\nX: " + b"x" * 70_000 + b"\r\n\r\n")


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    writer.transport.abort()


async def serve(port: int, timeout_s: float, wait_s: float, out: Path) -> None:
    """Serves until the process ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            goes_on = True
            while goes_on:
                _, body = await next_request(reader)
                fault = fault_of(json.loads(body)["n"])
                await asyncio.sleep(0 if fault in UNTIL_TIMEOUT else wait_s)
                goes_on = await misbehave(fault, writer, timeout_s)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=2048)
    out.with_suffix(".ready").write_text("{}")
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
