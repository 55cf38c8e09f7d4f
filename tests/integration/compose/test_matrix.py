"""One small matrix in containers, watched while it runs and read when it has ended; and one more
trial, calibrated and with more load workers, in a second session.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rig.backends.docker.engine import LABEL
from stack.app.entry import USER_ID
from tests.contract.backends import EACH_PROMISE, Promise
from tests.integration.compose.containers import (
    CAPABILITY_SETS,
    Engine,
    Seen,
    UnderWay,
    docker,
    holds,
    images,
    processes,
    running_services,
    under_way,
)
from tests.integration.live_tab import LAST_WORDS_S, Following, Told
from tests.pipeline.serving import free_port
from tests.runs import Attempt, Done, Session, only_session, read_json, valid_session
from tests.warm import fake_session

pytestmark = pytest.mark.compose

MATRIX = """\
experiment: matrix
vary: {route: [io_create], target: [sync], delay_ms: [0, 100]}
also:
  pgbouncer:
    because: fewer connections, behind PgBouncer
    only: {delay_ms: [100]}
    set: {target: async, max_connections: 15, pooler: pgbouncer, pooler_pool_size: 10}
load: {users: {from: 6, per_s: 12, to: 18}, steady: 3s, load_workers: 2}
data: {posts: 1000, cpu_n: 1000}
"""
ONE_TRIAL = """\
experiment: one
vary: {route: [io_create], target: [async], delay_ms: [100]}
load: {users: {from: 6, per_s: 12, to: 18}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
"""
MORE_LOAD_WORKERS = 4
WORDS = ("--backend", "compose", "--yes")
USERS = 18
Cell = tuple[str, int, str, int]
"""Target, delay in ms, pooler, max_connections."""
MATRIX_CELLS: list[Cell] = [
    ("sync", 0, "direct", 100),
    ("sync", 100, "direct", 100),
    ("async", 100, "pgbouncer", 15),
]
AGAIN: Cell = ("async", 100, "direct", 100)
LOAD_WORKERS = {**dict.fromkeys(MATRIX_CELLS, 2), AGAIN: MORE_LOAD_WORKERS}
# their bits, from linux/capability.h
KILL, SETGID, SETUID, SETPCAP, NET_ADMIN, NET_RAW = (1 << bit for bit in (5, 6, 7, 8, 12, 13))
OF_THE_ENTRY_POINT = KILL | SETGID | SETUID | SETPCAP | NET_ADMIN | NET_RAW


@dataclass
class Watched:
    """A session, and what could be seen while its trials were under load."""

    before: Engine
    done: Done = field(default_factory=lambda: Done(-1, "", ""))
    passwords: set[str] = field(default_factory=set)
    seen: list[Seen] = field(default_factory=list)
    """Processes in containers."""
    on_the_machine: list[bytes] = field(default_factory=list)
    """Command lines of all processes, and environments of those in containers."""
    labels: set[str] = field(default_factory=set)
    health: set[str] = field(default_factory=set)
    out: Path = Path()
    told: Told = field(default_factory=dict)
    """What its page told."""

    @property
    def session(self) -> Session:
        return only_session(self.out)

    def attempt(self, cell: Cell) -> Attempt:
        """The attempt of the cell's trial that counts."""
        (found,) = (
            row["trial"]
            for row in self.session.rows("schedule.csv")
            if cell
            == (row["target"], int(row["delay_ms"]), row["pooler"], int(row["max_connections"]))
        )
        return self.session.last(found)

    def look(self, ours: UnderWay) -> None:
        """Notes what is there now."""
        scratch = ours.scratch()
        assert scratch is not None
        for name in ("superuser", "app"):
            self.passwords.add((scratch / "secrets" / name).read_text().strip())
        services = running_services()
        seen = processes(services)
        self.seen += seen
        self.on_the_machine += [it.environment for it in seen]
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.on_the_machine.append(path.read_bytes())
            except OSError:
                continue
        form = f'{{{{index .Config.Labels "{LABEL}"}}}} {{{{.State.Health}}}}'
        for line in docker("inspect", "--format", form, *services).splitlines():
            label, _, health = line.partition(" ")
            self.labels.add(label)
            self.health.add(health)


def watched(folder: Path, out: str) -> Watched:
    """Runs the matrix, and looks once at every trial's load."""
    found, looked = Watched(holds()), ""
    page = Following(f"127.0.0.1:{free_port()}")
    page.start()
    options = ("--no-calibrate", "--live-address", page.address)
    arguments = ("matrix.yaml", *WORDS, "--out", out, *options)
    with under_way(*arguments, cwd=folder, out=out) as it:
        while it.process.poll() is None:
            if (trial := it.loading()) and trial != looked:
                found.look(it)
                looked = trial
            time.sleep(0.1)
        found.done, found.out = it.ends(), folder / out
    page.join(LAST_WORDS_S)
    found.told = page.told
    return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """The matrix, run once; a busy machine gets a second try."""
    folder = tmp_path_factory.mktemp("matrix")
    (folder / "matrix.yaml").write_text(MATRIX)
    found = watched(folder, "results")
    if found.done.code == 4:
        found = watched(folder, "results-again")
    assert found.done.code == 0, found.done.out + found.done.err
    return found


@dataclass(frozen=True)
class Again:
    """A second session, calibrated, and what it has added to the engine."""

    session: Session
    images: frozenset[str]
    left: dict[str, set[str]]

    @property
    def attempt(self) -> Attempt:
        """The attempt of its trial that counts."""
        *_, last = self.session.attempts()
        return last


@pytest.fixture(scope="module")
def again(ran: Watched, tmp_path_factory: pytest.TempPathFactory) -> Again:
    """One trial, after the matrix."""
    folder = tmp_path_factory.mktemp("again")
    before, kept = images(), holds()
    (folder / "one.yaml").write_text(ONE_TRIAL)
    workers = ("--workers", str(MORE_LOAD_WORKERS))
    session, _ = valid_session("one.yaml", *WORDS, *workers, cwd=folder)
    return Again(session, images() - before, holds().left_since(kept))


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The same trial, simulated."""
    return fake_session(ONE_TRIAL, tmp_path_factory.mktemp("fake"))


@pytest.fixture(params=LOAD_WORKERS, ids=lambda cell: "-".join(map(str, cell)))
def cell(request: pytest.FixtureRequest) -> Cell:
    found: Cell = request.param
    return found


@pytest.fixture
def attempt(ran: Watched, again: Again, cell: Cell) -> Attempt:
    """Each trial's attempt."""
    return again.attempt if cell == AGAIN else ran.attempt(cell)


# what it leaves


def test_it_ends_with_a_table(ran: Watched) -> None:
    verdicts = [row["verdict"] for row in ran.session.rows("derived/trials.csv")]
    assert verdicts == ["valid"] * len(MATRIX_CELLS)
    assert ran.done.err == ""
    assert "io_create · added delay 0 ms" in ran.done.out


@EACH_PROMISE
def test_it_keeps_what_every_backend_promises(
    again: Again, fake: Session, promise: Promise
) -> None:
    promise(again.session, again.attempt, fake)


def test_its_page_was_told_every_second(ran: Watched) -> None:
    (over,) = ran.told["over"]
    assert over["text"].startswith("The session has ended: ")
    seconds = ran.told["second"]
    # to the end of each load, which is 4 s long
    assert sum(one["at_s"] == 3 for one in seconds) == len(ran.told["ended"]) >= len(MATRIX_CELLS)
    assert max(one["users"] for one in seconds) == USERS
    # seen from outside the containers, by the runner
    assert {"app", "database", "load_master", "load_worker"} <= set(ran.told["cpu"][-1])
    connections = {name for one in ran.told["connections"] for name in one}
    assert connections >= {"to the app", "to Postgres", "waiting for PgBouncer"}


def test_nothing_is_left_behind(ran: Watched) -> None:
    assert holds().left_since(ran.before) == {}


def test_a_second_session_makes_no_second_images_and_its_load_workers_share_the_load(
    again: Again,
) -> None:
    assert again.images == frozenset()
    assert again.left == {}
    load = again.attempt.manifest["load"]
    assert load["load_workers_asked"] == load["load_workers_connected"] == MORE_LOAD_WORKERS


# what it measured


def test_the_delay_is_as_asked_on_both_paths(attempt: Attempt) -> None:
    manifest = attempt.manifest
    asked_ms = manifest["levels"]["delay_ms"]
    delay = manifest["delay"]
    assert {path["link"] for path in delay["paths"]} == {"front", "data"}
    for path in delay["paths"]:
        for moment in ("before_ms", "during_ms", "after_ms"):
            bound_ms = 3 if moment == "during_ms" else 2
            assert abs(statistics.median(path[moment]) - asked_ms) <= bound_ms
        assert path["lost"] == 0
    assert (delay["drops"], delay["overruns"], delay["alive_to_the_end"]) == (0, 0, True)
    assert delay["mechanism"] in (("netem", "nfqueue") if asked_ms else ("",))
    assert (delay["packets"] > 0) == (asked_ms > 0)


EXPECTED = {
    "sync": ("gunicorn.workers.sync.SyncWorker", "psycopg"),
    "async": ("uvicorn_worker._workers.UvicornWorker", "asyncpg"),
}


def test_facts_are_observed(attempt: Attempt, cell: Cell) -> None:
    manifest = attempt.manifest
    assert (manifest["backend"], manifest["verdict"]) == ("compose", "valid")
    facts, levels = manifest["facts"], manifest["levels"]
    app = facts["app"]
    assert (app["worker_class"], app["driver"]) == EXPECTED[levels["target"]]
    assert (app["debug"], app["middleware"]) == (False, [])
    settings = facts["database"]["settings"]
    assert settings["max_connections"] == str(levels["max_connections"])
    assert settings["synchronize_seqscans"] == "off"
    assert facts["database"]["version"].startswith("17.")
    assert len(facts["roles"]["load_worker"]) == LOAD_WORKERS[cell]
    pooled = levels["pooler"] == "pgbouncer"
    assert len(facts["roles"]["pooler"]) == pooled
    if pooled:
        assert facts["pooler"]["version"] >= "1.24"
        assert facts["pooler"]["settings"]["default_pool_size"] == "10"
        assert app["prepared_statements"] is True
    pids = [pid for role in facts["roles"].values() for pid in role if pid]
    assert len(pids) == len(set(pids))


def test_every_probe_has_its_series(attempt: Attempt) -> None:
    probes, load = attempt.manifest["probes"], attempt.manifest["load"]
    pooled = attempt.manifest["levels"]["pooler"] == "pgbouncer"
    assert probes["failed"] == {}
    series = {"clock", "processes", "app_sockets", "app_loop", "app_workers", "postgres", "host"}
    assert set(probes["samples"]) == series | ({"pgbouncer"} if pooled else set())
    # the entry point starts both in one container
    assert {"app", "delay", "database", "load_worker"} <= set(probes["roles"])
    assert abs(probes["app_open_max"] - USERS) <= 2
    # a connection per request may be gone at each of few samples: what was done on it stays
    first, *_, last = attempt.rows("probes/postgres.csv")
    assert int(last["rows_inserted"]) > int(first["rows_inserted"])
    assert probes["postgres_app_sessions_max"] >= (1 if pooled else 0)
    times_s = [float(row["at_s"]) for row in attempt.rows("probes/app_loop.csv")]
    assert times_s[0] <= load["began_at_s"] < times_s[-1]
    checks = {check["name"]: check["status"] for check in attempt.manifest["checks"]}
    assert checks["nothing_happened"] == "pass"


def test_a_session_says_what_the_engine_is(ran: Watched) -> None:
    host = read_json(ran.session.path / "session.json")["host"]
    assert host["engine"] == docker("version", "--format", "{{.Server.Version}}").strip()
    assert host["open_files"] > 1024


def test_the_load_was_the_one_asked_for(attempt: Attempt, cell: Cell) -> None:
    load = attempt.manifest["load"]
    assert load["peak_users"] == USERS
    assert (load["load_workers_connected"], load["load_workers_lost"]) == (LOAD_WORKERS[cell], 0)
    assert len({*load["load_worker_addresses"]}) == LOAD_WORKERS[cell]
    assert load["complete"] is True
    assert load["started"] == load["finished"] + load["in_flight_at_stop"]


def test_every_count_is_the_same(attempt: Attempt) -> None:
    assert_counts_agree(attempt)
    assert set(attempt.manifest["load"]["outcomes"]) == {"ok"}


def assert_counts_agree(attempt: Attempt) -> None:
    load, told = attempt.manifest["load"], read_json(attempt.path / "load" / "load.json")
    by_outcome: dict[str, int] = {}
    for row in attempt.rows("load/completions.csv"):
        by_outcome[row["outcome"]] = by_outcome.get(row["outcome"], 0) + int(row["count"])
    in_log: dict[str, int] = {}
    for line in attempt.histograms():
        outcome = line.get_tag().split("|")[2]
        in_log[outcome] = in_log.get(outcome, 0) + line.get_total_count()
    assert by_outcome == in_log == load["outcomes"] == told["outcomes"]
    assert load["outcomes"]["ok"] > 0
    by_load_worker = load["finished_by_load_worker"]
    assert set(by_load_worker) == set(load["load_worker_addresses"])
    assert sum(by_load_worker.values()) == load["finished"] == sum(load["outcomes"].values())
    started = sum(int(row["started"]) for row in attempt.rows("load/seconds.csv"))
    assert started == load["started"] == told["started"]


def test_an_answer_waits_for_its_round_trips(ran: Watched, again: Again) -> None:
    for attempt in (ran.attempt(("sync", 100, "direct", 100)), again.attempt):
        answered_us = [
            line.get_min_value() for line in attempt.histograms() if line.get_tag().endswith("|ok")
        ]
        # the database's six round trips and the answer's own way
        assert min(answered_us) >= 7 * 100_000 * 0.98


def test_the_logs_of_every_role_are_kept(attempt: Attempt, cell: Cell) -> None:
    logs = {path.name for path in (attempt.path / "logs").iterdir()}
    pooled = attempt.manifest["levels"]["pooler"] == "pgbouncer"
    assert logs == {
        *("app.log", "database.log", "delay.log", "load_master.log"),
        *(f"load_worker-{number}.log" for number in range(1, LOAD_WORKERS[cell] + 1)),
        *(["pooler.log"] if pooled else []),
    }
    assert "ready to accept connections" in (attempt.path / "logs/database.log").read_text()


# what was seen meanwhile


def test_no_password_is_in_results_or_process_lists(ran: Watched) -> None:
    assert len(ran.passwords) == 2
    assert len(ran.on_the_machine) > 100
    files = [path.read_bytes() for path in ran.session.path.rglob("*") if path.is_file()]
    for password in ran.passwords:
        assert not any(password.encode() in data for data in (*files, *ran.on_the_machine))
        assert password not in ran.done.out + ran.done.err


SERVERS = {
    "postgres": {"postgres", "postgres:"},
    "pgbouncer": {"pgbouncer"},
    "django_sync": {"gunicorn"},
    "django_async": {"gunicorn"},
    "locust_master": {"locust_master"},
    "locust_worker": {"locust_worker"},
}
HOLDERS = {"stack.app.entry", "stack.delay"}


@pytest.mark.parametrize("service", SERVERS)
def test_servers_run_without_any_right(ran: Watched, service: str) -> None:
    servers = [it for it in ran.seen if it.service == service and it.name not in HOLDERS]
    assert {it.name.split()[0] for it in servers} == SERVERS[service]
    for it in servers:
        assert it.capabilities == dict.fromkeys(CAPABILITY_SETS, 0), it.command
        assert it.status["NoNewPrivs"] == "1", it.command
        assert set(it.status["Uid"].split()) == {str(USER_ID)}, it.command
        assert set(it.status["Gid"].split()) == {str(USER_ID)}, it.command
        assert it.status["Groups"] in ("", str(USER_ID)), it.command


def test_gunicorns_master_and_its_workers_were_seen(ran: Watched) -> None:
    for target in ("sync", "async"):
        of_it = [it for it in ran.seen if it.service == f"django_{target}"]
        trials = sum(cell[0] == target for cell in MATRIX_CELLS)
        assert sum(it.name == "gunicorn" for it in of_it) >= 2 * trials


def test_the_entry_point_and_the_delay_alone_hold_capabilities(ran: Watched) -> None:
    holders = [it for it in ran.seen if any(it.capabilities.values())]
    assert {it.name for it in holders} == HOLDERS
    for it in holders:
        assert it.service in ("django_sync", "django_async")
        sets = it.capabilities
        assert sets["CapEff"] == sets["CapPrm"] == sets["CapBnd"] == OF_THE_ENTRY_POINT
        assert sets["CapAmb"] == 0
        assert it.status["NoNewPrivs"] == "1"


def test_every_container_carries_the_sessions_label_and_no_health_check(ran: Watched) -> None:
    assert len(ran.labels) == 1
    assert ran.labels.pop().startswith("async-django-")
    assert ran.health == {"<nil>"}
