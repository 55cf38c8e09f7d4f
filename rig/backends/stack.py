"""A real stack, brought up once above any hosts: start, delay, verify, load, stop, collect.

May know roles, specs and plans; may not know whether a host is a namespace or a container.
"""

from __future__ import annotations

import dataclasses
import json
import signal
import statistics
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from rig.backends import database, http, observers, said, services
from rig.backends.app_facts import app_facts
from rig.backends.asking import asked_once
from rig.backends.base import (
    FEW_HAVE,
    Hosts,
    Observed,
    OnProgress,
    ProcessHandle,
    RoleSpec,
    RouteReply,
    log_errors,
    tail,
)
from rig.backends.collecting import copy_delay, copy_load
from rig.backends.counts import DatabaseCounts, WrittenByRoute
from rig.backends.database import Login
from rig.backends.expected import Response
from rig.backends.following import follow_load
from rig.backends.readiness import await_ready
from rig.backends.requests import Rows, asks_database, query_values
from rig.backends.role_facts import role_facts
from rig.backends.roles import Roles, Started
from rig.backends.specs import (
    CLOCK_PORT,
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

STOP_DEADLINE_S = 15.0
LEAVE_DEADLINE_S = 20.0
LOCUST_DEADLINE_S = 30.0
SCOUT_DEADLINE_S, SCOUTED_ROUTE_S = 240.0, 30.0


class RealStack:
    """Roles on hosts, for one plan."""

    def __init__(self, plan: Plan, hosts: Hosts, passwords: Secrets, template: str) -> None:
        self._plan, self._hosts, self._passwords, self._template = plan, hosts, passwords, template
        self._roles = Roles(hosts)
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
            self._rows = query_values(plan.target, [plan.route_name], self._app_login)
        # Locust takes its time to import: it may do so while the rest comes up
        spec = load_spec(plan, hosts, self._rows)
        self._roles.start(Role.LOAD_MASTER, spec)
        for index in range(plan.load.load_workers):
            self._roles.start(Role.LOAD_WORKER, spec, index)
        if not self._roles.of(Role.DATABASE):
            self._bring_up_database()
        self._bring_up_app()
        master = self._roles.of(Role.LOAD_MASTER)[0]
        self._roles.wait_for_file(master, "ready.json", spec.connect_deadline_s)
        # not before: while they import, they would hold up all else
        for role in (Role.LOAD_MASTER, Role.LOAD_WORKER):
            hosts.settle(role)

    def _bring_up_database(self) -> None:
        spec = database_spec(self._plan, self._hosts, self._passwords, self._template)
        postgres = self._roles.start(Role.DATABASE, spec)
        self._roles.wait(postgres, "answer", lambda: database.ready(self._login))

    def _bring_up_app(self) -> None:
        plan, hosts = self._plan, self._hosts
        services.bring_up(plan, hosts, self._passwords, self.start_service)
        app = self._roles.start(Role.APP, app_spec(plan, hosts, self._passwords, self._pool()))
        await_ready(
            app.process,
            self._url,
            plan.target,
            lambda: said.start_error(hosts.out(Role.APP) / said.START_ERROR),
        )
        self._facts |= app_facts(self._url, self._plan.target)

    def _pool(self) -> bool:
        """Starts the pooler, if there is one; whether prepared statements pass."""
        if self._plan.pooler == "direct":
            return True
        spec = pooler_spec(self._plan, self._hosts, self._passwords)
        path = self._roles.wait_for_file(self._roles.start(Role.POOLER, spec), "facts.json")
        self._facts["pooler"] = facts = said.facts(path, PoolerFacts)
        return facts["prepared_statements"]

    def start_service(self, role: Role, spec: RoleSpec, index: int) -> ProcessHandle:
        """Starts one of the target's services, which ends with the stack."""
        return self._roles.start(role, spec, index).process

    @property
    def _url(self) -> str:
        address, port = self._hosts.reach(Role.APP, http.APP_PORT)
        return f"{self._plan.target.scheme}://{address}:{port}"

    @property
    def _book(self) -> DatabaseCounts:
        counts = self._hosts.layout().counts_statements
        return DatabaseCounts(self._login, self._plan.target.counted, counts_statements=counts)

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
        asked = dict.fromkeys(one.served_as for one in unloaded_requests)
        rows = query_values(self._plan.target, asked, self._app_login)
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
        started = self._roles.start(
            Role.LOAD_WORKER, scout_spec(self._plan, self._hosts, unloaded_requests)
        )
        deadline_s = max(SCOUT_DEADLINE_S, SCOUTED_ROUTE_S * len(unloaded_requests))
        if started.process.wait(deadline_s) != 0:
            raise StackError(f"the unloaded requests did not come back: {tail(started.process)}")
        routes = [unloaded_request.route for unloaded_request in unloaded_requests]
        return said.scouted(self._roles.wait_for_file(started, "scout.json"), routes)

    def ask_routes(self) -> list[RouteReply]:
        """Brings up the target alone and asks each of its routes once."""
        self._bring_up_database()
        target = self._plan.target
        self._rows = query_values(target, target.routes, self._app_login)
        self._bring_up_app()
        (app,) = self._roles.of(Role.APP)
        # what writes goes last: what is read is as it was seeded
        routes = sorted(target.routes.values(), key=lambda route: route.may_write_anywhere)
        return [
            # two routes may write into one column, which may take no text twice
            self._reply(route, app.process, f"verify-{number}")
            for number, route in enumerate(routes)
        ]

    def _reply(self, route: Route, app: ProcessHandle, unique: str) -> RouteReply:
        self._book.begin()
        asked = asked_once(self._url, self._plan, route, app, unique, self._rows)
        sent = statement_facts(self._book.statements())
        return dataclasses.replace(asked, statements=None if sent.why else sent.certain)

    # the phases

    def set_delay(self) -> None:
        """Sets the delay and measures every path before anything depends on it."""
        delay = self._roles.start(Role.DELAY, delay_spec(self._plan, self._hosts))
        self._delay = said.facts(self._roles.wait_for_file(delay, "ready.json"), DelaySaid)

    def verify(self) -> Facts:
        """Asks the route once and compares the answer; gathers what each role says of itself."""
        plan = self._plan
        # they take their time to start, and no path is measured meanwhile
        observers.start(self._roles, self._observed.elsewhere)
        book = self._book
        # before anything is asked: a kept connection may hold back what its last request
        # counted until it ends, and what is counted later must not lack its beginning
        before = CountsBefore(book.counters(), len(plan.routes), unverified=book.tables())
        self._before = before
        book.begin()
        seen = WrittenByRoute(book, plan, before.unverified)
        self._exchange = asked = http.verify(self._url, plan, rows=self._rows, on_asked=seen.asked)
        if asked.wrong:
            raise StackError(
                f"target {plan.target_name} does not answer {plan.route_name} correctly: "
                f"{asked.wrong}{self._last_words(asked.answer)}",
                "see logs/app.log in the attempt's folder",
            )
        self._before = dataclasses.replace(
            before,
            contents=book.contents(),
            unverified=seen.unverified,
            names_requests=bool(seen.naming),
            wrote=seen.wrote if plan.mix else {},
            naming=tuple(seen.naming) if plan.mix else (),
            by_target=app_counters.correct_by_route(self._hosts.out(Role.APP)),
        )
        # again: a pool is there since its first request only
        self._facts |= app_facts(self._url, self._plan.target)
        self._facts["database"] = database.facts(self._login)
        self._facts |= self._role_facts()
        return self._facts

    def _role_facts(self) -> Facts:
        pids: dict[Role, tuple[int, ...]] = {
            role: tuple(one.process.pid for one in self._roles.of(role))
            for role in Role
            if role != Role.OBSERVER and (self._roles.of(role) or role not in FEW_HAVE)
        }
        here = self._hosts.observed(Endpoints(pids)).here.pids
        return role_facts(self._hosts, pids, here)

    def _last_words(self, answer: Response) -> str:
        """How the app's log ends, where its answer says no more than that it failed."""
        errors = log_errors(self._roles.of(Role.APP)[0].process) if answer.status >= 500 else []
        return f"; its log says {errors[-1]}" if errors else ""

    def endpoints(self) -> Endpoints:
        """What the runner may see of it."""
        return self._observed.here

    @cached_property
    def _observed(self) -> Observed:
        """Who looks at what, once every role runs."""
        return self._hosts.observed(self._endpoints())

    def _endpoints(self) -> Endpoints:
        """All there is: processes, the app's counters, ways to ask databases and load master."""
        pooled = self._plan.pooler != "direct"
        return Endpoints(
            pids={
                role: tuple(started.pid for started in self._roles.of(role))
                for role in Role
                if self._roles.of(role)
            },
            app_port=http.APP_PORT,
            counters=self._hosts.out(Role.APP),
            postgres=self._login,
            app_user=database.APP_USER,
            database=database.DATABASE,
            pgbouncer=self._console if pooled else None,
            clock=self._hosts.reach(Role.LOAD_MASTER, CLOCK_PORT),
        )

    @property
    def _console(self) -> Login:
        """PgBouncer's admin console."""
        address, port = self._hosts.reach(Role.POOLER, POOLER_PORT)
        password, user = self._passwords.app_password_file, database.APP_USER
        return Login(address, port, password, user, "pgbouncer")

    def run_load(self, on_progress: OnProgress) -> None:
        """Releases the load master and follows it to the end of the load, observers beside it."""
        with observers.beside(self._roles):
            follow_load(self._plan, self._hosts, self._roles, on_progress, self._count_anew)

    def _count_anew(self) -> None:
        """What users' sessions asked of the database is none of the load's."""
        if self._before is not None:
            by_target = app_counters.correct_by_route(self._hosts.out(Role.APP))
            self._before = self._before.anew(self._book.tables(), by_target)
        self._book.begin()

    def stop(self) -> None:
        """Ends the app after the load, and lets its database sessions end before anyone counts.

        StackError where one of the target's services had ended by then.
        """
        for started in self._roles.of(Role.SERVICE):
            if started.process.code() is not None:
                raise services.ended(self._service(started), started.process, "under load")
        delay = self._roles.of(Role.DELAY)
        for started in delay:
            started.process.signal(signal.SIGUSR1)
            self._delay = said.facts(self._roles.wait_for_file(started, "facts.json"), DelaySaid)
        for started in (*self._roles.of(Role.APP), *self._roles.of(Role.POOLER)):
            started.process.signal(signal.SIGTERM)
            if started.process.wait(STOP_DEADLINE_S) is None:
                started.process.kill()
        self._facts["sessions_left"] = database.wait_until_left(self._login, LEAVE_DEADLINE_S)
        self._after = self._counted_after()
        # by now Locust has written its own reports, which it takes its time for
        for started in self._roles.of(Role.LOAD_MASTER):
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
        for started, text in self._roles.logs():
            (folder / "logs" / f"{self._log_name(started)}.log").write_text(text, encoding="utf-8")
        if self._exchange is not None:
            asked = json.dumps(self._exchange.to_json(), indent=1) + "\n"
            (folder / "verify.json").write_text(asked, encoding="utf-8")
        outs = [hosts.out(Role.OBSERVER, one.index) for one in self._roles.of(Role.OBSERVER)]
        observers.merge(outs, folder / "probes")
        copy_delay(hosts.out(Role.DELAY), folder)
        if self._delay is not None:
            (folder / "probes" / "delay.json").write_text(json.dumps(self._delay))
        if self._before:
            counted = self._before.to_json() | (self._after.to_json() if self._after else {})
            (folder / LEDGER).write_text(json.dumps(counted, indent=1))
        if self._roles.of(Role.LOAD_MASTER):
            copy_load(hosts.out(Role.LOAD_MASTER), folder)

    def _log_name(self, started: Started) -> str:
        match started.role:
            case Role.LOAD_WORKER | Role.OBSERVER:
                return f"{started.role}-{started.index + 1}"
            case Role.SERVICE:
                return f"{started.role}-{self._service(started).name}"
        return str(started.role)

    def _service(self, started: Started) -> Service:
        return self._plan.target.services[started.index]

    # the end

    def tear_down(self) -> None:
        """Ends every role at once."""
        self._roles.end()
