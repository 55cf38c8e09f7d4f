"""The fake backend: simulated hosts and a simulated clock, feeding the real recorder.

From YAML to figure in seconds, without root, network or Docker. Its numbers are a queue's, not
a measurement's, and every record says so.
"""

from __future__ import annotations

import contextlib
import dataclasses
import heapq
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.backends.base import Asked, OnProgress, Progress, Stack
from rig.disk.facts import Facts
from rig.endpoints import Endpoints
from rig.evidence.ledger import (
    LEDGER,
    Contents,
    Counters,
    CountsAfter,
    CountsBefore,
    Statement,
    Statements,
    Written,
)
from rig.factors.servers import interface_of
from rig.inference.ceilings import RESERVED_CONNECTIONS
from rig.load.completions import Completions
from rig.load.recorder import Recorder, ranges
from rig.load.report import FinalCount, LoadReport, MeteredSecond
from rig.load.scout import UnloadedRequest, UnloadedResult, UnloadedResults
from rig.load.think import Choice
from rig.model import OUTCOME_OK, Interface, Link
from rig.plan import Arrivals, Closed, Ledger, Load, Open, Plan

_SERVICE_S = {"cpu": 0.008, "io_create": 0.003, "io_read": 0.012}
_RECONNECT_TRIPS = 6
_NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class Queue:
    """A station of `servers` that hold a request for `hold_s`, of which `cpu_s` on one CPU."""

    servers: int
    hold_s: float
    cpu_s: float
    connections: int
    """Requests beyond this many at once are refused."""


def queue_of(plan: Plan) -> Queue:
    """A plausible queue for a plan."""
    cpu_s = _SERVICE_S.get(plan.route_name, 0.005)
    statements = max(route.statements or 0 for route in plan.routes)
    trips = statements
    if statements and plan.connections == "per_request":
        trips += _RECONNECT_TRIPS
    delay_s = plan.delay.on(Link.DATA) / 1000
    threaded = interface_of(plan.target, plan.server) is not Interface.ASGI
    servers = plan.app_workers * plan.app_threads if threaded else _NO_LIMIT
    if statements and plan.connections == "pool":
        # who finds the pool empty waits for a connection, as for a server
        servers = min(servers, plan.app_workers * plan.pool_size)
    capped = statements and plan.pooler == "direct" and plan.connections == "per_request"
    connections = plan.max_connections - RESERVED_CONNECTIONS if capped else _NO_LIMIT
    return Queue(servers, cpu_s + trips * delay_s, cpu_s, connections)


