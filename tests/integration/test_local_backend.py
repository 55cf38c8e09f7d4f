"""One small matrix on the local backend: real Django, Postgres, PgBouncer, Locust, namespaces."""

from __future__ import annotations

import json
import re
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.backends.machine import binaries
from tests.contract.backends import EACH_PROMISE, Promise
from tests.integration.live_tab import Followed
from tests.integration.worlds import Machine, machine
from tests.runs import Attempt, Done, Session, read_json, runner, valid_session
from tests.warm import fake_session

pytestmark = pytest.mark.integration

MATRIX = """\
experiment: matrix
claim: {says: async serves more, ratio: {of: goodput_rps, target: [async, sync]}, at_least: 1}
vary: {route: [io_create], target: [sync, async], delay_ms: [0, 60]}
also:
  capped:
    because: more users than connections
    only: {target: [async], delay_ms: [60]}
    set: {max_connections: 12}
  pgbouncer:
    because: few connections, behind PgBouncer
    only: {target: [async], delay_ms: [60]}
    set: {max_connections: 15, pooler: pgbouncer, pooler_pool_size: 10}
load: {users: {from: 4, per_s: 12, to: 16}, steady: 3s, load_workers: 2}
data: {posts: 1000, cpu_n: 1000}
"""
# five in eight of them hold a connection at a delay of 60 ms, one more than the cap lets in; and no
# more, as each has a Postgres process while it is served: where load workers may not go before
# these, as an ordinary user's, they wait for all of them
USERS = 16
NEEDS_PGBOUNCER = pytest.mark.skipif(
    not binaries.which("pgbouncer"), reason="PgBouncer is not here: make setup"
)
CELLS = [
    ("sync", 0, "direct", 100),
    ("sync", 60, "direct", 100),
    ("async", 0, "direct", 100),
    ("async", 60, "direct", 100),
    ("async", 60, "direct", 12),
    pytest.param(("async", 60, "pgbouncer", 15), marks=NEEDS_PGBOUNCER),
]


@dataclass(frozen=True)
class Ran:
    session: Session
    done: Done
    before: Machine
    live: Followed
    """What its page told."""

    def attempt(self, cell: tuple[str, int, str, int]) -> Attempt:
        """The attempt of the cell's trial that counts."""
        for row in self.session.rows("schedule.csv"):
            found = (
                row["target"],
                int(row["delay_ms"]),
                row["pooler"],
                int(row["max_connections"]),
            )
            if found == cell:
                return self.session.last(row["trial"])
        raise AssertionError(f"no trial of {cell}")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The matrix, run once."""
    folder = tmp_path_factory.mktemp("matrix")
    (folder / "matrix.yaml").write_text(MATRIX)
    before, live = machine(), Followed()
    words = ("matrix.yaml", "--backend", "local", "--yes")
    session, done = valid_session(*words, cwd=folder, run=live.run)
    return Ran(session, done, before, live)


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The same matrix, simulated."""
    return fake_session(MATRIX, tmp_path_factory.mktemp("fake"))


@pytest.fixture(params=CELLS, ids=lambda cell: "-".join(map(str, cell)))
def attempt(ran: Ran, request: pytest.FixtureRequest) -> Attempt:
    """Each trial's attempt."""
    return ran.attempt(request.param)


def test_it_ends_with_a_table(ran: Ran) -> None:
    verdicts = [row["verdict"] for row in ran.session.rows("derived/trials.csv")]
    assert set(verdicts) <= {"valid", "skipped"}, ran.done.out
    assert verdicts.count("skipped") == (0 if binaries.which("pgbouncer") else 1)
    assert (ran.done.code, ran.done.err) == (0, "")
    assert "io_create · added delay 60 ms" in ran.done.out


@EACH_PROMISE
def test_it_keeps_what_every_backend_promises(ran: Ran, fake: Session, promise: Promise) -> None:
    promise(ran.session, ran.attempt(("async", 60, "direct", 100)), fake)


def test_nothing_is_left_behind(ran: Ran) -> None:
    assert machine().left_since(ran.before) == {}


