"""A server whose answers take a drawn time, and which writes down what each really took.

    python bench/slept_server.py PORT DISTRIBUTION OUT.json

Pure asyncio. It answers a request at the first tick of its loop after the drawn time has passed.
On SIGTERM it writes, for each, when the answer was handed to the kernel (CLOCK_MONOTONIC) and how
long that was after the request was read, in s: the truth that the recorder is held against.
DISTRIBUTION: `constant`, `bimodal`, `lognormal`, or `none` (answers at once, writes nothing).
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
END = b"\r\n\r\n"


def distribution(name: str, seed: int = 1) -> Callable[[], float]:
    """Draws a time in s."""
    chance = random.Random(seed)
    return {
        "none": lambda: 0.0,
        "constant": lambda: 0.4,
        "bimodal": lambda: 0.2 if chance.random() < 0.9 else 0.8,
        "lognormal": lambda: min(5.0, chance.lognormvariate(-1.6, 0.5)),
    }[name]


class Answers(asyncio.Protocol):
    """One connection: a request at a time, as a user sends them."""

    def __init__(self, draw: Callable[[], float], truth: list[tuple[float, float]]) -> None:
        self._draw, self._truth = draw, truth
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while END in self._read:
            _, _, self._read = self._read.partition(END)
            began_s, takes_s = time.monotonic(), self._draw()
            if takes_s:
                asyncio.get_running_loop().call_later(takes_s, self._answer, began_s)
            else:
                self._transport.write(ANSWER)

    def _answer(self, began_s: float) -> None:
        if not self._transport.is_closing():
            self._transport.write(ANSWER)
            now_s = time.monotonic()
            self._truth.append((now_s, now_s - began_s))


async def serve(port: int, name: str, out: Path) -> None:
    """Serves until SIGTERM, then writes the truth."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    truth: list[tuple[float, float]] = []
    draw = distribution(name)
    server = await loop.create_server(lambda: Answers(draw, truth), "127.0.0.1", port, backlog=2048)
    out.with_suffix(".ready").write_text("{}")
    await ended.wait()
    server.close()
    scratch = out.with_suffix(".part")
    scratch.write_text(json.dumps(truth))
    scratch.replace(out)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
