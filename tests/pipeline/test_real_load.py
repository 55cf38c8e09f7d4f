"""The real load master and load workers on loopback: what they wrote against what a server saw."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.loopback import Arrivals, Closed, Open, Users, run, spec
from rig.disk.histograms import read_log
from rig.evidence.load import derived
from rig.load.spec import LOCUST, PLAIN
from tests.pipeline.serving import Serving, free_port
from tests.runs import read_csv
from tests.shares import every

BROKEN, WRONG, STUCK, HALF = 7, 11, 13, 17
"""Of the requests of each load worker: every 7th loses its connection, every 11th is refused,
every 13th is never answered, and of every 17th answer the end is missing."""


class Server(Serving):
    """Notes the `{unique}` of every request; answers, refuses, hangs up or stays silent."""

    def __init__(self, hangs: bool) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()
        self.over_kept: set[str] = set()
        """What came over a connection that had brought an answer before."""
        self._hangs = hangs

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered = 0
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            unique = (await reader.readexactly(length)).decode().partition('"')[2][:-2]
            unique = unique.rpartition('"')[2]
            self.seen[unique] += 1
            if answered:
                self.over_kept.add(unique)
            number = int(unique.partition("-")[2])
            await asyncio.sleep(0.02)
            if number % BROKEN == 0:
                return
            if number % STUCK == 0 and self._hangs:
                await asyncio.sleep(3600)
            wrong = number % WRONG == 0 and number % HALF != 0
            status = b"500 No" if wrong else b"200 OK"
            head = b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\n"
            if number % HALF == 0:
                writer.write(head + b"o")
                return
            writer.write(head + b"ok")
            answered += 1


def expected(number: int, hangs: bool, kept: bool) -> str:
    """What becomes of a request by its number. `kept`: over a connection that its client tells."""
    if number % BROKEN == 0:
        return "kept_connection_closed" if kept else "connection_reset"
    if number % STUCK == 0 and hangs:
        return "unanswered"
    if number % HALF == 0:
        return "connection_reset"
    return "app_error" if number % WRONG == 0 else "ok"


KINDS = [("open", PLAIN), ("closed", PLAIN), ("closed", LOCUST), ("open", LOCUST)]


@pytest.fixture(scope="module", params=every(4, [(kind,) for kind in KINDS]), ids="-".join)
def loaded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], Server, Any]:
    """The files of one load, its load.json, the server, the spec."""
    kind, client = request.param
    folder, is_open = tmp_path_factory.mktemp(kind), kind == "open"
    model: Closed | Open = Closed(Users(3, 3, 6), think_time_s=0.02)
    if is_open:
        model = Open(Arrivals(80.0, ramp_s=1.0, max_in_flight=11))
    server = Server(hangs=is_open)
    with server:
        load = spec(
            server.port, free_port(), model, method="PUT", json={"n": "{unique}"}, steady_s=3.0,
            raw=True, client=client,
        )  # fmt: skip
        said, _ = run(load, folder / "run")
    return folder / "run" / "master", dict(said), server, load


def test_every_request_was_sent_once_and_has_its_number(loaded: Any) -> None:
    _, said, server, _ = loaded
    given = {
        f"{index}-{number}"
        for index, highest in said["sequences"].items()
        for number in range(1, highest + 1)
    }
    assert set(server.seen.values()) == {1}
    # one that was in flight at the stop may not have reached the server any more
    assert set(server.seen) <= given
    assert len(given - set(server.seen)) <= said["in_flight_at_stop"]
    assert len(given) == said["started"] > 100


def test_the_ranges_say_exactly_what_did_not_end_well(loaded: Any) -> None:
    folder, said, server, load = loaded
    ended = {
        (index, n): "ok" for index, top in said["sequences"].items() for n in range(1, top + 1)
    }
    for row in read_csv(folder / "sequences.csv"):
        for number in range(int(row["first"]), int(row["last"]) + 1):
            ended[row["load_worker"], number] = row["outcome"]
    unanswered = {
        (row["load_worker"], int(row["sequence"])) for row in read_csv(folder / "unanswered.csv")
    }
    assert unanswered == {key for key, outcome in ended.items() if outcome == "unanswered"}
    assert len(unanswered) == said["in_flight_at_stop"]
    is_open = isinstance(load.model, Open)
    kept = server.over_kept if load.client == PLAIN else set()
    wrong = {
        key: outcome
        for key, outcome in ended.items()
        if outcome not in (expected(key[1], is_open, "-".join(map(str, key)) in kept), "unanswered")
    }
    assert wrong == {}
    counted = Counter(outcome for outcome in ended.values() if outcome != "unanswered")
    assert counted == {k: n for k, n in said["outcomes"].items() if k != "dropped"}


def test_a_view_is_told_of_every_second_to_the_last(loaded: Any) -> None:
    folder, _, _, load = loaded
    lines = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    told = {line["second"]: line["goodput_rps"] + line["failed_rps"] for line in lines}
    rows = read_csv(folder / "completions.csv")
    ended = dict.fromkeys(range(int(load.duration_s)), 0)
    for row in rows:
        if int(row["second"]) in ended:
            ended[int(row["second"])] += int(row["count"])
    assert told == {-1: 0, **ended}


def test_the_histograms_hold_what_the_raw_list_holds(loaded: Any) -> None:
    folder, said, _, load = loaded
    rows = [row for row in read_csv(folder / "requests.csv") if row["finished_s"]]
    assert (
        len(rows) == said["finished"] == read_log(folder / "latencies.hlog", bool).get_total_count()
    )
    logs = [("latencies.hlog", "intended_s")]
    logs += [("service.hlog", "sent_s")] if isinstance(load.model, Open) else []
    for name, begins in logs:
        raw_ms = sorted(1000 * (float(row["finished_s"]) - float(row[begins])) for row in rows)
        middle = read_log(folder / name, bool).get_value_at_percentile(50) / 1000
        assert (
            raw_ms[len(raw_ms) // 2 - 2] * 0.999 <= middle <= raw_ms[len(raw_ms) // 2 + 2] * 1.001
        )


def test_locust_s_own_count_is_the_recorder_s(loaded: Any) -> None:
    folder, said, _, load = loaded
    summary = (folder.parent / "master.log").read_text()
    (line,) = re.findall(r"Aggregated +(\d+) +(\d+)\(.*\) \|", summary)
    counted, failed = map(int, line)
    wrong = said["finished"] - said["outcomes"]["ok"]
    if load.client == PLAIN:  # fed in bulk
        assert (counted, failed) == (said["finished"], wrong)
    else:  # by itself, and a little beyond the end
        assert said["finished"] <= counted <= said["finished"] + said["in_flight_at_stop"]
    for outcome, count in said["outcomes"].items():
        if load.client == PLAIN and outcome not in ("ok", "dropped"):
            assert re.search(rf"^{count} +PUT root: {outcome} *$", summary, re.MULTILINE)


def test_what_stuck_fills_the_open_load_and_is_told(loaded: Any) -> None:
    _, said, _, load = loaded
    if isinstance(load.model, Closed):
        assert (said["dropped"], said["peak_users"]) == (0, 6)
        assert said["never_answered_users"] == 0
        return
    asked = load.model.arrivals.before(load.duration_s)
    assert abs(said["started"] + said["dropped"] - asked) <= 2
    assert said["dropped"] == said["outcomes"]["dropped"] > 0
    assert said["in_flight_at_stop"] == load.model.most_in_flight
    assert said["never_answered_users"] is None


def test_the_load_workers_measured_themselves(loaded: Any) -> None:
    folder, said, _, load = loaded
    found = derived(folder, load.ramp_s, load.duration_s)
    assert set(found["load_worker_cpu_share"]) == set(said["finished_by_load_worker"])
    assert all(0 < share < 1 for share in found["load_worker_cpu_share"].values())
    assert found["greenlet_lag_p99_ms"] > 0
    if isinstance(load.model, Closed):
        assert found["planned_users"] == (3, 6, 6, 6)
        assert found["active_users"][1:] == (6, 6, 6)
