"""Verifying a target's answer, against a real server."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import itertools
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from rig.backends import http
from rig.backends.expected import Response
from rig.load.http.expected import Expected
from rig.model import VERSION, StackError
from rig.plan import Plan, Route
from rig.route import File
from tests.unit.backends.answering import Server, answering
from tests.unit.plans import PLAN, routed


def exchange(server: Server, **route: Any) -> http.Exchange:
    described = replace(Route("r", "GET", "/r"), **route)
    return http.verify(server.url, routed(described))


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
        "headers": {
            "Host": server.url.removeprefix("http://"),
            "User-Agent": f"async-django-rig/{VERSION}",
            "Accept": "*/*",
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": "14",
        },
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


# a target that wants to hold the rig up


@pytest.fixture
def raw() -> Iterator[Any]:
    """Starts a server that sends each connection what a function gives, piece by piece."""
    with contextlib.ExitStack() as exits:

        def serve(pieces: Callable[[], Iterable[bytes]]) -> str:
            listening = exits.enter_context(socket.create_server(("127.0.0.1", 0)))

            def work() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listening.accept()
                        with connection, contextlib.suppress(OSError):
                            connection.recv(65_536)
                            for piece in pieces():
                                connection.sendall(piece)

            threading.Thread(target=work, daemon=True).start()
            return f"http://127.0.0.1:{listening.getsockname()[1]}"

        yield serve


def slowly(beginning: bytes) -> Iterator[bytes]:
    yield beginning
    while True:
        time.sleep(0.05)
        yield b"x"


@pytest.mark.parametrize("beginning", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_an_answer_that_comes_a_byte_at_a_time_is_not_waited_for(
    raw: Any, beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "DEADLINE_S", 0.4)
    begun_s = time.monotonic()
    assert http.get(raw(lambda: slowly(beginning))).status == 0
    assert time.monotonic() - begun_s < 20


def test_an_answer_without_end_is_none(raw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 1 << 20)
    endless = itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], itertools.repeat(b"x" * 65_536))
    answer = http.get(raw(lambda: endless))
    assert (answer.status, answer.body) == (0, b"the answer has more than 1048576 bytes")


def test_an_answer_that_does_not_end_is_told_as_such(
    raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "DEADLINE_S", 0.3)
    said = http.verify(raw(lambda: slowly(b"HTTP/1.1 200 OK\r\n\r\n")), PLAN).wrong
    assert "the answer does not end" in said


@pytest.mark.parametrize(
    ("method", "status", "body"),
    [("HEAD", 200, b""), ("GET", 204, b""), ("GET", 200, gzip.compress(b'{"a": 1}', mtime=0))],
)
def test_behind_gzip_an_answer_is_right_with_and_without_a_body(
    raw: Any, method: str, status: int, body: bytes
) -> None:
    head = f"HTTP/1.1 {status} OK\r\nContent-Encoding: gzip\r\n".encode()
    length = b"" if status == 204 else b"Content-Length: %d\r\n" % len(body or b"x" * 30)
    answer = {"a": 1} if body else {}
    route = routed(Route("r", method, "/r", status=status, answer=answer))
    assert http.verify(raw(lambda: [head + length + b"\r\n" + body]), route).wrong == ""


def test_a_view_that_needs_a_user_agent_gets_the_loads(server: Server) -> None:
    sent = exchange(server, headers={"Accept-Encoding": "gzip", "accept": ""}).request_headers
    assert sent["User-Agent"].startswith("async-django-rig/")
    assert sent["Accept-Encoding"] == "gzip"
    assert "accept" not in {name.lower() for name in sent}


def test_a_target_over_tls_is_verified_by_who_vouches_for_it(tmp_path: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=shop"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    plan = routed(Route("r", "GET", "/r"))

    def of(file: str) -> Plan:
        return replace(plan, target=replace(plan.target, folder=str(tmp_path), tls=file))

    with answering(context) as served:
        assert http.verify(served.url, of("cert.pem")).wrong == ""
        assert http.get(served.url, http.vouching(of("cert.pem").target)).status == 200
        assert "certificate verify failed" in http.verify(served.url, plan).wrong
        (tmp_path / "none.pem").write_text("no certificate")
        assert (
            "no certificates that vouch for 127." in http.verify(served.url, of("none.pem")).wrong
        )
        with pytest.raises(StackError, match=r"tls: gone\.pem"):
            http.verify(served.url, of("gone.pem"))


def test_half_an_answer_is_none(raw: Any) -> None:
    url = raw(lambda: [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"])
    assert http.get(url).status == 0


def test_an_answer_that_is_nested_too_deep_is_no_json(server: Server) -> None:
    server.body = b"[" * 200_000
    with pytest.raises(ValueError, match="too deep"):
        http.get(server.url).json()


def test_a_redirection_to_somebody_else_is_not_followed(server: Server, raw: Any) -> None:
    asked: list[int] = []

    def elsewhere() -> list[bytes]:
        asked.append(1)
        return [b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret"]

    server.status, server.headers = 302, {"Location": raw(elsewhere)}
    assert http.get(server.url).status == 302
    assert asked == []


def test_a_redirection_to_itself_is_followed(raw: Any) -> None:
    answers = iter(
        [
            b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        ]
    )
    assert http.get(raw(lambda: [next(answers)])) == Response(200, b"{}")


def test_redirections_without_end_end(server: Server) -> None:
    server.status, server.headers = 302, {"Location": "/again?"}
    assert http.get(server.url).status == 302
    assert len(server.asked) <= http.MOST_REDIRECTIONS


@pytest.mark.parametrize("location", ["http://[", "/\x01", "", "//", "?" * 5000])
def test_a_redirection_to_no_address_is_no_answer(server: Server, location: str) -> None:
    server.status, server.headers = 302, {"Location": location}
    assert http.get(server.url).status in (0, 302, 400)


@pytest.mark.parametrize(
    ("route", "says"),
    [
        ({"status": (200, 201)}, ""),
        ({"status": (204, 201)}, "status 200 instead of 204 or 201"),
        ({"answer": {"data": {"title": "Post {unique}", "tags": ["a", {"n": 1}]}}}, ""),
        ({"answer": {"data": {"tags": ["a", {"n": 2}]}}}, "data.tags[1].n is 1 instead of 2"),
        ({"answer": {"data": {"tags": ["a"]}}}, "data.tags is ['a', {'n': 1}] instead of ['a']"),
        ({"answer": {"data": {"none": 1}}}, "no member 'data.none'"),
        ({"answer": [1]}, "the answer is"),
        ({"answer_text": "Post {unique}"}, ""),
        ({"answer_text": "Post {n}x"}, "its text has no 'Post 1x'"),
        ({"answer_pattern": r"verify-\d"}, ""),
        ({"answer_pattern": "^x"}, "nothing in it matches '^x'"),
        ({"answer_headers": {"X-Request-Id": "7"}}, ""),
        ({"answer_headers": {"x-request-id": "8"}}, "header x-request-id is '7' instead of '8'"),
        ({"answer_headers": {"X-None": "8"}}, "no header X-None"),
        (
            {
                "always": Expected(
                    text="{unique}", no_text="errors", answer={"data": {"more": None}}
                )
            },
            "",
        ),
        ({"always": Expected(no_text="Post {unique}")}, "its text has 'Post verify-0'"),
        ({"always": Expected(answer={"data": {"title": 1}})}, "data.title is 'Post verify-0'"),
    ],
)
def test_all_that_an_answer_may_be_held_against(
    server: Server, route: dict[str, Any], says: str
) -> None:
    server.says({"data": {"title": "Post verify-0", "tags": ["a", {"n": 1}], "more": None}})
    server.headers = {"Content-Type": "application/json", "X-Request-Id": "7"}
    wrong = verify(server, **route)
    assert wrong.startswith(says) if says else not wrong


def test_a_file_of_a_route_is_sent_and_must_be_the_one_that_was_planned(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"cat")
    file = File("cat.jpg", hashlib.sha256(b"cat").hexdigest())
    plan = routed(Route("r", "POST", "/r", files={"image": file}, form={"t": ("a", "b")}))
    plan = replace(plan, target=replace(plan.target, folder=str(tmp_path)))
    assert http.verify(server.url, plan).wrong == ""
    ((_, _, kind, body),) = server.asked
    assert kind.startswith("multipart/form-data; boundary=")
    assert (body.count(b'name="t"'), body.count(b"\r\n\r\ncat\r\n")) == (2, 1)
    (tmp_path / "cat.jpg").write_bytes(b"dog")
    with pytest.raises(StackError, match=r"cat\.jpg changed since it was read"):
        http.verify(server.url, plan)
