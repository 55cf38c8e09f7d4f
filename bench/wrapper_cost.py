"""What the wrapper around a `django:` target costs of its goodput: at most 2 %?

    .venv/bin/python bench/wrapper_cost.py [PAIRS [SERVER …]]    (default: 600; a minute a server)

A server runs once, and the query string of a request says whether it goes through the wrapper: two
processes of the same server differ by more than the wrapper costs. Both ways are asked in short
turns, in the order A B B A, so that a noisy machine's moods fall on both. The view does nothing, so
that the wrapper's share is as large as it can be. Goodput is of a closed load of 8 users who keep
the server busy; the CPU time per answer is the server's own, so that waiting for a CPU is not in
it. The figure is the median over the pairs, with the interval that order statistics give it at
95 %. Exits 1 where it is all beyond the bound, 2 where the bound lies in it and nothing is told.
With the wrapper `off`, both ways are the same: what is found then is the error of the measurement
(BENCH_WRAPPER=off before the command).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import binom

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from rig.factors.servers import SERVERS  # noqa: E402

ASKED = ("gunicorn-sync", "gunicorn-gthread", "gunicorn-uvicorn", "granian-asgi")
PAIRS, TURN_S, WARM_S = 600, 0.05, 2.0
USERS, THREADS = 8, 4
BOUND = 0.02
START_DEADLINE_S, ANSWER_DEADLINE_S = 30.0, 10.0
REQUESTS = {
    wrapped: b"GET /?" + query + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for wrapped, query in ((True, b"w"), (False, b"b"))
}
SERVER_CPU, CLIENT_CPU = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
PROJECT = """\
from django.conf import settings

settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"])
import django
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

import bench_counters
from bench_wrapper import Asgi, Wsgi, wrapped

django.setup()


def ok(_request):
    return HttpResponse("ok", headers={"Content-Length": "2"})


urlpatterns = [path("", ok)]
wsgi, asgi = get_wsgi_application(), get_asgi_application()
wrapped_wsgi, wrapped_asgi = wrapped(wsgi, Wsgi), wrapped(asgi, Asgi)


def by_query(environ, start_response):
    way = wrapped_wsgi if environ["QUERY_STRING"] == "w" else wsgi
    return way(environ, start_response)


async def by_query_async(scope, receive, send):
    if scope["type"] == "http" and scope["query_string"] == b"w":
        await wrapped_asgi(scope, receive, send)
    else:
        counters = bench_counters.ours()
        if counters._loop is not None:  # the bare way has no beat either
            counters._beating.cancel()
            counters._loop = None
        await asgi(scope, receive, send)
"""


@dataclass(frozen=True)
class Served:
    """A server that answers: its port, and the processes that make it up."""

    port: int
    pids: tuple[int, ...]

    def cpu_s(self) -> float:
        """CPU time of all its threads so far, also of those that have ended."""
        # the clock of another process's CPU time, as clock_getcpuclockid(3) makes its number
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self.pids)


@dataclass(frozen=True)
class Turn:
    """What one turn of a server came to."""

    goodput_rps: float
    cpu_us: float
    """Of the server, per answer."""


@contextlib.contextmanager
def served(name: str, folder: Path) -> Iterator[Served]:
    """The server, which serves both ways; TimeoutError where it does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    places = {
        "{python}": sys.executable, "{stack}": str(ROOT / "stack"), "{host}": "127.0.0.1",
        "{port}": str(port), "{app_workers}": "1", "{app_threads}": str(THREADS),
    }  # fmt: skip
    command = []
    for word in SERVERS[name].command:
        for place, value in places.items():
            word = word.replace(place, value)
        command.append(word)
    counters = folder / name
    counters.mkdir()
    env = {
        **os.environ, "PYTHONPATH": f"{ROOT / 'stack' / 'around'}:{folder}",
        "BENCH_WSGI": "project:by_query", "BENCH_ASGI": "project:by_query_async",
        "BENCH_ROUTES": json.dumps({"ok": ["GET", "/"]}),
        "BENCH_COUNTERS": str(counters), "BENCH_BIND": f"127.0.0.1:{port}",
    }  # fmt: skip
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CPU), *command], cwd=folder, env=env, stderr=log
        )
    try:
        _answers(port, process)
        yield Served(port, (process.pid, *_below(process.pid)))
    finally:
        process.terminate()
        process.wait(START_DEADLINE_S)


