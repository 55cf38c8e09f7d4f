"""A real stack, brought up once above any hosts: start, delay, verify, load, stop, collect.

May know roles, specs and plans; may not know whether a host is a namespace or a container.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rig.backends import database, http, said, services
from rig.backends.app_facts import app_facts
from rig.backends.asking import asked_once
from rig.backends.base import (
    Asked,
    Hosts,
    OnProgress,
    ProcessHandle,
    RoleSpec,
    log_errors,
    tail,
)
from rig.backends.collecting import copy_delay, copy_load
from rig.backends.counts import DatabaseCounts
from rig.backends.database import Login
from rig.backends.expected import Answer
from rig.backends.processes import cpus_of, is_real_time, until
from rig.backends.readiness import await_ready
from rig.backends.requests import Rows, asked_of_database, asks_database
from rig.backends.specs import (
    POOLER_PORT,
    Secrets,
    app_spec,
    database_spec,
    delay_spec,
    load_spec,
    pooler_spec,
    scout_spec,
)
from rig.disk.facts import Facts, PoolerFacts
from rig.endpoints import Endpoints
from rig.evidence import app_counters
from rig.evidence.attempt import DelaySaid
from rig.evidence.ledger import LEDGER, CountsAfter, CountsBefore, statement_facts
from rig.load.scout import UnloadedRequest, UnloadedResult, UnloadedResults
from rig.model import LoadError, Role, StackError
from rig.plan import Plan, Route, Service

START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 15.0
LEAVE_DEADLINE_S = 20.0
LOAD_SLACK_S = 60.0
LOCUST_DEADLINE_S = 30.0
SCOUT_DEADLINE_S = 240.0


@dataclass(frozen=True)
class _Started:
    role: Role
    index: int
    process: ProcessHandle


def _pid_of(process: ProcessHandle) -> int:
    """A process id; 0 where it has ended or cannot be known."""
    try:
        return process.pid
    except StackError:
        return 0


class RealStack:
    """Roles on hosts, for one plan."""

    def __init__(self, plan: Plan, hosts: Hosts, passwords: Secrets, template: str) -> None:
        self._plan, self._hosts, self._passwords, self._template = plan, hosts, passwords, template
        self._started: list[_Started] = []
        self._facts: Facts = {}
        self._delay: DelaySaid | None = None
        self._before: CountsBefore | None = None
        self._after: CountsAfter | None = None
        self._exchange: http.Exchange | None = None
        self._rows: Rows = {}

    # bring up

    def bring_up(self) -> None:
        """Starts every role and waits until each is there. StackError names the one that is not."""
        plan, hosts = self._plan, self._hosts
        if asks_database(plan.target, plan.route_name):
            # what the load sends is not known before
            self._bring_up_database()
            self._rows = asked_of_database(plan.target, [plan.route_name], self._app_login)
        # Locust takes its time to import: it may do so while the rest comes up
        spec = load_spec(plan, hosts, self._rows)
        self._start(Role.LOAD_MASTER, spec)
        for index in range(plan.load.load_workers):
            self._start(Role.LOAD_WORKER, spec, index)
        if not self._of(Role.DATABASE):
            self._bring_up_database()
        self._bring_up_app()
        self._await_file(self._of(Role.LOAD_MASTER)[0], "ready.json")
        # not before: while they import, they would hold up all else
        for role in (Role.LOAD_MASTER, Role.LOAD_WORKER):
            hosts.settle(role)

    def _bring_up_database(self) -> None:
        spec = database_spec(self._plan, self._hosts, self._passwords, self._template)
        self._await(self._start(Role.DATABASE, spec), "answer", lambda: database.ready(self._login))

    def _bring_up_app(self) -> None:
        plan, hosts = self._plan, self._hosts
        services.bring_up(plan, hosts, self._passwords, self.start_service)
        app = self._start(Role.APP, app_spec(plan, hosts, self._passwords, self._pool()))
        error_file = hosts.out(Role.APP) / said.START_ERROR
        await_ready(app.process, self._url, plan.target, lambda: said.start_error(error_file))
        self._facts |= app_facts(self._url, self._plan.target)

    def _pool(self) -> bool:
        """Starts the pooler, if there is one; whether prepared statements pass."""
        if self._plan.pooler == "direct":
            return True
        spec = pooler_spec(self._plan, self._hosts, self._passwords)
        path = self._await_file(self._start(Role.POOLER, spec), "facts.json")
        self._facts["pooler"] = facts = said.facts(path, PoolerFacts)
        return facts["prepared_statements"]

    def _start(self, role: Role, spec: RoleSpec, index: int = 0) -> _Started:
        started = _Started(role, index, self._hosts.start(role, spec, index))
        self._started.append(started)
        return started

    def start_service(self, role: Role, spec: RoleSpec, index: int) -> ProcessHandle:
        """Starts one of the target's services, which ends with the stack."""
        return self._start(role, spec, index).process

    def _await(self, started: _Started, what: str, there: Callable[[], bool]) -> None:
        for _ in until(START_DEADLINE_S):
            if there():
                return
            if started.process.code() is not None:
                raise StackError(f"{started.role} ended at its start: {tail(started.process)}")
        raise StackError(
            f"{started.role} did not {what} within {START_DEADLINE_S:g} s: {tail(started.process)}"
        )

    def _await_file(self, started: _Started, name: str) -> Path:
        path = self._hosts.out(started.role, started.index) / name
        self._await(started, f"write {name}", lambda: os.path.lexists(path))
        return path

    def _of(self, role: Role) -> list[_Started]:
        return [started for started in self._started if started.role == role]

    @property
    def _url(self) -> str:
        address, port = self._hosts.reach(Role.APP, http.APP_PORT)
        return f"{self._plan.target.scheme}://{address}:{port}"

    @property
    def _book(self) -> DatabaseCounts:
        counts = self._hosts.layout().counts_statements
        return DatabaseCounts(self._login, self._plan.target.ledger, counts_statements=counts)

    @property
    def _login(self) -> Login:
        address, port = self._hosts.reach(Role.DATABASE, database.PORT)
        return Login(address, port, self._passwords.superuser_password_file)

    @property
    def _app_login(self) -> Login:
        """The app's own, straight to Postgres."""
        address, port = self._hosts.reach(Role.DATABASE, database.PORT)
        password = self._passwords.app_password_file
        return Login(address, port, password, database.APP_USER, database.DATABASE)

    # before any trial

    def scout(
        self, unloaded_requests: Sequence[UnloadedRequest], at_no_delay: bool
    ) -> list[UnloadedResults]:
        """Brings up the target alone and asks without load."""
        self._bring_up_database()
        asked = [one.route for one in unloaded_requests]
        rows = asked_of_database(self._plan.target, asked, self._app_login)
        unloaded_requests = [one.with_rows(rows) for one in unloaded_requests]
        self._bring_up_app()
        seen = [UnloadedResults(0.0, self._unloaded(unloaded_requests))] if at_no_delay else []
        self.set_delay()
        assert self._delay is not None
        trips_ms = [
            trip_ms
            for link in self._plan.delay.links
            for trip_ms in self._delay["rtt_ms"][link]["before"]
        ]
        delay_ms = round(statistics.median(trips_ms), 3)
        return [*seen, UnloadedResults(delay_ms, self._unloaded(unloaded_requests))]

    def _unloaded(
        self, unloaded_requests: Sequence[UnloadedRequest]
    ) -> Mapping[str, UnloadedResult]:
        started = self._start(
            Role.LOAD_WORKER, scout_spec(self._plan, self._hosts, unloaded_requests)
        )
        if started.process.wait(SCOUT_DEADLINE_S) != 0:
            raise StackError(f"the unloaded requests did not come back: {tail(started.process)}")
        routes = [unloaded_request.route for unloaded_request in unloaded_requests]
        return said.scouted(self._await_file(started, "scout.json"), routes)

    def ask_routes(self) -> list[Asked]:
        """Brings up the target alone and asks each of its routes once."""
        self._bring_up_database()
        target = self._plan.target
        self._rows = asked_of_database(target, target.routes, self._app_login)
        self._bring_up_app()
        (app,) = self._of(Role.APP)
        # what writes goes last: what is read is as it was seeded
        routes = sorted(
            self._plan.target.routes.values(), key=lambda route: route.method not in ("GET", "HEAD")
        )
        return [
            # two routes may write into one column, which may take no text twice
            self._asked(route, app.process, f"verify-{number}")
            for number, route in enumerate(routes)
        ]

    def _asked(self, route: Route, app: ProcessHandle, unique: str) -> Asked:
        self._book.begin()
        asked = asked_once(self._url, self._plan, route, app, unique, self._rows)
        sent = statement_facts(self._book.statements())
        return dataclasses.replace(asked, statements=None if sent.why else sent.certain)

    # the phases

    def set_delay(self) -> None:
        """Sets the delay and measures every path before anything depends on it."""
        delay = self._start(Role.DELAY, delay_spec(self._plan, self._hosts))
        self._delay = said.facts(self._await_file(delay, "ready.json"), DelaySaid)

    def verify(self) -> Facts:
        """Asks the route once and compares the answer; gathers what each role says of itself."""
        plan = self._plan
        book = self._book
        # before anything is asked: a kept connection may hold back what its last request
        # counted until it ends, and what is counted later must not lack its beginning
        self._before = CountsBefore(book.counters(), verifying_requests=1, unverified=book.tables())
        book.begin()
        self._exchange = asked = http.verify(self._url, plan, rows=self._rows)
        if asked.wrong:
            raise StackError(
                f"target {plan.target_name} does not answer {plan.route_name} correctly: "
                f"{asked.wrong}{self._last_words(asked.answer)}",
                "see logs/app.log in the attempt's folder",
            )
        self._before = dataclasses.replace(
            self._before,
            contents=book.contents(),
            names_requests=any(route.writes for route in plan.routes)
            and book.names(http.UNIQUE_OF_VERIFY),
            by_target=app_counters.correct_by_route(self._hosts.out(Role.APP)),
        )
        # again: a pool is there since its first request only
        self._facts |= app_facts(self._url, self._plan.target)
        self._facts["database"] = database.facts(self._login)
        roles = [role for role in Role if role != Role.SERVICE or plan.target.services]
        pids = {role: tuple(started.process.pid for started in self._of(role)) for role in roles}
        self._facts["roles"] = {str(role): found for role, found in pids.items()}
        self._facts["cpus"] = {
            str(role): tuple(sorted({cpus_of(pid) for pid in found} - {""}))
            for role, found in pids.items()
        }
        self._facts["real_time"] = tuple(
            sorted({str(role) for role, found in pids.items() if any(map(is_real_time, found))})
        )
        return self._facts

    def _last_words(self, answer: Answer) -> str:
        """How the app's log ends, where its answer says no more than that it failed."""
        errors = log_errors(self._of(Role.APP)[0].process) if answer.status >= 500 else []
        return f"; its log says {errors[-1]}" if errors else ""

    def endpoints(self) -> Endpoints:
        """Its processes, the app's counters, and ways to ask the databases."""
        pooled = self._plan.pooler != "direct"
        return Endpoints(
            pids={
                role: tuple(_pid_of(started.process) for started in self._of(role))
                for role in Role
                if self._of(role)
            },
            app_port=http.APP_PORT,
            counters=self._hosts.out(Role.APP),
            postgres=self._login.connect,
            app_user=database.APP_USER,
            database=database.DATABASE,
            pgbouncer=self._console.connect if pooled else None,
        )

    @property
    def _console(self) -> Login:
        """PgBouncer's admin console."""
        address, port = self._hosts.reach(Role.POOLER, POOLER_PORT)
        password, user = self._passwords.app_password_file, database.APP_USER
        return Login(address, port, password, user, "pgbouncer")

    def run_load(self, on_progress: OnProgress) -> None:
        """Releases the load master and follows it to the end of the load."""
        master = self._of(Role.LOAD_MASTER)[0]
        master.process.signal(signal.SIGUSR1)
        out = self._hosts.out(Role.LOAD_MASTER)
        reported = None
        for _ in until(self._plan.load.duration_s + LOAD_SLACK_S, every_s=0.2):
            progress = said.progress(out / "progress.jsonl")
            if progress is not None and progress != reported:
                on_progress(reported := progress)
            if os.path.lexists(out / "load.json"):
                return
            if master.process.code() is not None:
                raise LoadError(f"the load master ended early: {tail(master.process)}")
        raise LoadError(f"the load did not end in time: {tail(master.process)}")

    def stop(self) -> None:
        """Ends the app after the load, and lets its database sessions end before anyone counts.

        StackError where one of the target's services had ended by then.
        """
        for started in self._of(Role.SERVICE):
            if started.process.code() is not None:
                raise services.ended(self._service(started), started.process, "under load")
        delay = self._of(Role.DELAY)
        for started in delay:
            started.process.signal(signal.SIGUSR1)
            self._delay = said.facts(self._await_file(started, "facts.json"), DelaySaid)
        for started in (*self._of(Role.APP), *self._of(Role.POOLER)):
            started.process.signal(signal.SIGTERM)
            if started.process.wait(STOP_DEADLINE_S) is None:
                started.process.kill()
        self._facts["sessions_left"] = database.wait_until_left(self._login, LEAVE_DEADLINE_S)
        self._after = self._counted_after()
        # by now Locust has written its own reports, which it takes its time for
        for started in self._of(Role.LOAD_MASTER):
            if started.process.wait(LOCUST_DEADLINE_S) != 0:
                raise LoadError(f"Locust did not end in order: {tail(started.process)}")

    def _counted_after(self) -> CountsAfter:
        book, before = self._book, self._before
        return CountsAfter(
            counters=book.counters(),
            contents=book.contents(),
            by_target=app_counters.correct_by_route(self._hosts.out(Role.APP)),
            written=book.written() if before and before.names_requests else None,
            statements=book.statements(),
        )

    def collect(self, folder: Path) -> None:
        """Copies what the roles wrote. DamagedFile where anything else was put among it."""
        hosts = self._hosts
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        for started in self._started:
            lines = "".join(f"{line}\n" for line in started.process.log_lines())
            (folder / "logs" / f"{self._log_name(started)}.log").write_text(lines, encoding="utf-8")
        if self._exchange is not None:
            asked = json.dumps(self._exchange.to_json(), indent=1) + "\n"
            (folder / "verify.json").write_text(asked, encoding="utf-8")
        copy_delay(hosts.out(Role.DELAY), folder)
        if self._delay is not None:
            (folder / "probes" / "delay.json").write_text(json.dumps(self._delay))
        if self._before:
            counted = self._before.to_json() | (self._after.to_json() if self._after else {})
            (folder / LEDGER).write_text(json.dumps(counted, indent=1))
        if self._of(Role.LOAD_MASTER):
            copy_load(hosts.out(Role.LOAD_MASTER), folder)

    def _log_name(self, started: _Started) -> str:
        match started.role:
            case Role.LOAD_WORKER:
                return f"{started.role}-{started.index + 1}"
            case Role.SERVICE:
                return f"{started.role}-{self._service(started).name}"
        return str(started.role)

    def _service(self, started: _Started) -> Service:
        return self._plan.target.services[started.index]

    # the end

    def tear_down(self) -> None:
        """Ends every role at once: the cluster is a copy that nobody needs again."""
        for started in self._of(Role.DATABASE):
            started.process.signal(signal.SIGQUIT)
            started.process.wait(5)
        for started in reversed(self._started):
            started.process.kill()
