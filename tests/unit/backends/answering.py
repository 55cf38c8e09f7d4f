"""A real server that answers everything alike."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@dataclass
class Server:
    """Answers everything alike and remembers what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    asked_to: str | None = None
    asked: list[tuple[str, str, str, bytes]] = field(default_factory=list)

    def says(self, answer: Any, status: int = 200) -> None:
        self.status, self.body = status, json.dumps(answer).encode()


@contextlib.contextmanager
def answering(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server of this machine, until the end of the block."""
    served = Server()

    class Answering(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            kind = self.headers.get("Content-Type", "")
            asked = (self.command, self.path, kind, self.rfile.read(length))
            served.asked.append(asked)
            served.asked_to = self.headers.get("Connection", "")
            self.send_response(served.status)
            self.send_header("Content-Length", str(len(served.body)))
            for name, value in served.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(served.body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - the base class's names

        def log_message(self, format: str, *args: Any) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Answering)
    served.url = f"{'https' if tls else 'http'}://127.0.0.1:{listening.server_port}"
    if tls:
        listening.socket = tls.wrap_socket(listening.socket, server_side=True)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    yield served
    listening.shutdown()
    thread.join()
    listening.server_close()