class FakeStack:
    """Simulated hosts for one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._completions = Completions(plan.route_name)
        self._left: dict[str, FinalCount] = {}

    def bring_up(self) -> None:
        """Nothing to start."""

    def set_delay(self) -> None:
        """Simulated delays are exact."""

    def verify(self) -> Facts:
        """The facts say that nothing here is real."""
        return {"simulated": True, "queue": vars(queue_of(self._plan))}

    def endpoints(self) -> Endpoints:
        """There is nothing to see."""
        return Endpoints()

    def run_load(self, on_progress: OnProgress) -> None:
        """Simulates every user or arrival, then hands over what real load workers hand over."""
        load = self._plan.load
        is_open = isinstance(load.model, Open)
        recorders = [
            Recorder(load.ramp_s, load.duration_s, is_open=is_open, raw=load.raw)
            for _ in range(load.load_workers)
        ]
        _simulate(self._plan, recorders)
        for index, recorder in enumerate(recorders):
            left = FinalCount.from_wire(_carried(recorder.freeze(load.duration_s).to_wire()))
            report = dataclasses.replace(recorder.drain(), meter=_meter(load, index))
            name = f"load-{index + 1}"
            self._completions.add(name, LoadReport.from_wire(_carried(report.to_wire())))
            self._completions.close(name, index, name, left)
            self._left[str(index)] = left
        outcomes = dict(self._completions.outcomes)
        users = load.model.users_at(load.duration_s)
        on_progress(Progress(load.duration_s, users, 0, 0, outcomes))

    def stop(self) -> None:
        """Nothing to end."""

    def scout(
        self, unloaded_requests: Sequence[UnloadedRequest], at_no_delay: bool
    ) -> list[UnloadedResults]:
        """What the queue answers where nobody else is in it."""
        seen = []
        for delay_ms in [0.0] * at_no_delay + [self._plan.delay.delay_ms]:
            routes = {}
            for unloaded_request in unloaded_requests:
                delay = dataclasses.replace(self._plan.delay, delay_ms=delay_ms)
                name = unloaded_request.route
                queue = queue_of(dataclasses.replace(self._plan, delay=delay, route_name=name))
                response_ms = 1000 * queue.hold_s + delay.on(Link.FRONT)
                busy_s = max(queue.cpu_s, queue.hold_s / queue.servers)
                routes[name] = UnloadedResult(
                    wrong=(),
                    response_ms=(response_ms,) * unloaded_request.requests,
                    interval_ms=1000 * busy_s,
                )
            seen.append(UnloadedResults(delay_ms, routes))
        return seen

    def ask_routes(self) -> list[Asked]:
        """What a target would answer that is as it says."""
        routes = self._plan.target.routes
        return [Asked(name, route.statuses[0], 1.0, 2) for name, route in routes.items()]

    def collect(self, folder: Path) -> None:
        """Writes the recorder's files as the load master does, and the delay's as its role does."""
        plan, load = self._plan, self._plan.load
        (folder / "logs").mkdir(exist_ok=True)
        if not self._left:
            return  # nothing was loaded
        (folder / "probes").mkdir(exist_ok=True)
        planned = load.model.users_at if isinstance(load.model, Closed) else None
        self._completions.write(folder / "load", load.ramp_s, load.duration_s, planned)
        totals = self._completions.totals()
        if isinstance(load.model, Open):
            totals["never_answered_users"] = None
        connected = {"load_workers_connected": load.load_workers, "complete": True}
        totals["client"] = load.client
        if plan.session:
            totals["sessions"] = _sessions(plan)
        _write(folder / "load" / "load.json", {**totals, **connected})
        before, after = _counts(plan, self._left)
        _write(folder / LEDGER, before.to_json() | after.to_json())
        moments = {
            str(link): {key: [plan.delay.on(link)] for key in ("before", "during", "after")}
            for link in (Link.FRONT, Link.DATA)
        }
        _write(
            folder / "probes" / "delay.json",
            {
                "mechanism": "simulated",
                "why": "the fake backend",
                "counters": {"packets": 0, "drops": 0, "backlog": 0, "overruns": 0, "alive": True},
                "rtt_ms": moments,
                "lost": dict.fromkeys(moments, 0),
            },
        )


def _sessions(plan: Plan) -> dict[str, Any]:
    """Every user has had its session, and none took any time."""
    users = plan.load.model.most_in_flight
    return {"requests": users * len(plan.target.sessions[plan.session]), "done": users}


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


def _carried(wire: dict[str, Any]) -> Any:
    """As Locust would carry it."""
    return json.loads(json.dumps(wire))


def _counts(plan: Plan, left: Mapping[str, FinalCount]) -> tuple[CountsBefore, CountsAfter]:
    """A database that has written and read for every correct answer, and for no other."""
    rows = {}
    for load_worker, told in left.items():
        spoilt = [pair for pairs in told.not_ok.values() for pair in pairs]
        bad = {number for first, last in spoilt for number in range(first, last + 1)}
        rows[load_worker] = ranges(n for n in range(1, told.highest + 1) if n not in bad)
    answers = sum(last - first + 1 for pairs in rows.values() for first, last in pairs)
    route, posts, ledger = plan.routes[0], plan.data.posts, plan.target.ledger or Ledger()
    seeded = dict.fromkeys(ledger.counted, posts)
    named = bool(ledger.table and route.writes)
    wrote = answers * route.writes
    written = {name: rows + wrote for name, rows in seeded.items()}
    sent = Statement("SELECT simulated", (route.statements or 0) * (answers + 1), nested=False)
    counters = Counters(transactions=0, sessions=0, postgres_started_at="simulated")
    before = CountsBefore(
        counters,
        verifying_requests=1,
        contents=_contents(seeded),
        unverified={name: rows - route.writes for name, rows in seeded.items()},
        names_requests=named,
        by_target={route.name: 1},
    )
    return before, CountsAfter(
        counters=counters,
        contents=_contents(written),
        by_target={route.name: 1 + answers},
        written=Written(rows, rows_twice=0) if named else None,
        statements=Statements((sent,)),
    )


def _contents(tables: Mapping[str, int]) -> Contents:
    return Contents(sum(tables.values()) if tables else None, "simulated", tables)


def _meter(load: Load, index: int) -> list[MeteredSecond]:
    """A simulated load worker takes no time, is never late, and has its part of the users."""
    seconds = range(math.ceil(load.duration_s))
    parts = [load.model.users_at(second) + load.load_workers - 1 - index for second in seconds]
    return [
        MeteredSecond(second, 0.0, parts[second] // load.load_workers, [0]) for second in seconds
    ]


class _Service:
    """The queue's state: who is served, who holds a connection."""

    def __init__(self, plan: Plan) -> None:
        self._chance = random.Random(plan.digest)
        self._queue = queue_of(plan)
        self._client_s = plan.delay.on(Link.FRONT) / 1000
        self._free_s = [0.0] * min(self._queue.servers, plan.load.model.most_in_flight)
        self._cpu_free_s = 0.0
        self._ends_s: list[float] = []  # of the requests that hold a connection

    def answer(self, at_s: float) -> tuple[float, str]:
        """When a request that begins at `at_s` has its answer, and the outcome."""
        queue = self._queue
        begins_s = max(at_s, heapq.heappop(self._free_s))
        self._cpu_free_s = max(self._cpu_free_s, begins_s)
        self._cpu_free_s += queue.cpu_s * self._chance.uniform(0.9, 1.1)
        while self._ends_s and self._ends_s[0] <= begins_s:
            heapq.heappop(self._ends_s)
        refused = len(self._ends_s) >= queue.connections
        ends_at_s = self._cpu_free_s + (0.0 if refused else queue.hold_s - queue.cpu_s)
        if not refused:
            heapq.heappush(self._ends_s, ends_at_s)
        heapq.heappush(self._free_s, ends_at_s)
        result = "db_too_many_connections" if refused else OUTCOME_OK
        return ends_at_s + self._client_s, result


