"""The scout, against the null target: a real server, a few requests."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.disk.typed import fitted
from rig.load import scout
from rig.load.scout import ScoutSpec
from stack.null.__main__ import length_of
from tests.unit.backends.answering import Server, answering

ROOT = Path(__file__).parents[3]
ROUTE = {"route": "null", "method": "POST", "path": "/", "form": {"title": "{unique}"}}
REQUEST = {"servers": 1, "requests": 3, "burst": 4, "bursts_s": 2.0}


@pytest.fixture(scope="module")
def null() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, str(ROOT / "stack/null/__main__.py"), "127.0.0.1", str(port)]
    with subprocess.Popen(command, cwd=ROOT) as server:
        try:
            for _ in range(200):
                with socket.socket() as trying:
                    if trying.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


@pytest.fixture
def server() -> Iterator[Server]:
    with answering() as served:
        yield served


def seen(url: str, folder: Path, **changes: Any) -> Any:
    of_request = ("statuses", "headers", "always")
    own = {name: changes.pop(name) for name in of_request if name in changes}
    asked: dict[str, Any] = {"request": {**ROUTE, **own}, **REQUEST, **changes}
    scout.run(fitted(ScoutSpec, {"target_url": url, "scout": [asked]}), folder)
    return json.loads((folder / "scout.json").read_text())["null"]


def test_it_brings_back_what_it_saw(null: str, tmp_path: Path) -> None:
    found = seen(null, tmp_path)
    assert found["wrong"] == []
    assert len(found["response_ms"]) == 3
    assert all(ms > 0 for ms in found["response_ms"])
    assert found["interval_ms"] >= 0


@pytest.mark.parametrize(("share", "bursts"), [(0.0, 9), (1e9, 3)])
def test_bursts_end_once_they_have_settled(
    null: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, bursts: int
) -> None:
    monkeypatch.setattr(scout, "SETTLED_BURSTS_SHARE", share)
    assert len(seen(null, tmp_path)["bursts_ms"]) == bursts


@pytest.mark.parametrize("share", [0.0, 1e9])
def test_so_many_requests_count_whether_or_not_they_settle(
    null: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setattr(scout, "SETTLED_SHARE", share)
    assert len(seen(null, tmp_path)["response_ms"]) == 3


def test_a_slow_burst_is_not_repeated_for_long(null: str, tmp_path: Path) -> None:
    assert len(seen(null, tmp_path, bursts_s=0.0)["bursts_ms"]) == 1


def test_a_wrong_status_is_no_figure(null: str, tmp_path: Path) -> None:
    assert seen(null, tmp_path, statuses=(201,)) == {"wrong": ["status 200"]}


def test_nobody_there_is_no_figure(tmp_path: Path) -> None:
    (wrong,) = seen("http://127.0.0.1:9", tmp_path)["wrong"]
    assert wrong.startswith("ConnectionRefusedError")


@pytest.mark.parametrize(
    ("burst_s", "response_s", "burst", "servers", "interval"),
    [(0.8, 0.1, 8, 1, 0.1), (0.3, 0.1, 60, 20, 0.005), (0.09, 0.1, 8, 1, 0.0)],
)
def test_the_interval_of_a_burst(
    burst_s: float, response_s: float, burst: int, servers: int, interval: float
) -> None:
    assert scout.interval_s(burst_s, response_s, burst, servers) == pytest.approx(interval)


def test_a_burst_that_fits_the_servers_says_nothing() -> None:
    with pytest.raises(ValueError, match="more requests than there are servers"):
        scout.interval_s(1.0, 0.1, 4, 4)


def test_every_request_has_a_text_of_its_own_which_is_never_taken_for_the_loads(
    server: Server, tmp_path: Path
) -> None:
    server.body = b"{}"
    for _ in range(2):  # as at two delays, over the same rows
        assert seen(server.url, tmp_path, bursts_s=0.0)["wrong"] == []
    texts = [body.decode() for _, _, _, body in server.asked]
    assert len(texts) == len(set(texts)) > 2 * 3
    assert not [text for text in texts if re.search(r"\d+-\d+", text)]


def test_a_route_s_headers_are_sent(server: Server, tmp_path: Path) -> None:
    headers = {"Content-Type": "application/x-mine"}
    assert seen(server.url, tmp_path, headers=headers, bursts_s=0.0)["wrong"] == []
    assert {kind for _, _, kind, _ in server.asked} == {"application/x-mine"}


@pytest.mark.parametrize(
    ("always", "wrong"),
    [
        ({"answer": {"kind": "text/plain"}, "no_text": "errors"}, False),
        ({"answer": {"kind": "{unique}"}}, True),
    ],
)
def test_answers_are_held_against_what_they_always_hold(
    server: Server, tmp_path: Path, always: dict[str, Any], wrong: bool
) -> None:
    server.body = b'{"kind": "text/plain"}'
    said = seen(server.url, tmp_path, always=always, bursts_s=0.0)["wrong"]
    assert bool(said) == wrong
    assert all("kind is 'text/plain' instead of" in one for one in said)


def test_users_of_a_session_do_it_once_for_all_its_routes(server: Server, tmp_path: Path) -> None:
    login = {"route": "login", "method": "POST", "path": "/login/", "form": {"name": "user{n}"}}
    session = {"name": "member", "steps": [{"request": login}]}
    asked = [
        {"request": {**ROUTE, "route": route}, "session": session, **REQUEST}
        for route in ("visits/one", "visits/two")
    ]
    scout.run(fitted(ScoutSpec, {"target_url": server.url, "scout": asked}), tmp_path)
    found = json.loads((tmp_path / "scout.json").read_text())
    assert [result["wrong"] for result in found.values()] == [[], []]
    logins = [body for _, path, _, body in server.asked if path == "/login/"]
    assert sorted(logins) == [b"name=user%d" % number for number in range(1, 6)]


@pytest.mark.parametrize(
    ("head", "length"),
    [(b"GET / HTTP/1.1\r\nHost: x", 0), (b"POST / HTTP/1.1\r\nContent-Length: 12", 12)],
)
def test_the_null_target_reads_bodies(head: bytes, length: int) -> None:
    assert length_of(head) == length