def test_its_page_was_told_everything(ran: Ran) -> None:
    """It is reached from outside the sandbox, and told what the probes inside see."""
    assert b"live.js" in ran.live.page
    events = ran.live.told
    assert re.match(r"The session has ended: \d ", events["over"][0]["text"])
    assert len(events["began"]) >= 2
    assert {one["phase"] for one in events["phase"]} >= {"provision", "verify", "load", "collect"}
    seconds = events["second"]
    assert max(one["correct"] for one in seconds) > 0
    # to the end of each load, which is 4 s long
    assert sum(one["at_s"] == 3 for one in seconds) == len(events["ended"])
    assert max(one["users"] for one in seconds) == USERS
    assert all(
        0 < one["p50_ms"] <= one["p95_ms"] <= one["p99_ms"] for one in seconds if one["correct"]
    )
    assert {"app", "database", "load_master", "load_worker"} <= set(events["cpu"][-1])
    assert {name for one in events["connections"] for name in one} >= {"to the app", "to Postgres"}


def test_the_delay_is_as_asked_on_both_paths(attempt: Attempt) -> None:
    manifest = attempt.manifest
    asked_ms = manifest["levels"]["delay_ms"]
    delay = manifest["delay"]
    assert {path["link"] for path in delay["paths"]} == {"front", "data"}
    for path in delay["paths"]:
        for moment in ("before_ms", "during_ms", "after_ms"):
            bound_ms = 3 if moment == "during_ms" else max(1, 0.02 * asked_ms)
            assert abs(statistics.median(path[moment]) - asked_ms) <= bound_ms
        assert path["lost"] == 0
    assert (delay["drops"], delay["overruns"], delay["alive_to_the_end"]) == (0, 0, True)
    assert delay["mechanism"] in (("netem", "nfqueue") if asked_ms else ("",))
    assert (delay["packets"] > 0) == (asked_ms > 0)
    assert delay["why"]


def test_the_probe_kept_a_line_a_second_and_path(attempt: Attempt) -> None:
    rows = attempt.rows("probes/delay.csv")
    duration_s = attempt.manifest["load"]["duration_s"]
    for link in ("front", "data"):
        assert sum(row["link"] == link for row in rows) >= duration_s - 1


SERIES = {"clock", "processes", "app_sockets", "app_loop", "app_workers", "postgres", "host"}


def test_every_probe_has_its_series_on_the_loads_clock(attempt: Attempt) -> None:
    probes, load = attempt.manifest["probes"], attempt.manifest["load"]
    pooled = attempt.manifest["levels"]["pooler"] == "pgbouncer"
    assert probes["failed"] == {}
    assert set(probes["samples"]) == SERIES | ({"pgbouncer"} if pooled else set())
    for name in set(probes["samples"]) - {"app_workers"}:
        times_s = [float(row["at_s"]) for row in attempt.rows(f"probes/{name}.csv")]
        assert times_s == sorted(times_s)
        # from before the load to its end, and about once a second
        assert times_s[0] <= load["began_at_s"]
        assert times_s[-1] >= load["began_at_s"] + load["duration_s"] - 1.5
        assert probes["samples"][name] >= load["duration_s"] - 1


def test_the_probes_saw_every_role_at_work(attempt: Attempt) -> None:
    probes, levels = attempt.manifest["probes"], attempt.manifest["levels"]
    roles = {"database", "app", "delay", "load_master", "load_worker"}
    assert set(probes["roles"]) == roles | (
        {"pooler"} if levels["pooler"] == "pgbouncer" else set()
    )
    assert 0 < probes["roles"]["app"]["cpu_share_mean"] <= 1.1
    # without keep-alive, one may be between two connections at every sample, and one open the
    # next before the app has closed the last
    assert abs(probes["app_open_max"] - USERS) <= 2
    assert (probes["app_loop_lag_max_ms"] is None) == (levels["target"] == "sync")
    if levels["target"] == "sync":
        # one request at a time: all other users stand in the backlog
        assert probes["app_backlog_max"] >= USERS - 2
        assert 0.5 < probes["app_busy_share"] <= 1.05


def test_nothing_happened_meanwhile(attempt: Attempt) -> None:
    probes = attempt.manifest["probes"]
    happened = ("app_workers_begun", "app_workers_ended", "app_worker_timeouts",
                "postgres_restarts", "oom_kills")  # fmt: skip
    assert [probes[name] for name in happened] == [0] * len(happened)
    checks = {check["name"]: check["status"] for check in attempt.manifest["checks"]}
    assert checks["nothing_happened"] == "pass"
    assert checks["host_quiet"] in ("pass", "warn")


