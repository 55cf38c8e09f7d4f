"""Both clients against one server that misbehaves in every way: same counts, same outcomes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.faulty_server import FAULTS, NAMES, OF_LOCUST, fault_of, misbehave, next_request
from bench.loopback import Closed, Users, run, spec
from rig.load.spec import LOCUST, PLAIN
from rig.model import VERSION
from tests.pipeline.serving import Serving, free_port
from tests.runs import read_csv
from tests.shares import every

TIMEOUT_S = 0.4


class Server(Serving):
    """Does one of FAULTS with each request, by the number that it brings."""

    def __init__(self) -> None:
        super().__init__()
        self.over_kept: set[str] = set()
        """What came over a connection that had brought an answer before."""
        self.seen: Counter[str] = Counter()
        self.heads: set[frozenset[str]] = set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered = 0
        while True:
            head, body = await next_request(reader)
            lines = frozenset(head.decode().strip().split("\r\n"))
            self.heads.add(lines - {f"Content-Length: {len(body)}"})
            unique = json.loads(body)["n"]
            self.seen[unique] += 1
            if answered:
                self.over_kept.add(unique)
            await asyncio.sleep(0.005)
            if not await misbehave(fault_of(unique), writer, TIMEOUT_S):
                return
            answered += 1


def ended(folder: Path, said: dict[str, Any]) -> dict[str, str]:
    """What became of each request that ended, by its text."""
    found = {
        f"{index}-{number}": "ok"
        for index, highest in said["sequences"].items()
        for number in range(1, highest + 1)
    }
    for row in read_csv(folder / "sequences.csv"):
        for number in range(int(row["first"]), int(row["last"]) + 1):
            found[f"{row['load_worker']}-{number}"] = row["outcome"]
    return {unique: outcome for unique, outcome in found.items() if outcome != "unanswered"}


@pytest.fixture(scope="module", params=[PLAIN, LOCUST])
def loaded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Server, dict[str, str]]:
    """The client, the server, and what became of each request."""
    server, folder = Server(), tmp_path_factory.mktemp(request.param)
    with server:
        load = spec(
            server.port, free_port(), Closed(Users(12, 12, 12)), method="PUT",
            json={"n": "{unique}"}, steady_s=4.0, load_workers=1, timeout_s=TIMEOUT_S,
            client=request.param,
        )  # fmt: skip
        said, _ = run(load, folder / "run")
    return request.param, server, ended(folder / "run" / "master", dict(said))


def test_each_fault_has_its_outcome(loaded: tuple[str, Server, dict[str, str]]) -> None:
    client, server, outcomes = loaded
    wanted = FAULTS if client == PLAIN else {**FAULTS, **OF_LOCUST}
    found: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    for unique, outcome in outcomes.items():
        # the new one is told apart from a reset where the connection was kept, and only there
        if outcome == "kept_connection_closed":
            assert client == PLAIN
            assert unique in server.over_kept
            outcome = "connection_reset"
        elif outcome == "connection_reset" and client == PLAIN:
            before = fault_of(unique) in ("reset before the head", "closed before the head")
            assert not (before and unique in server.over_kept)
        found[fault_of(unique)][outcome] += 1
    assert {name: set(counts) for name, counts in found.items()} == {
        name: {outcome} for name, outcome in wanted.items()
    }


def test_both_send_the_same(loaded: tuple[str, Server, dict[str, str]]) -> None:
    client, server, _ = loaded
    same = [
        *("PUT / HTTP/1.1", "Accept: */*", "Content-Type: application/json"),
        *(f"Host: 127.0.0.1:{server.port}", f"User-Agent: async-django-rig/{VERSION}"),
    ]
    of_locust = ["Accept-Encoding: identity"] if client == LOCUST else []
    assert server.heads == {frozenset([*same, *of_locust])}


def test_nothing_is_sent_twice(loaded: tuple[str, Server, dict[str, str]]) -> None:
    _, server, outcomes = loaded
    assert set(server.seen.values()) == {1}
    assert set(outcomes) <= set(server.seen)


@pytest.mark.parametrize("client", every(2, [PLAIN, LOCUST]))
def test_nobody_there_is_refused(client: str, tmp_path: Path) -> None:
    load = spec(
        free_port(), free_port(), Closed(Users(2, 2, 2), think_time_s=0.05), steady_s=2.5,
        load_workers=1, client=client,
    )  # fmt: skip
    said, _ = run(load, tmp_path / "run")
    assert said["outcomes"] == {"connection_refused": said["finished"]}
    assert said["finished"] > 4
