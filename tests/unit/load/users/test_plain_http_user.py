"""`PlainHttpUser` in the place of `FastHttpUser`: the same calls give and report the same."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rig.load.users.plain_body import body_of
from rig.load.users.plain_call import Call

ROOT = Path(__file__).parents[4]
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
            case "/again":
                self.send(307, "", {"Location": "/echo"})
            case "/round":
                self.send(302, "", {"Location": "/round"})
            case "/lines":
                self.send_in_pieces(["one\ntw", "o\nthr", "ee ü\n", "end"])
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

    def send_in_pieces(self, pieces: list[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in [*pieces, ""]:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece.encode()), piece.encode()))

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
    command = [sys.executable, "-m", "tests.unit.load.users.asking_users", kind, url]
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


def test_files_and_forms_go_as_they_are_said(told: dict[str, Any]) -> None:
    form, *_ = told["plain"]["said"][-12:]
    body = json.loads(form[2])["body"]
    assert body.count("--edge") == 4
    assert 'name="f"; filename="a.txt"\r\nContent-Type: text/plain\r\nX-Part: 1' in body
    assert [body.count(f'name="{name}"') for name in "abf"] == [2, 0, 1]


def test_an_answer_can_be_read_as_it_comes(told: dict[str, Any]) -> None:
    said = told["plain"]["said"]
    assert said[-6] == said[-5] == "one\ntwo\nthree ü\nend"
    assert said[-4] == ["one", "two", "three ü", "end"]


def test_what_it_cannot_do_is_said_in_a_line(told: dict[str, Any]) -> None:
    assert told["plain"]["refused"] == [
        "TypeError: `max_retries=`: nothing is sent twice",
        "TypeError: `proxies=`: it goes to the host itself",
        "TypeError: `nonsense=`: no such keyword here",
        "ValueError: `files=` goes with a form as `data=`, not with text or bytes",
        "BadRequest: a has a value that no cookie can have",
        "`proxy_host` of Proxied: it goes to the host itself",
    ]


def test_a_calls_own_cookies_go_with_those_that_are_kept(told: dict[str, Any]) -> None:
    assert told["plain"]["cookie"] == "session=1; own=1"


def call(headers: dict[str, str]) -> Call:
    return Call("POST", "http://a.invalid/x", tuple(headers.items()), b"body", "own=1")


def test_what_is_meant_for_one_origin_goes_to_no_other() -> None:
    sent = call({"Authorization": "secret", "Cookie": "a=1", "Content-Type": "text/plain"})
    assert sent.moved(307, "/y") == replace(sent, url="http://a.invalid/y")
    assert sent.moved(307, "http://b.invalid/") == Call(
        "POST", "http://b.invalid/", (("Content-Type", "text/plain"),), b"body", ""
    )
    assert sent.moved(303, "/y") == Call(
        "GET", "http://a.invalid/y", sent.headers[:2], None, "own=1"
    )


def test_a_file_may_be_a_body() -> None:
    assert body_of(io.BytesIO(b"text"), None, None) == ("application/octet-stream", b"text")


def test_an_open_file_is_called_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "b.bin").write_bytes(b"text")
    with (tmp_path / "b.bin").open("rb") as file:
        kind, body = body_of(None, None, {"f": file})
    boundary = kind.partition("boundary=")[2].encode()
    assert body == b"--%b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"b.bin\"%b" % (
        boundary, b"\r\n\r\ntext\r\n--%b--\r\n" % boundary,
    )  # fmt: skip