_Finish = tuple[float, int, int, str]
"""When an answer comes, whose it is (a user, or an arrival), its sequence number, its outcome."""


def _simulate(plan: Plan, recorders: Sequence[Recorder]) -> None:
    """One queue, on a simulated clock, until the load's end."""
    finishes: list[_Finish] = []
    match plan.load.model:
        case Closed() as closed:
            _simulate_closed(plan, closed, recorders, finishes)
        case Open(arrivals):
            _simulate_open(plan, arrivals, recorders, finishes)
    _finish_until(plan.load.duration_s, finishes, recorders, plan)


def _simulate_closed(
    plan: Plan, closed: Closed, recorders: Sequence[Recorder], finishes: list[_Finish]
) -> None:
    """Users send, wait, think and send again."""
    users, service = closed.users, _Service(plan)
    turns = [
        (float(math.ceil(max(0, user + 1 - users.start_users) / users.per_s)), user, True)
        for user in range(users.end_users)
    ]
    heapq.heapify(turns)
    while turns and turns[0][0] < plan.load.duration_s:
        at_s, user, first = heapq.heappop(turns)
        _finish_until(at_s, finishes, recorders, plan)
        number = recorders[user % len(recorders)].start(at_s, first=first)
        back_s, result = service.answer(at_s)
        heapq.heappush(finishes, (back_s, user, number, result))
        heapq.heappush(turns, (back_s + closed.think_time_s, user, False))


def _simulate_open(
    plan: Plan, arrivals: Arrivals, recorders: Sequence[Recorder], finishes: list[_Finish]
) -> None:
    """Requests arrive, whatever became of those before them."""
    service = _Service(plan)
    for arrival, at_s in enumerate(arrivals.instants_s()):
        if at_s >= plan.load.duration_s:
            return
        _finish_until(at_s, finishes, recorders, plan)
        index = arrival % len(recorders)
        if recorders[index].in_flight >= arrivals.share(index, len(recorders)):
            recorders[index].drop(at_s)
            continue
        number = recorders[index].start(at_s, intended_s=at_s)
        back_s, result = service.answer(at_s)
        heapq.heappush(finishes, (back_s, arrival, number, result))


def _finish_until(
    at_s: float, finishes: list[_Finish], recorders: Sequence[Recorder], plan: Plan
) -> None:
    mix, names = plan.mix, [route.name for route in plan.routes]
    choice = Choice(tuple(mix.routes.values()), mix.seed) if mix else None
    while finishes and finishes[0][0] <= at_s:
        back_s, who, number, result = heapq.heappop(finishes)
        route = names[choice.index(who, number) if choice else 0]
        recorders[who % len(recorders)].finish(number, back_s, route, result)


class FakeBackend:
    """Simulated hosts; no deadline, no machine, no rights."""

    name = "fake"

    def unsupported_reason(self, plan: Plan) -> str:
        """Nothing."""
        return ""

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        """Simulated hosts."""
        yield FakeStack(plan)

    def facts(self) -> Mapping[str, Any]:
        """No machine was measured."""
        return {"simulated": True}

    def close(self) -> None:
        """Holds nothing."""
