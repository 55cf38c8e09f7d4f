"""Verifying a target's answer, against a real server."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from rig.backends import http
from rig.plan import Route
from tests.unit.plans import PLAN


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


@pytest.fixture
def server() -> Iterator[Server]:
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
    served.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    yield served
    listening.shutdown()
    thread.join()
    listening.server_close()


def exchange(server: Server, **route: Any) -> http.Exchange:
    described = replace(Route("r", "GET", "/r"), **route)
    return http.verify(server.url, replace(PLAN, route=described))


def verify(server: Server, **route: Any) -> str:
    return exchange(server, **route).wrong


@pytest.mark.parametrize(
    ("wanted", "right", "wrong"),
    [
        ("{posts}", 100, 99),
        ("{cpu_sum}", sum(i * i for i in range(10)), 284),
        ("{length:3}", [1, 2, 3], [1, 2]),
        ("{length:3}", [1, 2, 3], "abc"),
        ("{unique}", "verify-0", "verify-1"),
        ("plain", "plain", "Plain"),
        (7, 7, "7"),
        (None, None, 0),
    ],
)
def test_members(server: Server, wanted: Any, right: Any, wrong: Any) -> None:
    server.says({"member": right, "another": 1})
    assert verify(server, answer={"member": wanted}) == ""
    server.says({"member": wrong})
    assert "member is" in verify(server, answer={"member": wanted})
    server.says({})
    assert verify(server, answer={"member": wanted}) == "no member 'member'"


def test_every_difference_is_said(server: Server) -> None:
    server.says({"a": 1, "b": 2, "c": 3})
    wrong = verify(server, answer={"a": 0, "b": 2, "c": 0})
    assert wrong.count("instead of") == 2


def test_a_status_that_is_not_the_routes_is_wrong(server: Server) -> None:
    server.says({"title": "refused"}, status=503)
    assert verify(server) == 'status 503 instead of 200: {"title": "refused"}'
    assert verify(server, status=503) == ""


def test_an_answer_that_is_no_json_is_wrong(server: Server) -> None:
    server.body = b"<h1>hello</h1>"
    assert verify(server) == ""
    assert "no JSON" in verify(server, answer={"a": 1})


def test_nobody_answering_is_wrong(server: Server, unused_url: str) -> None:
    wrong = http.verify(unused_url, PLAN).wrong
    assert wrong.startswith("status 0 instead of 201: ")
    assert "refused" in wrong


@pytest.fixture
def unused_url() -> str:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as briefly:
        return f"http://127.0.0.1:{briefly.server_port}"


def test_a_form_is_sent_as_one(server: Server) -> None:
    verify(server, method="POST", path="/make/", form={"title": "{unique}", "with": "a & b"})
    ((method, path, kind, body),) = server.asked
    assert (method, path, kind) == ("POST", "/make/", "application/x-www-form-urlencoded")
    assert parse_qs(body.decode()) == {"title": ["verify-0"], "with": ["a & b"]}


def test_json_is_sent_as_such(server: Server) -> None:
    verify(server, method="PUT", json={"deep": [{"title": "{unique}"}], "n": 1})
    ((method, _, kind, body),) = server.asked
    assert (method, kind) == ("PUT", "application/json")
    assert json.loads(body) == {"deep": [{"title": "verify-0"}], "n": 1}


def test_no_proxy_of_the_environment_stands_between(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert http.get(server.url).status == 200


def test_what_went_both_ways_is_kept(server: Server) -> None:
    server.says({"title": "verify-0"}, status=201)
    server.headers = {"Content-Type": "application/json", "X-Request-Id": "7"}
    asked = exchange(server, method="POST", form={"title": "{unique}"}, status=201)
    kept = json.loads(json.dumps(asked.to_json()))
    assert kept["route"] == "r"
    assert kept["request"] == {
        "method": "POST", "path": "/r", "body": "title=verify-0",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    }  # fmt: skip
    said = kept["response"]
    assert (said["status"], json.loads(said["body"])) == (201, {"title": "verify-0"})
    assert said["headers"]["content-type"] == "application/json"
    assert not {"x-request-id", "date"} & said["headers"].keys()
    assert said["body_bytes"] == len(server.body)
    assert said["body_sha256"] == hashlib.sha256(server.body).hexdigest()


def test_of_a_long_answer_the_beginning_is_kept_and_the_hash_of_all(server: Server) -> None:
    server.body = b"x" * (http.KEPT_BYTES + 1)
    said = exchange(server).to_json()["response"]
    assert len(said["body"]) == http.KEPT_BYTES
    assert said["body_bytes"] == http.KEPT_BYTES + 1
    assert said["body_sha256"] == hashlib.sha256(server.body).hexdigest()


def test_the_server_is_not_asked_to_close_the_connection(server: Server) -> None:
    verify(server)
    assert server.asked_to == ""


def test_a_redirection_is_no_answer(server: Server) -> None:
    server.says({}, status=302)
    server.headers = {"Location": "/elsewhere"}
    assert verify(server) == "status 302 instead of 200: it leads to /elsewhere"


def test_a_path_that_is_no_ascii_is_asked_for_as_utf_8(server: Server) -> None:
    assert verify(server, path="/größe/?q=straße") == ""
    assert http.get(f"{server.url}/fäkt").status == 200
    assert [path for _, path, _, _ in server.asked] == [
        "/gr%C3%B6%C3%9Fe/?q=stra%C3%9Fe",
        "/f%C3%A4kt",
    ]
