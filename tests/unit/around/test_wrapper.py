"""The wrapper around a project's callable."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import bench_counters
import bench_facts
import bench_gunicorn
from bench_wrapper import Asgi, Wsgi, declared_routes, wrapped
from rig.evidence import app_counters

ROUTES = {
    "list": ["GET", "/list?page=1"],
    "second": ["GET", "/list?page=2"],
    "size": ["POST", "/gr%C3%B6%C3%9Fe"],
}


@pytest.fixture(autouse=True)
def counted_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_COUNTERS", str(tmp_path))
    monkeypatch.setenv("BENCH_ROUTES", json.dumps(ROUTES))
    monkeypatch.setattr(bench_counters, "_ours", None)
    monkeypatch.setattr(bench_facts, "_server", None)


def count_of(folder: Path) -> app_counters.Count:
    (path,) = app_counters.files(folder)
    count = app_counters.read(path)
    assert count is not None
    return count


def environ(method: str, path: str, query: str = "") -> dict[str, Any]:
    return {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}


class Streaming(list[bytes]):
    streaming, closed = True, False

    def close(self) -> None:
        self.closed = True


def test_wsgi_requests_are_counted_by_route(tmp_path: Path) -> None:
    def app(asked: dict[str, Any], start: Any) -> list[bytes]:
        if asked["PATH_INFO"] == "/broken":
            raise RuntimeError("broken")
        start("201 Created" if asked["REQUEST_METHOD"] == "POST" else "200 OK", [], None)
        return [b"served"]

    said: list[Any] = []
    around = Wsgi(app)

    def start(*status: Any) -> None:
        said.append(status)

    size = "/größe".encode().decode("latin-1")
    for asked in (
        *(environ("GET", "/list", "page=1"), environ("GET", "/list", "page=2")),
        *(environ("GET", "/list", "page=9"), environ("POST", size), environ("GET", "/other")),
    ):
        assert list(around(asked, start)) == [b"served"]
    with pytest.raises(RuntimeError):
        around(environ("GET", "/broken"), start)
    count = count_of(tmp_path)
    assert (count.requests, count.answered, count.lag_max_ms) == (6, 6, None)
    assert count.correct == {"list": 2, "second": 1, "size": 1, "(others)": 1}
    assert said[3] == ("201 Created", [])


def test_an_answer_that_is_started_again_keeps_its_reason(tmp_path: Path) -> None:
    said: list[Any] = []
    error = (ValueError, ValueError("late"), None)

    def app(_asked: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        start("500 Internal Server Error", [], exc_info=error)
        return []

    Wsgi(app)(environ("GET", "/list", "page=1"), lambda *told: said.append(told))
    assert said == [("200 OK", []), ("500 Internal Server Error", [], error)]
    assert count_of(tmp_path).correct == {"list": 0}


def test_an_answer_is_correct_below_400(tmp_path: Path) -> None:
    def app(asked: dict[str, Any], start: Any) -> list[bytes]:
        start(asked["QUERY_STRING"], [])
        return []

    for status in ("201 Created", "399 Odd", "400 Bad Request", "503 Busy"):
        Wsgi(app)(environ("GET", "/list", status), lambda *_: None)
    assert count_of(tmp_path).answered == 4
    assert count_of(tmp_path).correct == {"list": 2}


def test_a_streamed_answer_ends_with_its_last_part(tmp_path: Path) -> None:
    answer = Streaming([b"a", b"b"])

    def app(_asked: dict[str, Any], start: Any) -> Streaming:
        start("200 OK", [])
        return answer

    got = Wsgi(app)(environ("GET", "/list", "page=1"), lambda *_: None)
    assert list(got) == [b"a", b"b"]
    assert count_of(tmp_path).answered == 0
    for _ in range(2):
        got.close()  # type: ignore[attr-defined]
    assert (count_of(tmp_path).correct, answer.closed) == ({"list": 1}, True)


def test_wsgi_readiness_and_facts_do_not_reach_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def untold() -> dict[str, Any]:
        raise RuntimeError("its Django is another one")

    for part in ("settings_facts", "connection_facts"):
        monkeypatch.setattr(bench_facts, part, untold)
    said: list[Any] = []
    around = Wsgi(lambda *_: pytest.fail("asked"))
    start = lambda *status: said.append(status)  # noqa: E731
    assert around(environ("GET", "/-/ready"), start) == [b"ready"]
    facts = json.loads(b"".join(around(environ("GET", "/-/facts"), start)))
    assert facts["pid"] == count_of(tmp_path).pid
    assert "debug" not in facts
    assert [status for status, _ in said] == ["200 OK", "200 OK"]
    assert count_of(tmp_path).requests == 0


def test_asgi_requests_are_counted_by_route(tmp_path: Path) -> None:
    async def app(scope: dict[str, Any], _receive: Any, send: Any) -> None:
        if scope["path"] == "/broken":
            raise RuntimeError("broken")
        await send({"type": "http.response.start", "status": 404 if "x" in scope["path"] else 200})

    around, sent = Asgi(app), list[dict[str, Any]]()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def run() -> None:
        for method, path, query in (
            *(("GET", "/list", b"page=2"), ("POST", "/größe", b""), ("GET", "/x", b"")),
            ("GET", "/-/ready", b""),
        ):
            scope = {"type": "http", "method": method, "path": path, "query_string": query}
            await around(scope, None, send)
        with pytest.raises(RuntimeError):
            await around({"type": "http", "method": "GET", "path": "/broken"}, None, send)

    asyncio.run(run())
    count = count_of(tmp_path)
    assert (count.requests, count.answered) == (4, 4)
    assert count.correct == {"second": 1, "size": 1, "(others)": 0}
    assert count.lag_max_ms is not None
    assert [message.get("status") for message in sent[:3]] == [200, 200, 404]
    assert sent[-1]["body"] == b"ready"


def test_other_kinds_of_scope_reach_the_project() -> None:
    seen = []

    async def app(scope: dict[str, Any], *_: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(Asgi(app)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_a_wrapper_that_cannot_be_applied_leaves_the_project_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_ROUTES", "no json")
    assert wrapped(list, Wsgi) is list
    bench_gunicorn.post_worker_init(None)
    assert not list(app_counters.files(tmp_path))  # none instead of zeros, which would be wrong
    assert "served without its wrapper" in capfd.readouterr().err


def test_a_path_is_known_as_servers_hand_it_on() -> None:
    assert declared_routes("utf-8")["POST", "/größe", ""] == "size"
    assert declared_routes("latin-1")["POST", "/größe".encode().decode("latin-1"), ""] == "size"