def test_the_probe_of_postgres_sees_the_apps_sessions_and_takes_none(ran: Ran) -> None:
    capped = ran.attempt(("async", 60, "direct", 12)).manifest["probes"]
    assert capped["postgres_max_connections"] == 12
    # those that log in hold a place, too; 3 are kept from the app, the probe's own among these
    assert 0 < capped["postgres_app_sessions_max"] <= 9
    assert capped["postgres_sessions_max"] <= 11
    alone = ran.attempt(("sync", 60, "direct", 100))
    # the one before may not have left yet, and at each of few samples none may be logged in
    assert alone.manifest["probes"]["postgres_sessions_max"] <= 2
    first, *_, last = alone.rows("probes/postgres.csv")
    assert int(last["rows_inserted"]) > int(first["rows_inserted"])


def test_targets_and_users_count_the_same(attempt: Attempt) -> None:
    last = attempt.rows("probes/app_loop.csv")[-1]
    load = attempt.manifest["load"]
    # all but what came between the last sample and the load's end, and what the verifying asked
    assert load["finished"] * 0.5 <= int(last["answered"]) <= load["started"] + 5


@NEEDS_PGBOUNCER
def test_the_probe_of_pgbouncer_sees_its_pool(ran: Ran) -> None:
    attempt = ran.attempt(("async", 60, "pgbouncer", 15))
    rows = attempt.rows("probes/pgbouncer.csv")
    assert max(int(row["clients_active"]) + int(row["clients_waiting"]) for row in rows) > 1
    servers = ("servers_active", "servers_idle", "servers_used")
    assert 1 <= max(sum(int(row[name]) for name in servers) for row in rows) <= 10
    assert int(rows[-1]["queries"]) > 0
    assert attempt.manifest["probes"]["postgres_app_sessions_max"] <= 10


def test_one_request_and_its_answer_are_kept(attempt: Attempt) -> None:
    asked = read_json(attempt.path / "verify.json")
    assert (asked["request"]["method"], asked["request"]["path"]) == ("POST", "/io_create")
    assert asked["response"]["status"] == 201
    assert set(json.loads(asked["response"]["body"])) == {"id", "title"}
    kept_open = attempt.manifest["levels"]["target"] == "async"
    assert (asked["response"]["headers"].get("connection") != "close") == kept_open


