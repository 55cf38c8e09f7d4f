"""The real load master and a load worker where a client would do more, or say less, than it may."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.loopback import Closed, Users, run, spec
from rig.load.spec import CLIENTS, PLAIN, Client
from rig.record import load_from_json
from tests.pipeline.serving import Serving, free_port
from tests.runs import read_csv
from tests.shares import every

USERS = Closed(Users(2, 2, 2))
ENOUGH = 60


class Server(Serving):
    """Moves everybody from `/moved` to `/`; answers `/`; on `/silent` it never does."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = {"/": 0, "/moved": 0, "/silent": 0}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split()[1].decode()
            self.seen[path] += 1
            if path == "/silent":
                await reader.read()  # until the client has given up
                return
            await asyncio.sleep(0.02)
            moved = b"302 Found\r\nLocation: /" if path == "/moved" else b"200 OK"
            writer.write(b"HTTP/1.1 " + moved + b"\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()
    with served:
        yield served


@pytest.mark.campaign  # of one method, with other faults, in test_both_clients.py
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE"])
def test_a_request_given_up_timed_out(
    method: str, client: Client, server: Server, tmp_path: Path
) -> None:
    load = spec(
        server.port, free_port(), USERS, method=method, path="/silent", load_workers=1,
        timeout_s=0.4, steady_s=2.0, client=client,
    )  # fmt: skip
    said, _ = run(load, tmp_path / "run")
    assert said["outcomes"]["timeout"] == said["finished"] >= 4
    assert server.seen["/silent"] == said["started"]


@pytest.mark.campaign
@pytest.mark.parametrize("client", CLIENTS)
def test_an_answer_that_sends_elsewhere_is_the_answer(
    client: Client, server: Server, tmp_path: Path
) -> None:
    load = spec(
        server.port, free_port(), USERS, path="/moved", statuses=(302,), load_workers=1,
        steady_s=2.0, client=client,
    )  # fmt: skip
    said, _ = run(load, tmp_path / "run")
    assert said["outcomes"]["ok"] == said["finished"] > 10
    assert (server.seen["/moved"], server.seen["/"]) == (said["started"], 0)


def certificate(folder: Path) -> Path:
    """A key and a certificate that nobody else vouches for, in one file."""
    key, both = folder / "key.pem", folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", str(key), "-out", str(both), "-subj", "/CN=shop"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    both.write_text(both.read_text() + key.read_text())
    return both


@pytest.mark.parametrize("client", every(2, CLIENTS))
def test_a_target_may_serve_tls(client: Client, tmp_path: Path) -> None:
    vouches = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(vouches)
    server = Server()
    server.tls = context
    with server:
        load = spec(
            server.port, free_port(), USERS, load_workers=1, steady_s=2.0, client=client,
            target_url=f"https://127.0.0.1:{server.port}", ca=vouches.read_text(),
        )  # fmt: skip
        said, _ = run(load, tmp_path / "run")
    assert said["outcomes"] == {"ok": said["finished"]}
    assert 0 <= said["started"] - server.seen["/"] <= said["in_flight_at_stop"]
    assert server.seen["/"] > 10
    if client == PLAIN:  # a connection a user, each with one handshake
        found = load_from_json({key: said[key] for key in ("client", "tls")}).tls
        assert found is not None
        assert found.handshakes == 2
        assert found.mean_ms is not None
        assert 0 < found.cpu_s < 1e-3 * found.handshakes * found.longest_ms
        assert 0 < found.mean_ms <= found.longest_ms
    else:
        assert "tls" not in said


def kill_load_worker_after(answers: int, server: Server) -> None:
    stop_s = time.monotonic() + 60
    while server.seen["/"] < answers and time.monotonic() < stop_s:
        time.sleep(0.05)
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"locust_worker" in (path / "cmdline").read_bytes():
                os.kill(int(path.name), signal.SIGKILL)


@pytest.mark.campaign
def test_a_load_without_load_workers_ends_with_what_they_had_reported(
    server: Server, tmp_path: Path
) -> None:
    load = spec(server.port, free_port(), USERS, load_workers=1, steady_s=30.0)
    killer = threading.Thread(target=kill_load_worker_after, args=(3 * ENOUGH, server))
    killer.start()
    said, _ = run(load, tmp_path / "run")
    killer.join(60)
    assert (said["load_workers_lost"], said["complete"]) == (1, False)
    # it reports once a second, and what it had not yet is gone with it
    assert ENOUGH < said["finished"] <= server.seen["/"]
    assert read_csv(tmp_path / "run" / "master" / "seconds.csv")
