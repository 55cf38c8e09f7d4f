"""The load's own client against every server: what was sent is what was served, and no more."""

from __future__ import annotations

import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import gevent
import pytest

from rig.backends.machine.binaries import which
from rig.load.http.answer import NoAnswer
from rig.load.http.asked import RouteRequest
from rig.load.http.origin import resolved
from rig.load.http.request import Origin, request_of
from rig.load.users.greenlets import Client, Sweeper
from tests.contract.test_servers import DEADLINE_S, SERVED, counts, started, until_ready
from tests.pipeline.serving import free_port
from tests.shares import by_chance, every

USERS = 10
ROUTES = (
    RouteRequest("size", "GET", "/größe/?q=1"),
    RouteRequest("missing", "GET", "/missing/", (404,)),
    RouteRequest("streamed", "GET", "/streamed/"),
    RouteRequest("size", "HEAD", "/größe/?q=1"),
)
BODIES = {"size": 4, "missing": 8, "streamed": 4}
LARGE_BYTES = 300_000
NGINX_ROUTES = (
    RouteRequest("small", "GET", "/small.txt"),
    RouteRequest("large", "GET", "/large.bin"),
    RouteRequest("chunked", "GET", "/chunked.html"),
    RouteRequest("small", "HEAD", "/small.txt"),
)
NGINX_BODIES = {"small": 5, "large": LARGE_BYTES, "chunked": 10}
NGINX_CONFIG = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    log_format ledger "$request_method $uri $status $sent_http_transfer_encoding";
    access_log {folder}/ledger ledger;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    sendfile on;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
        ssi on;
    }}
}}
"""
"""With its own bounds: a connection ends after a thousand requests."""


def loaded(port: int, routes: Sequence[RouteRequest], each: int) -> Counter[str]:
    """What became of so many requests of each route by USERS users: as `size GET 200 4`."""
    origin, found, sweeper = Origin("http", "127.0.0.1", port), Counter[str](), Sweeper(DEADLINE_S)
    client, left = Client(resolved(origin), DEADLINE_S, sweeper), [each * len(routes)]
    requests = [request_of(route, origin) for route in routes]

    def user() -> None:
        while left[0]:
            left[0] -= 1
            number = left[0] % len(routes)
            route, request = routes[number], requests[number]
            message = request.prebuilt().of("")
            try:
                answer = client.ask(message, time.monotonic(), request.is_head, route.statuses[0])
            except NoAnswer as error:
                found[f"{route.route} {route.method} {error.outcome}"] += 1
            else:
                said = f"{answer.status} {answer.body_bytes}"
                found[f"{route.route} {route.method} {said}"] += 1

    gevent.joinall([gevent.spawn(user) for _ in range(USERS)])
    client.close()
    sweeper.close()
    return found


def wanted(routes: Sequence[RouteRequest], bodies: dict[str, int], each: int) -> Counter[str]:
    return Counter(
        {
            f"{route.route} {route.method} {route.statuses[0]} "
            f"{0 if route.method == 'HEAD' else bodies[route.route]}": each
            for route in routes
        }
    )


def exact(server: str, folder: Path, each: int) -> None:
    with started(server, folder) as port:
        until_ready(port, folder)
        found = loaded(port, ROUTES, each)
        for _ in range(100):  # an ASGI app's answer is counted a moment after it has come
            count = next(one for one in counts(folder) if one.requests)
            if count.answered == len(ROUTES) * each:
                break
            time.sleep(0.05)
    assert found == wanted(ROUTES, BODIES, each)
    assert (count.requests, count.answered) == (len(ROUTES) * each, len(ROUTES) * each)


@contextmanager
def nginx(folder: Path) -> Iterator[int]:
    """Debian's own, with a line in `folder/ledger` for each request; its port."""
    program = which("nginx")
    if not program:
        pytest.skip("no nginx: setup/tools.sh test unpacks it")
    files = folder / "files"
    files.mkdir()
    (files / "small.txt").write_text("hello")
    (files / "large.bin").write_bytes(b"x" * LARGE_BYTES)
    (files / "chunked.html").write_text('hello<!--# echo var="none" default="world" -->')
    port, config = free_port(), folder / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(folder=folder, port=port))
    command = [program, "-p", str(folder), "-c", str(config), "-e", "stderr"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            until_listening(port, folder)
            yield port
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def until_listening(port: int, folder: Path) -> None:
    for _ in range(int(DEADLINE_S / 0.05)):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), DEADLINE_S):
            return
        time.sleep(0.05)
    raise AssertionError((folder / "log").read_text())


def exact_with_nginx(folder: Path, each: int) -> None:
    with nginx(folder) as port:
        found = loaded(port, NGINX_ROUTES, each)
    assert found == wanted(NGINX_ROUTES, NGINX_BODIES, each)
    # once it has ended: a request is noted after its answer was sent
    assert Counter((folder / "ledger").read_text().splitlines()) == {
        "GET /small.txt 200 -": each,
        "GET /large.bin 200 -": each,
        "GET /chunked.html 200 chunked": each,
        "HEAD /small.txt 200 -": each,
    }


@pytest.mark.parametrize("server", every(4, SERVED))
def test_every_request_is_served_once(server: str, tmp_path: Path) -> None:
    exact(server, tmp_path, 50)


def test_so_it_is_with_nginx(tmp_path: Path) -> None:
    exact_with_nginx(tmp_path, 50)


@pytest.mark.campaign
@pytest.mark.parametrize("server", by_chance(SERVED))
def test_ten_thousand_are_too(server: str, tmp_path: Path) -> None:
    exact(server, tmp_path, 2500)


@pytest.mark.campaign
def test_ten_thousand_are_with_nginx(tmp_path: Path) -> None:
    exact_with_nginx(tmp_path, 2500)
