"""The stack on three nodes of a Swarm, each with its own clock: valid, exact, gone in the end."""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass

import pytest

from tests.integration.live_tab import Followed, Told
from tests.integration.swarm.lab import Lab
from tests.runs import Attempt, Session, valid_session

pytestmark = pytest.mark.swarm

MATRIX = """\
experiment: swarm
vary: {route: [io_create], target: [sync, async], delay_ms: [100]}
load: {users: {from: 6, per_s: 12, to: 18}, steady: 3s, load_workers: 4}
data: {posts: 1000, cpu_n: 1000}
"""
DELAY_MS, USERS, LOAD_WORKERS = 100, 18, 4
PLACE = "{app: sut, database: db, pooler: db, load_master: load, load_worker: [load, db]}"


@dataclass(frozen=True)
class Ran:
    """A session, what its page told, and what it left on the nodes."""

    session: Session
    told: Told
    left: set[str]

    def attempts(self) -> list[Attempt]:
        return [self.session.last(row["trial"]) for row in self.session.rows("schedule.csv")]


@pytest.fixture(scope="module")
def ran(three: Lab) -> Ran:
    experiment = three.folder / "matrix.yaml"
    experiment.write_text(MATRIX)
    before, live = three.left(), Followed(three.run)
    words = (experiment, "--backend", "swarm", "--nodes", three.file(PLACE), "--no-calibrate")
    session, _ = valid_session(*words, "--yes", cwd=three.folder, run=live.run)
    return Ran(session, live.told, three.left() - before)


def test_the_doctor_finds_the_nodes_fit(ran: Ran, three: Lab) -> None:
    done = three.run("doctor", "--nodes", three.file(PLACE))
    assert done.code == 0, done.out + done.err
    for said in ("place: app on sut", "Swarm: 3 members of one", "images: the same on all"):
        assert f"ok   {said}" in done.out
    for name in ("sut", "db", "load"):
        assert f"ok   {name}: engine: Docker " in done.out
        assert f"{name}: CPUs: " in done.out
    assert "ok   overlay: 1 MB passes between all nodes; MTU (bytes): sut 1450" in done.out
    assert "warn kernels: sut and db and load share a kernel" in done.out
    ahead_s = [float(line.split()[3]) for line in done.out.splitlines() if ": clock: " in line]
    # as swarm-up makes them, whatever this machine's own clock says
    assert [round(b - a) for a, b in itertools.pairwise(ahead_s)] == [100_000] * 2


def test_nothing_is_left_on_any_node(ran: Ran) -> None:
    assert ran.left == set()


def test_its_page_was_told_every_second(ran: Ran) -> None:
    (over,) = ran.told["over"]
    assert over["text"].startswith("The session has ended: ")
    seconds = ran.told["second"]
    # to the end of each load, which is 4 s long
    assert sum(one["at_s"] == 3 for one in seconds) == len(ran.told["ended"]) >= 2
    assert max(one["users"] for one in seconds) == USERS
    assert max(one["correct"] for one in seconds) > 0
    # what observers see on other machines comes after the load
    assert {"cpu", "connections"}.isdisjoint(ran.told)


def test_paths_are_as_long_as_they_are_and_the_delay(ran: Ran) -> None:
    for attempt in ran.attempts():
        paths = {path["link"]: path for path in attempt.manifest["delay"]["paths"]}
        assert set(paths) == {"front", "data"}
        for path in paths.values():
            base_ms = statistics.median(path["base_ms"])
            assert 0 < base_ms < 5
            for moment in ("before_ms", "after_ms"):
                assert abs(statistics.median(path[moment]) - base_ms - DELAY_MS) < 1


def test_load_workers_are_dealt_over_the_load_nodes_and_their_counts_are_exact(ran: Ran) -> None:
    for attempt in ran.attempts():
        load = attempt.manifest["load"]
        nodes = attempt.manifest["facts"]["nodes"]
        assert [nodes[name]["load_workers"] for name in ("load", "db")] == [
            ["198.18.45.30", "198.18.45.32"],
            ["198.18.45.31", "198.18.45.33"],
        ]
        own = load["finished_by_load_worker"]
        assert set(own) == {f"198.18.45.{last}" for last in range(30, 34)}
        assert sum(own.values()) == load["finished"]
        assert load["load_workers_connected"] == LOAD_WORKERS
        counted = sum(int(row["count"]) for row in attempt.rows("load/completions.csv"))
        histograms = sum(one.get_total_count() for one in attempt.histograms())
        assert counted == histograms
        checks = {check["name"]: check["status"] for check in attempt.manifest["checks"]}
        assert checks["ledger"] == "pass"
        assert checks["ramp"] == "pass"
        assert checks["clock"] == "pass"


def test_no_clock_is_further_from_the_truth_than_it_is_said_to_be(ran: Ran) -> None:
    for attempt in ran.attempts():
        load, seen = attempt.manifest["load"]["clocks"], attempt.manifest["probes"]["clocks"]
        # on the nodes sut, db and load, as swarm-up makes them
        observers = {"sut": -200_000, "db": -100_000, "load": 0}
        load_workers = {f"198.18.45.{last}": -100_000 * (last % 2) for last in range(30, 34)}
        assert (set(seen), set(load)) == (set(observers), set(load_workers))
        for clocks, true_s in ((seen, observers), (load, load_workers)):
            for name, one in clocks.items():
                assert abs(one["offset_s"] - true_s[name]) <= one["uncertainty_s"]


def test_what_was_seen_was_seen_where_it_is(ran: Ran) -> None:
    for attempt in ran.attempts():
        facts = attempt.manifest["facts"]["nodes"]
        assert set(facts) == {"sut", "db", "load"}
        assert len({node["boot_id"] for node in facts.values()}) == 1  # this one machine's
        assert facts["sut"]["mtu"]["front"] == 1450
        seen = {(row["node"], row["role"]) for row in attempt.rows("probes/processes.csv")}
        assert {("sut", "app"), ("db", "database"), ("load", "load_worker")} <= seen
        assert {row["node"] for row in attempt.rows("probes/host.csv")} == {"sut", "db", "load"}
        assert len(attempt.rows("probes/app_loop.csv")) >= 3
        assert len(attempt.rows("probes/postgres.csv")) >= 3
