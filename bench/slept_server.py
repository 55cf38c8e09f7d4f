"""A server whose answers take a drawn time, and which writes down what each really took.

    python bench/slept_server.py PORT DISTRIBUTION OUT.json

It answers a request as soon as it can once the drawn time has passed since the request came. When
that was the kernel says (SO_TIMESTAMPNS), so that what a request waits until it is read is of the
answer's time, as it is for whoever waits for it. On SIGTERM it writes, for each, when the answer
was handed to the kernel (CLOCK_MONOTONIC), how long that was after the request came, and how long
after it was due, in s: the truth that the recorder is held against. DISTRIBUTION: `constant`,
`bimodal`, `lognormal`, or `none` (answers at once, writes nothing).
"""

from __future__ import annotations

import gc
import heapq
import itertools
import json
import random
import select
import signal
import socket
import struct
import sys
import time
from array import array
from collections.abc import Callable
from pathlib import Path

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
END = b"\r\n\r\n"
SO_TIMESTAMPNS = 35  # of Linux; the socket module has no name for it
TIMESTAMP = struct.Struct("qq")
MOST_BYTES, CMSG_BYTES = 65_536, 64
LOOKS_S = 0.2
"""How long it waits at most, to see whether it is to end."""


def distribution(name: str, seed: int = 1) -> Callable[[], float]:
    """Draws a time in s."""
    chance = random.Random(seed)
    return {
        "none": lambda: 0.0,
        "constant": lambda: 0.4,
        "bimodal": lambda: 0.2 if chance.random() < 0.9 else 0.8,
        "lognormal": lambda: min(5.0, chance.lognormvariate(-1.6, 0.5)),
    }[name]


class Server:
    """Connections by descriptor, and the answers that are due; one thread does it all."""

    def __init__(self, port: int, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._listening = socket.create_server(("127.0.0.1", port), backlog=2048)
        self._listening.setblocking(False)
        self._poll = select.epoll()
        self._poll.register(self._listening, select.EPOLLIN)
        self._open: dict[int, tuple[socket.socket, bytearray]] = {}
        self._due: list[tuple[float, int, float, socket.socket]] = []
        """When an answer is due; the request's number; when it came, and over what."""
        self._numbers = itertools.count()
        self._wall_s = time.time() - time.monotonic()
        self.sent_s, self.took_s, self.late_s = array("d"), array("d"), array("d")
        self.ended = False

    def end(self, *_: object) -> None:
        """Lets `serve` return."""
        self.ended = True

    def serve(self) -> None:
        """Until `end` is called."""
        while not self.ended:
            left_s = self._due[0][0] - time.monotonic() if self._due else LOOKS_S
            for descriptor, _ in self._poll.poll(min(max(left_s, 0.0), LOOKS_S)):
                if descriptor == self._listening.fileno():
                    self._accept()
                else:
                    self._read(descriptor)
            self._answer_due()

    def _accept(self) -> None:
        try:
            came, _ = self._listening.accept()
        except BlockingIOError:
            return
        came.setblocking(False)
        came.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        came.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._open[came.fileno()] = came, bytearray()
        self._poll.register(came, select.EPOLLIN)

    def _read(self, descriptor: int) -> None:
        came, read = self._open[descriptor]
        try:
            data, said, *_ = came.recvmsg(MOST_BYTES, CMSG_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data, said = b"", []
        if not data:
            del self._open[descriptor]
            self._poll.unregister(came)
            came.close()
            return
        at_s = time.monotonic()
        for level, kind, stamp in said:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = TIMESTAMP.unpack(stamp)
                at_s = seconds + nanoseconds / 1e9 - self._wall_s
        read += data
        while END in read:
            del read[: read.index(END) + len(END)]
            if takes_s := self._draw():
                number = next(self._numbers)
                heapq.heappush(self._due, (at_s + takes_s, number, at_s, came))
            else:
                came.send(ANSWER)

    def _answer_due(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            due_s, _, came_s, came = heapq.heappop(self._due)
            try:
                came.send(ANSWER)
            except OSError:
                continue  # whoever asked has gone
            self.sent_s.append(now_s := time.monotonic())
            self.took_s.append(now_s - came_s)
            self.late_s.append(now_s - due_s)


def main() -> None:
    """Serves until SIGTERM, then writes the truth."""
    port, name, out = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    server = Server(port, distribution(name))
    signal.signal(signal.SIGTERM, server.end)
    out.with_suffix(".ready").write_text("{}")
    gc.disable()  # a collection would be the time of some answer, and there is nothing to collect
    server.serve()
    scratch = out.with_suffix(".part")
    answers = list(zip(server.sent_s, server.took_s, server.late_s, strict=True))
    scratch.write_text(json.dumps([] if name == "none" else answers))
    scratch.replace(out)


if __name__ == "__main__":
    main()
