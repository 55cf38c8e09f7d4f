"""Every server serves a project with the wrapper around it: ready, facts, counts, start errors."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from rig.evidence import app_counters
from rig.factors.servers import ASGI, SERVERS, Server
from rig.model import Interface
from tests.shares import every

ROOT = Path(__file__).resolve().parents[2]
SHOP = Path(__file__).parent / "shop"
ROUTES = {
    "size": ["GET", "/gr%C3%B6%C3%9Fe/?q=1"],
    "missing": ["GET", "/missing/"],
    "streamed": ["GET", "/streamed/"],
}
DEADLINE_S = 30.0
DAPHNE = ("{python}", "-m", "daphne", "--bind", "{host}", "--port", "{port}", ASGI)
SERVED = {**SERVERS, "daphne": Server(Interface.ASGI, DAPHNE, ("daphne",))}
"""With one that a project may start itself: it is no level, for it has no app workers to vary."""


@contextmanager
def started(server: str, folder: Path, **changed: str) -> Iterator[int]:
    """The shop as a server's command serves it; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    words = {
        "python": sys.executable,
        "stack": str(ROOT / "stack"),
        "host": "127.0.0.1",
        "port": str(port),
        "app_workers": "1",
        "app_threads": "2",
    }
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": f"{SHOP}{os.pathsep}{ROOT / 'stack/around'}",
        "BENCH_BIND": f"127.0.0.1:{port}",
        "BENCH_COUNTERS": str(folder),
        "BENCH_OVERLAY": "on",
        "BENCH_WSGI": "project:application",
        "BENCH_ASGI": "project:asgi",
        "BENCH_ROUTES": json.dumps(ROUTES),
        **changed,
    }
    command = [word.format_map(words) for word in SERVED[server].command]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=env, cwd=SHOP, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield port
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait(DEADLINE_S)


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def until_ready(port: int, folder: Path) -> None:
    for _ in range(int(DEADLINE_S / 0.05)):
        with suppress(OSError):
            if get(port, "/-/ready") == (200, b"ready"):
                return
        time.sleep(0.05)
    raise AssertionError((folder / "log").read_text())


@pytest.mark.parametrize("server", every(4, SERVERS))
def test_a_server_serves_with_the_wrapper(server: str, tmp_path: Path) -> None:
    has_loop = SERVERS[server].interface == "asgi"
    with started(server, tmp_path) as port:
        until_ready(port, tmp_path)
        answers = [get(port, path)[1] for _, path in ROUTES.values()]
        facts = json.loads(get(port, "/-/facts")[1])
    # once it has ended: a request ends after its answer was sent
    count = next(found for found in counts(tmp_path) if found.requests)
    assert answers == [b"soup", b"sold out", b"soup"]
    # hosts are allowed by the overlay, which also puts Postgres in the place of SQLite
    assert facts["driver"].startswith("psycopg")
    assert (facts["event_loop"] is not None) == has_loop
    assert count.pid == facts["pid"]
    assert (count.requests, count.answered) == (3, 3)
    assert count.correct == {"size": 1, "missing": 0, "streamed": 1}
    assert (count.lag_max_ms is not None) == has_loop


@pytest.mark.parametrize("server", every(4, SERVERS))
def test_what_does_not_load_says_why_on_one_line(server: str, tmp_path: Path) -> None:
    said = tmp_path / "start-error"
    with started(server, tmp_path, BENCH_WSGI="project:app", BENCH_ASGI="project:app"):
        for _ in range(int(DEADLINE_S / 0.05)):
            if said.exists():
                break
            time.sleep(0.05)
        else:
            raise AssertionError((tmp_path / "log").read_text())
    assert said.read_text() == "AttributeError: module 'project' has no attribute 'app'"


def counts(folder: Path) -> list[app_counters.Count]:
    """Of every process that has opened counters; some servers load the app in their first, too."""
    found = (app_counters.read(path) for path in app_counters.files(folder))
    return [count for count in found if count is not None]
