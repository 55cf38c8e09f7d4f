"""`PlainHttpUser` in the place of `FastHttpUser`: the same calls give and report the same."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SHOWN = ("content-type", "x-own", "user-agent", "cookie", "authorization", "content-length")


class Answering(BaseHTTPRequestHandler):
    """Echoes, logs in, moves, fails."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        came = sorted((name.lower(), value) for name, value in self.headers.items())
        headers = {name: value for name, value in came if name in SHOWN}
        path = self.path.partition("?")[0]
        said: Any = {"path": self.path, "method": self.command, "headers": headers, "body": body}
        match path:
            case "/login":
                self.send(302, "", {"Location": "/who", "Set-Cookie": "session=1; Path=/"})
            case "/who":
                self.send(200, headers.get("cookie", "nobody"))
            case "/moved":
                self.send(301, "", {"Location": "/who"})
            case "/missing":
                self.send(404, "nothing")
            case "/broken":
                self.close_connection = True
            case "/json":
                said = {"path": self.path, "by": headers.get("authorization")}
                self.send(200, json.dumps(said), {"Content-Type": "application/json"})
            case _:
                self.send(200, json.dumps(said))

    def send(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, Any]]:
    """What each kind of user gave and reported, by kind."""
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    try:
        url = f"http://127.0.0.1:{listening.server_port}"
        yield {kind: asked(kind, url) for kind in ("plain", "locust")}
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def asked(kind: str, url: str) -> Any:
    command = [sys.executable, "-m", "tests.unit.load.asking_users", kind, url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_same_calls_give_the_same(told: dict[str, Any]) -> None:
    assert told["plain"]["said"] == told["locust"]["said"]


def test_and_fire_the_same_events(told: dict[str, Any]) -> None:
    assert told["plain"]["fired"] == told["locust"]["fired"]


def test_what_they_give_is_what_was_asked(told: dict[str, Any]) -> None:
    said = told["plain"]["said"]
    echoed = json.loads(said[0][2])
    assert echoed["path"] == "/echo?a=b"
    assert echoed["headers"]["x-own"] == "1"
    assert json.loads(json.loads(said[1][2])["body"]) == {"a": [1, "ü"]}
    assert said[5]["path"] == "/json?q=%C3%BC%261"
    assert [one[2] for one in said[7:10]] == ["session=1"] * 3
    assert said[10][0] == 301
    assert told["plain"]["fired"][0][:3] == ["GET", "echo", False]
