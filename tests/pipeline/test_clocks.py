"""A load worker on another monotonic clock: its seconds are the load master's all the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.another_clock import AHEAD_S, HERE, WHY
from bench.loopback import Arrivals, Closed, Open, Users, run, spec
from rig.load.spec import PLAIN
from tests.pipeline.serving import Serving, free_port
from tests.runs import read_csv
from tests.shares import every

pytestmark = pytest.mark.skipif(not HERE, reason=WHY)
WORKER = ("-m", "bench.another_clock", "locust_worker")


class Server(Serving):
    """Answers at once."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture(scope="module", params=every(2, ["closed", "open"]))
def loaded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], Any]:
    """The files of one load, its load.json and its spec."""
    model: Closed | Open = Closed(Users(2, 2, 4), think_time_s=0.02)
    if request.param == "open":
        model = Open(Arrivals(40.0, ramp_s=1.0, max_in_flight=10))
    server, folder = Server(), tmp_path_factory.mktemp(request.param)
    with server:
        load = spec(server.port, free_port(), model, steady_s=2.0, raw=True, client=PLAIN)
        said, _ = run(load, folder / "run", WORKER)
    return folder / "run" / "master", dict(said), load


def test_the_true_offset_is_as_near_as_is_said(loaded: Any) -> None:
    _, said, _ = loaded
    near, far = sorted(said["clocks"].values(), key=lambda clock: clock["offset_s"])
    for clock, true_s in ((near, 0), (far, AHEAD_S)):
        assert abs(clock["offset_s"] - true_s) <= clock["uncertainty_s"] + 1e-6
        # a tenth of what one second of the load is
        assert 0 < clock["uncertainty_s"] < 0.1
        assert abs(clock["drift_s"]) < 0.1


def test_both_send_in_the_same_seconds(loaded: Any) -> None:
    folder, said, load = loaded
    sent = read_csv(folder / "requests.csv")
    assert len(sent) == said["started"] > 40
    for request in sent:
        assert 0.0 <= float(request["intended_s"]) <= load.duration_s
    each = Counter(row["load_worker"] for row in sent)
    assert len(each) == 2
    assert min(each.values()) > 10
    assert said["outcomes"] == {"ok": said["finished"]}


def test_the_users_come_as_planned_and_every_second_is_metered(loaded: Any) -> None:
    folder, _, load = loaded
    if isinstance(load.model, Closed):
        *_, last = [row for row in read_csv(folder / "seconds.csv") if row["phase"] == "steady"]
        assert last["users"] == last["planned_users"] == "4"
    metered = {(row["load_worker"], row["second"]) for row in read_csv(folder / "load_workers.csv")}
    assert len({name for name, _ in metered}) == 2
    assert {second for _, second in metered} == {str(n) for n in range(int(load.duration_s))}