def test_everything_can_be_recomputed(ran: Ran, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(ran.session.path, tmp_path / ran.session.path.name)
    done = runner("verify", elsewhere, cwd=tmp_path)
    assert (done.code, done.err) == (0, ""), done.out
    assert "nothing differs" in done.out


def test_the_two_targets_differ_by_their_nature_only(ran: Ran) -> None:
    rows = ran.session.rows("derived/comparisons.csv")
    for row in rows:
        assert (row["verdict"], row["undeclared"], row["unknown"]) == ("same", "", ""), row
    claimed = [row for row in rows if row["asked_by"] == "claim"]
    assert len(claimed) == 2
    for row in claimed:
        assert "app.driver asyncpg vs psycopg" in row["inherent"]


EXPECTED = {
    "sync": ("gunicorn.workers.sync.SyncWorker", "psycopg"),
    "async": ("uvicorn_worker._workers.UvicornWorker", "asyncpg"),
}


def test_facts_are_observed(attempt: Attempt) -> None:
    manifest = attempt.manifest
    facts, levels = manifest["facts"], manifest["levels"]
    app = facts["app"]
    assert (app["worker_class"], app["driver"]) == EXPECTED[levels["target"]]
    assert (app["debug"], app["middleware"]) == (False, [])
    assert (app["app_workers"], app["app_threads"]) == (1, 1)
    settings = facts["database"]["settings"]
    assert settings["max_connections"] == str(levels["max_connections"])
    assert settings["synchronize_seqscans"] == "off"
    assert facts["database"]["version"]
    assert app["parent_pid"] in facts["roles"]["app"]
    pids = [pid for role in facts["roles"].values() for pid in role]
    assert len(pids) == len(set(pids))
    assert len(facts["roles"]["load_worker"]) == 2
    assert (len(facts["roles"]["pooler"]) == 1) == (levels["pooler"] == "pgbouncer")


def test_the_load_was_the_one_asked_for(attempt: Attempt) -> None:
    load = attempt.manifest["load"]
    assert load["peak_users"] == USERS
    assert load["load_workers_connected"] == 2
    assert load["load_worker_addresses"] == ["198.18.0.10", "198.18.0.11"]
    assert (load["load_workers_lost"], load["complete"]) == (0, True)
    assert load["started"] == load["finished"] + load["in_flight_at_stop"]


def test_every_count_is_the_same(attempt: Attempt) -> None:
    load, told = attempt.manifest["load"], read_json(attempt.path / "load" / "load.json")
    by_outcome: dict[str, int] = {}
    for row in attempt.rows("load/completions.csv"):
        by_outcome[row["outcome"]] = by_outcome.get(row["outcome"], 0) + int(row["count"])
    in_log: dict[str, int] = {}
    for line in attempt.histograms():
        outcome = line.get_tag().split("|")[2]
        in_log[outcome] = in_log.get(outcome, 0) + line.get_total_count()
    assert by_outcome == in_log == load["outcomes"] == told["outcomes"]
    started = sum(int(row["started"]) for row in attempt.rows("load/seconds.csv"))
    assert started == load["started"] == told["started"]
    assert len(told["in_flight_ages_s"]) == load["in_flight_at_stop"]


@pytest.mark.skipif(
    not binaries.find().counts_statements, reason="no pg_stat_statements is here: make setup"
)
def test_postgres_counted_the_statements_of_its_requests_alone(attempt: Attempt) -> None:
    counted = attempt.manifest["ledger"]["counted"]
    # of io_create, on whichever driver: nothing but the INSERT, whatever a connection costs
    (text,) = counted["commonest"]
    assert "posts_post" in text
    assert counted["calls"] - counted["of_connections"] == counted["commonest"][text]
    successes = attempt.manifest["load"]["outcomes"]["ok"]
    assert successes < counted["commonest"][text] <= attempt.manifest["load"]["started"] + 1
    assert (counted["nested"], counted["evicted"], counted["why"]) == (0, 0, "")


def test_an_answer_waits_for_its_round_trips(ran: Ran) -> None:
    for target, trips in (("sync", 6), ("async", 6)):
        answer = ran.attempt((target, 60, "direct", 100))
        answered_us = [
            line.get_min_value() for line in answer.histograms() if line.get_tag().endswith("|ok")
        ]
        # the database's round trips and the answer's own way, 60 ms each
        assert min(answered_us) >= (trips + 1) * 60_000 * 0.98


def test_locusts_own_reports_stay(attempt: Attempt) -> None:
    load = attempt.path / "load"
    assert (load / "locust.html").stat().st_size > 1000
    assert len(attempt.rows("load/locust_stats.csv")) >= 1
    logs = {path.name for path in (attempt.path / "logs").iterdir()}
    assert logs >= {
        *("app.log", "database.log", "delay.log", "load_master.log"),
        *("load_worker-1.log", "load_worker-2.log"),
    }


def test_too_many_users_meet_the_connection_cap(ran: Ran) -> None:
    seen = ran.attempt(("async", 60, "direct", 12)).manifest["load"]["outcomes"]
    assert seen.get("db_too_many_connections", 0) > 0
    assert seen.get("ok", 0) > 0


@NEEDS_PGBOUNCER
def test_behind_pgbouncer_they_do_not(ran: Ran) -> None:
    capped = ran.attempt(("async", 60, "pgbouncer", 15))
    assert set(capped.manifest["load"]["outcomes"]) == {"ok"}
    pooler = capped.manifest["facts"]["pooler"]
    assert pooler["settings"]["pool_mode"] == "transaction"
    assert pooler["settings"]["default_pool_size"] == "10"
    assert capped.app["prepared_statements"] == pooler["prepared_statements"]


def test_no_password_is_left_in_the_results(ran: Ran) -> None:
    logs = [path.read_text(errors="replace") for path in ran.session.path.rglob("*.log")]
    assert logs
    assert not any("PASSWORD '" in text and "SCRAM-SHA-256$" not in text for text in logs)
    kept = {path.name for path in ran.session.path.rglob("*")}
    assert not kept & {"pgpass", "userlist.txt", "superuser"}
