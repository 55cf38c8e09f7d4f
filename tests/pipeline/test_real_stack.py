"""A whole trial on real roles, which any user may run: Postgres, Django, Locust, the delay's
measuring. What only namespaces and containers have is the integration's.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rig import attempt
from rig.backends.base import LoadProgress
from rig.backends.database import PORT, Login, ready
from rig.backends.http import APP_PORT
from rig.backends.requests import route_requests
from rig.backends.templates import TargetError
from rig.config import read_targets
from rig.factors import bind
from rig.load.scout import UnloadedRequest
from rig.load.spec import PLAIN
from rig.model import Phase, Role, Status, Verdict
from rig.plan import Closed, Data, Draft, Load, Mix, Plan, Users
from rig.record import Record, TableRows
from tests.pipeline import on_loopback
from tests.pipeline.on_loopback import LoopbackBackend
from tests.runs import ROOT, read_csv, read_json
from tests.unit.plans import trial

POSTS = 100
TARGET = read_targets([ROOT], ROOT / "stack" / "routes.yaml")["sync"]
DRAFT = Draft(
    "sync",
    "both",
    load=Load(Closed(Users(1, 2, 2)), steady_s=2.0, load_workers=1, client=PLAIN),
    data=Data(POSTS, cpu_n=10),
)
ROLES = ("app", "database", "delay", "load_master", "load_worker-1")


def plan_of(**changes: object) -> Plan:
    """The plan of a target as it ships, but for what a test changes of it."""
    # what writes stands first, and yet what is read is first held against what was seeded
    mixes = {"both": Mix({"io_create": 1, "io_read": 1})}
    target = replace(TARGET, mixes=mixes, **changes)  # type: ignore[arg-type]
    plan, skip = bind(DRAFT, {"sync": target}, {})
    assert not skip
    return plan


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """A folder that every user can enter, and a cache of its own."""
    if why := on_loopback.unsupported_reason():
        pytest.skip(why)
    folder = Path(tempfile.mkdtemp(prefix="real-stack-"))
    folder.chmod(0o711)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        yield folder
    shutil.rmtree(folder)


def backend_in(scratch: Path, name: str) -> LoopbackBackend:
    folder = scratch / name
    folder.mkdir(mode=0o711)
    return LoopbackBackend(folder)


@dataclass(frozen=True)
class Ran:
    backend: LoopbackBackend
    folder: Path
    record: Record
    phases: list[Phase]
    progress: list[LoadProgress]


@pytest.fixture(scope="module")
def ran(scratch: Path) -> Ran:
    """One attempt at a mix of two routes."""
    return tried(backend_in(scratch, "first"), plan_of(), scratch / "attempt")


def tried(backend: LoopbackBackend, plan: Plan, folder: Path) -> Ran:
    for inside in ("", "probes"):
        (folder / inside).mkdir()
    phases: list[Phase] = []
    progress: list[LoadProgress] = []
    origin_s = time.monotonic()
    planned = trial(plan)
    to = phases.append, progress.append
    record = attempt.run(planned, 1, folder, backend, origin_s, *to)
    return Ran(backend, folder, record, phases, progress)


def test_it_walks_through_all_phases_without_an_error(ran: Ran) -> None:
    assert [span.failure for span in ran.record.spans if span.error] == []
    assert ran.phases == list(Phase)
    # others tell of the machine, which may be busy
    (ledger,) = (check for check in ran.record.checks if check.name == "ledger")
    assert ledger.status == Status.PASS, ledger
    assert sum(one.goodput_rps for one in ran.progress) > 0


def test_client_target_and_database_counted_the_same(ran: Ran) -> None:
    ledger = ran.record.ledger
    ok = {route: answers.ok for route, answers in ledger.answers.items()}
    assert {answers.failed for answers in ledger.answers.values()} == {0}
    # the row of a request that was under way at the stop may have been written
    added = ok["io_create"] + ledger.rows_of_unanswered
    assert ledger.tables["posts_post"] == TableRows(1, POSTS + 1, POSTS + 1 + added)
    assert ledger.rows_of_successes == ok["io_create"] > 0
    assert (ledger.rows_twice, ledger.rows_foreign) == (0, 0)
    assert ledger.successes_without_row == ok["io_read"] > 0
    assert ledger.wrote == {"io_create": {"posts_post": 1}, "io_read": {"posts_post": 0}}
    assert (ledger.naming, ledger.verifying_requests) == (("io_create",), 2)
    assert not ledger.postgres_restarted
    assert ledger.fingerprint_before == ledger.fingerprint_after != ""


def test_statements_are_those_of_the_requests(ran: Ran) -> None:
    ledger = ran.record.ledger
    assert ledger.counted is not None
    if ledger.counted.why:
        pytest.skip(ledger.counted.why)
    added = ledger.tables["posts_post"].added
    reads = ledger.answers["io_read"].ok
    begun = reads + ran.record.load.in_flight_at_stop
    # the verifying requests among them: one to write, two to read
    assert 1 + added + 2 * (1 + reads) <= ledger.counted.certain <= 1 + added + 2 * (1 + begun)


def test_what_is_in_force_was_asked_of_the_roles_themselves(ran: Ran) -> None:
    facts = ran.record.facts
    settings = facts["database"]["settings"]
    assert (settings["max_connections"], settings["autovacuum"]) == ("100", "off")
    assert facts["app"] is not None
    assert facts["app"]["driver"].startswith("psycopg")
    assert facts["sessions_left"] == 0
    (node,) = facts["nodes"].values()
    assert node["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert sorted(node["roles"]) == sorted(name.removesuffix("-1") for name in ROLES)
    assert all(pid > 0 for pids in facts["roles"].values() for pid in pids)


def test_every_probe_saw_the_load(ran: Ran) -> None:
    probes = ran.folder / "probes"
    assert read_json(probes / "failed.json") == {}
    names = ("processes", "host", "app_workers", "app_sockets", "app_loop", "postgres")
    assert [name for name in names if not read_csv(probes / f"{name}.csv")] == []
    first, *_, last = read_csv(probes / "app_loop.csv")
    assert first["pid"] == last["pid"]
    assert int(last["answered"]) > int(first["answered"])


def test_paths_are_measured_where_no_delay_is_asked(ran: Ran) -> None:
    said = read_json(ran.folder / "probes" / "delay.json")
    assert (said["mechanism"], said["why"]) == ("", "no delay was asked")
    assert said["lost"] == {"data": 0, "front": 0}
    for link in ("data", "front"):
        moments = {moment: len(ms) for moment, ms in said["rtt_ms"][link].items()}
        assert (moments["before"], moments["after"]) == (11, 11)
        rows = [row for row in read_csv(ran.folder / "probes" / "delay.csv") if row["link"] == link]
        assert len(rows) == moments["during"] >= 2


def test_every_role_left_its_log(ran: Ran) -> None:
    logs = sorted(path.stem for path in (ran.folder / "logs").iterdir())
    assert logs == sorted(ROLES)
    assert "database system is ready" in (ran.folder / "logs" / "database.log").read_text()


def test_no_password_stands_in_what_is_kept(ran: Ran) -> None:
    kept = ran.backend.secrets
    files = (kept.superuser_password_file, kept.app_password_file)
    passwords = [file.read_bytes().strip() for file in files]
    contents = [path.read_bytes() for path in ran.folder.rglob("*") if path.is_file()]
    assert contents
    assert not any(password in content for password in passwords for content in contents)


def test_nothing_of_it_runs_on(ran: Ran) -> None:
    (hosts,) = ran.backend.hosts
    assert [role for role, process in hosts.started if process.code() is None] == []
    for role, port in ((Role.DATABASE, PORT), (Role.APP, APP_PORT)):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(hosts.reach(role, port), 5)


@pytest.fixture(scope="module")
def later(ran: Ran, scratch: Path) -> LoopbackBackend:
    """A later session on the same machine, with passwords of its own."""
    return backend_in(scratch, "later")


def test_a_later_session_takes_the_kept_cluster_with_its_own_passwords(
    later: LoopbackBackend, scratch: Path
) -> None:
    with later.up(plan_of()) as stack:
        replies = {one.route: one for one in stack.ask_routes()}
        (hosts,) = later.hosts
        # by the first session's password nobody comes in any more
        old = Login(*hosts.reach(Role.DATABASE, PORT), scratch / "first" / "secrets" / "superuser")
        assert not ready(old)
        assert ready(replace(old, password_file=later.secrets.superuser_password_file))
    assert {name: (one.status, one.wrong) for name, one in replies.items()} == {
        "cpu": (200, ""), "io_create": (201, ""), "io_read": (200, ""),
    }  # fmt: skip
    assert later.said == []
    # the app's role ran no migration and no seeding: just once, to serve
    assert [role for role, _ in hosts.started].count(Role.APP) == 1
    if hosts.layout().counts_statements:
        counted = {name: one.statements for name, one in replies.items()}
        assert counted == {"cpu": 0, "io_create": 1, "io_read": 2}


def test_unloaded_requests_come_back_of_every_route(later: LoopbackBackend) -> None:
    plan = plan_of()
    asked = [UnloadedRequest(one, 1, requests=3, burst=2, bursts_s=0.1)
             for one in route_requests(plan, {})]  # fmt: skip
    with later.up(plan) as stack:
        first, second = stack.scout(asked, at_no_delay=True)
    for results in (first, second):
        assert {route: one.wrong for route, one in results.routes.items()} == {
            one.route: () for one in asked
        }
        assert all(one.tells for one in results.routes.values())
    # the first without the delay role; what no delay was asked of is as long as the path itself
    assert first.delay_ms == 0 < second.delay_ms


def test_a_target_that_answers_otherwise_fails_before_any_load(
    later: LoopbackBackend, scratch: Path
) -> None:
    plan = plan_of()
    routes = {**plan.target.routes, "io_read": replace(plan.target.routes["io_read"], status=203)}
    plan = replace(plan, target=replace(plan.target, routes=routes))
    wrong = tried(later, plan, scratch / "wrong")
    assert wrong.record.verdict == Verdict.FAILED
    assert wrong.record.why.startswith("verify: target sync does not answer both correctly: ")
    assert "200" in wrong.record.why
    assert wrong.phases == [phase for phase in Phase if phase not in (Phase.LOAD, Phase.STOP)]
    assert sorted(path.stem for path in (wrong.folder / "logs").iterdir()) == sorted(ROLES)
    assert read_json(wrong.folder / "verify.json")["response"]["status"] == 200
    assert [role for role, one in later.hosts[-1].started if one.code() is None] == []


def test_a_command_that_fails_before_the_start_is_one_line_and_is_not_tried_again(
    ran: Ran, scratch: Path
) -> None:
    backend = backend_in(scratch, "unprepared")
    plan = plan_of(before_start=(("{python}", "-c", "raise ValueError('no pages today')"),))
    for _ in range(2):
        with pytest.raises(TargetError) as caught, backend.up(plan):
            pass
        assert caught.value.what == (
            "target sync's before_start failed (1): ValueError: no pages today"
        )
    started = [[role for role, _ in hosts.started] for hosts in backend.hosts]
    # on the kept cluster, which stays: neither migrated nor seeded
    assert started == [[Role.DATABASE, Role.APP], []]
    assert len(list((scratch / "cache").glob("*/*/complete"))) == 1
    assert [role for role, one in backend.hosts[0].started if one.code() is None] == []
