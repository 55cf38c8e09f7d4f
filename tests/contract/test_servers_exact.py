"""The load's own client against every server: what was sent is what was served, and no more."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import gevent
import pytest

from rig.factors.servers import SERVERS
from rig.load.answer import NoAnswer
from rig.load.asked import RouteRequest
from rig.load.greenlets import Client, Sweeper
from rig.load.origin import resolved
from rig.load.request import Origin, request_of
from tests.contract.test_servers import DEADLINE_S, counts, started, until_ready
from tests.shares import by_chance, every

USERS = 10
ROUTES = (
    RouteRequest("size", "GET", "/größe/?q=1"),
    RouteRequest("missing", "GET", "/missing/", (404,)),
    RouteRequest("streamed", "GET", "/streamed/"),
    RouteRequest("size", "HEAD", "/größe/?q=1"),
)
BODIES = {"size": 4, "missing": 8, "streamed": 4}


def loaded(port: int, each: int) -> Counter[str]:
    """What became of so many requests of each route by USERS users: as `size GET 200 4`."""
    origin, found, sweeper = Origin("http", "127.0.0.1", port), Counter[str](), Sweeper(DEADLINE_S)
    client, left = Client(resolved(origin), DEADLINE_S, sweeper), [each * len(ROUTES)]
    requests = [request_of(route, origin) for route in ROUTES]

    def user() -> None:
        while left[0]:
            left[0] -= 1
            number = left[0] % len(ROUTES)
            route, request = ROUTES[number], requests[number]
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


def exact(server: str, folder: Path, each: int) -> None:
    with started(server, folder) as port:
        until_ready(port, folder)
        found = loaded(port, each)
        for _ in range(100):  # an ASGI app's answer is counted a moment after it has come
            count = next(one for one in counts(folder) if one.requests)
            if count.answered == len(ROUTES) * each:
                break
            time.sleep(0.05)
    assert found == {
        f"{route.route} {route.method} {route.statuses[0]} "
        f"{0 if route.method == 'HEAD' else BODIES[route.route]}": each
        for route in ROUTES
    }
    assert (count.requests, count.answered) == (len(ROUTES) * each, len(ROUTES) * each)


@pytest.mark.parametrize("server", every(4, SERVERS))
def test_every_request_is_served_once(server: str, tmp_path: Path) -> None:
    exact(server, tmp_path, 50)


@pytest.mark.campaign
@pytest.mark.parametrize("server", by_chance(SERVERS))
def test_ten_thousand_are_too(server: str, tmp_path: Path) -> None:
    exact(server, tmp_path, 2500)
