"""When users begin their sessions: real load processes, and a server that notes it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from bench.loopback import run, spec
from rig.load.http.asked import RouteRequest
from rig.load.http.sessions import Session, Step
from rig.load.shape import Closed, Steps, Users
from rig.load.spec import PLAIN
from tests.pipeline.serving import Serving, free_port

MOST_AT_A_TIME = 8
LOGIN = Session(
    "member",
    (
        Step(RouteRequest("step 1", "GET", "/login/{n}")),
        Step(RouteRequest("step 2", "POST", "/login/{n}")),
    ),
)


class Logins(Serving):
    """Notes when each user's session begins, and how many are under way."""

    def __init__(self) -> None:
        super().__init__()
        self.begun_at_s: dict[int, float] = {}
        self.under_way: set[int] = set()
        self.most = self.routes = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            method, path = head.decode().split()[:2]
            if path == "/":
                self.routes += 1
            else:
                await self._log_in(method, int(path.rpartition("/")[2]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def _log_in(self, method: str, number: int) -> None:
        assert not self.routes, "the load has begun"
        if method == "GET":
            assert number not in self.begun_at_s, "once each"
            self.begun_at_s[number] = time.time()
            self.under_way.add(number)
            self.most = max(self.most, len(self.under_way))
        await asyncio.sleep(0.05)
        if method == "POST":
            self.under_way.remove(number)


@pytest.mark.parametrize(
    ("users", "load_workers"),
    [
        (Users(2, 3, 13), 2),
        (Steps(((0.0, 2), (2.0, 5), (3.0, 1), (4.0, 13))), 1),
        (Users(24, 1, 24), 2),
    ],
)
def test_no_session_begins_before_its_user_s_place_in_the_ramp(
    users: Users | Steps, load_workers: int, tmp_path: Path
) -> None:
    server, model = Logins(), Closed(users)
    with server:
        load = spec(
            server.port, free_port(), model, client=PLAIN, load_workers=load_workers,
            session=LOGIN, steady_s=5.0,
        )  # fmt: skip
        said, _ = run(load, tmp_path / "run")
    numbers = range(1, users.most_users + 1)
    assert set(server.begun_at_s) == set(numbers)
    # numbers are dealt out later than that
    ready_s = (tmp_path / "run" / "master" / "ready.json").stat().st_mtime
    for number in numbers:
        assert server.begun_at_s[number] - ready_s >= model.first_turn_s(number)
    assert server.most <= MOST_AT_A_TIME
    assert server.routes > 0
    assert said["outcomes"].keys() == {"ok"}
    found = said["sessions"]
    assert (found["done"], found["requests"]) == (len(numbers), 2 * len(numbers))
    assert found["begun_over_s"] > 0