def _answers(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up_s = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < give_up_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as one:
            one.sendall(REQUESTS[False])
            if one.recv(65536).startswith(b"HTTP/1.1 200"):
                return
        time.sleep(0.1)
    raise TimeoutError(f"no server at port {port}: {process.args!r}")


def _below(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [found for child in map(int, text.split()) for found in (child, *_below(child))]


def turn(server: Served, wrapped: bool, lasts_s: float = TURN_S) -> Turn:
    """Asks for so long, with 8 users who wait for each answer; a connection is kept where it can.

    Ends with the last answer, so that nothing falls into the next turn. OSError where an answer is
    not right, or none comes.
    """
    waiting = select.epoll()
    users: dict[int, socket.socket] = {}

    def send(user: socket.socket | None) -> None:
        if user is None:
            user = socket.create_connection(("127.0.0.1", server.port), ANSWER_DEADLINE_S)
            users[user.fileno()] = user
            waiting.register(user.fileno(), select.EPOLLIN)
        user.sendall(REQUESTS[wrapped])

    answers, began_cpu_s, began_s = 0, server.cpu_s(), time.monotonic()
    for _ in range(USERS):
        send(None)
    while users:
        ready = waiting.poll(ANSWER_DEADLINE_S)
        if not ready:
            raise TimeoutError(f"no answer within {ANSWER_DEADLINE_S:g} s")
        for number, _ in ready:
            user = users[number]
            kept = _answered(user)
            answers += 1
            goes_on = time.monotonic() - began_s < lasts_s
            if not (kept and goes_on):
                waiting.unregister(number)
                users.pop(number).close()
            if goes_on:
                send(user if kept else None)
    took_s, cpu_s = time.monotonic() - began_s, server.cpu_s() - began_cpu_s
    waiting.close()
    return Turn(answers / took_s, cpu_s / answers * 1e6)


def _answered(user: socket.socket) -> bool:
    """Reads one answer; whether its connection is kept."""
    answer = b""
    while not answer.endswith(b"\r\n\r\nok"):
        if not (part := user.recv(65536)):
            raise ConnectionError(f"closed after {answer!r}")
        answer += part
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(f"not right: {answer!r}")
    return b"onnection: close" not in answer


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """The median's 95 % interval, by order statistics."""
    below = int(binom.ppf(0.025, len(ratios), 0.5)) - 1
    ranked = sorted(ratios)
    return ranked[max(0, below)], ranked[min(len(ranked) - 1, len(ranked) - 1 - below)]


def compared(name: str, folder: Path, pairs: int) -> list[tuple[Turn, Turn]]:
    """With and without the wrapper, pair by pair."""
    found = []
    with served(name, folder) as server:
        for wrapped in (True, False):
            turn(server, wrapped, WARM_S)
        for number in range(pairs):
            first = bool(number % 2)
            one, other = turn(server, first), turn(server, not first)
            found.append((one, other) if first else (other, one))
    return found


def main() -> int:
    """Prints each server's ratios; 1 where one goodput costs more, 2 where one may."""
    pairs = int(sys.argv[1]) if sys.argv[1:] else PAIRS
    asked = sys.argv[2:] or ASKED
    os.sched_setaffinity(0, {CLIENT_CPU})
    surely, perhaps = True, True
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "project.py").write_text(PROJECT)
        for name in asked:
            both = compared(name, folder, pairs)
            goodputs = [wrapped.goodput_rps / bare.goodput_rps for wrapped, bare in both]
            cpus = [wrapped.cpu_us / bare.cpu_us for wrapped, bare in both]
            bare_rps = statistics.median(bare.goodput_rps for _, bare in both)
            bare_us = statistics.median(bare.cpu_us for _, bare in both)
            goodput, cpu = statistics.median(goodputs), statistics.median(cpus)
            (low, high), (least, most) = interval(goodputs), interval(cpus)
            surely, perhaps = surely and low >= 1 - BOUND, perhaps and high >= 1 - BOUND
            print(
                f"{name}: goodput {goodput - 1:+.1%} ({low - 1:+.1%} to {high - 1:+.1%}) of "
                f"{bare_rps:.0f} /s; CPU per answer {cpu - 1:+.1%} ({least - 1:+.1%} to "
                f"{most - 1:+.1%}) of {bare_us:.0f} µs",
                flush=True,
            )
    said, code = ("yes", 0) if surely else ("cannot be told", 2) if perhaps else ("NO", 1)
    print(f"each goodput at least {1 - BOUND:.2f} of that without: {said}")
    return code


if __name__ == "__main__":
    sys.exit(main())
