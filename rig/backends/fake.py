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

from rig.backends.base import OnProgress, Progress, Stack
from rig.load.recorder import Completions, Recorder
from rig.model import OUTCOME_OK, Link
from rig.plan import Plan
from rig.sight import Sight

RESERVED_CONNECTIONS = 3
_SERVICE_S = {"cpu": 0.008, "io_create": 0.003, "io_read": 0.012}
_RECONNECT_TRIPS = 6


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
    statements = (plan.route.statements if plan.route else None) or 0
    trips = statements
    if statements and plan.connections == "per_request":
        trips += _RECONNECT_TRIPS
    delay_s = plan.delay.on(Link.DATA) / 1000
    threaded = plan.target_name != "async"
    servers = plan.app_workers * plan.app_threads if threaded else 1_000_000
    capped = statements and plan.pooler == "direct" and plan.connections == "per_request"
    connections = plan.max_connections - RESERVED_CONNECTIONS if capped else 1_000_000
    return Queue(servers, cpu_s + trips * delay_s, cpu_s, connections)


class FakeStack:
    """Simulated hosts for one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._completions = Completions()
        self._ages_s: list[float] = []
        self._finished: list[int] = []

    def bring_up(self) -> None:
        """Nothing to start."""

    def set_delay(self) -> None:
        """Simulated delays are exact."""

    def verify(self) -> Mapping[str, Any]:
        """The facts say that nothing here is real."""
        return {"simulated": True, "queue": vars(queue_of(self._plan))}

    def sight(self) -> Sight:
        """There is nothing to see."""
        return Sight()

    def run_load(self, on_progress: OnProgress) -> None:
        """Simulates the closed loop of every user, then writes what a real load writes."""
        load = self._plan.load
        recorders = [Recorder(load.users.ramp_s, load.duration_s) for _ in range(load.load_workers)]
        _simulate(self._plan, recorders)
        for index, recorder in enumerate(recorders):
            ages_s = recorder.freeze(load.duration_s)
            self._ages_s += ages_s
            self._finished.append(recorder.finished)
            report = json.loads(json.dumps(recorder.drain()))  # as Locust would carry it
            self._completions.add(f"load-{index + 1}", report, load.duration_s)
        for second in range(int(load.duration_s) + 1):
            self._completions.users(second, load.users.at(second))
        self._completions.users(load.duration_s, load.users.end_users)
        outcomes = dict(self._completions.outcomes)
        on_progress(Progress(load.duration_s, load.users.end_users, 0, 0, outcomes))

    def stop(self) -> None:
        """Nothing to end."""

    def scout(self, errands: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What the queue answers where nobody else is in it."""
        seen = []
        for delay_ms in (0.0, self._plan.delay.delay_ms):
            routes = {}
            for errand in errands:
                delay = dataclasses.replace(self._plan.delay, delay_ms=delay_ms)
                route = self._plan.bound_target().routes[errand["route"]]
                plan = dataclasses.replace(
                    self._plan, delay=delay, route=route, route_name=route.name
                )
                queue = queue_of(plan)
                response_ms = 1000 * queue.hold_s + delay.on(Link.FRONT)
                busy_s = max(queue.cpu_s, queue.hold_s / queue.servers)
                routes[route.name] = {
                    "response_ms": [response_ms] * errand["requests"],
                    "interval_ms": 1000 * busy_s,
                    "wrong": [],
                }
            seen.append({"delay_ms": delay_ms, "routes": routes})
        return seen

    def collect(self, folder: Path) -> None:
        """Writes the recorder's files as the load master does, and the delay's as its role does."""
        plan, load = self._plan, self._plan.load
        (folder / "logs").mkdir(exist_ok=True)
        (folder / "probes").mkdir(exist_ok=True)
        self._completions.write(folder / "load", load.users.ramp_s, load.duration_s)
        addresses = [f"load-{index + 1}" for index in range(load.load_workers)]
        _write(
            folder / "load" / "load.json",
            {
                "load_workers_connected": load.load_workers,
                "load_worker_addresses": addresses,
                "finished_by_load_worker": dict(zip(addresses, self._finished, strict=False)),
                "peak_users": load.users.end_users,
                "started": self._completions.started,
                "finished": self._completions.outcomes.total(),
                "in_flight_at_stop": len(self._ages_s),
                "in_flight_ages_s": sorted(round(age_s, 3) for age_s in self._ages_s),
                "outcomes": dict(self._completions.outcomes),
                "complete": True,
            },
        )
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


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


def _simulate(plan: Plan, recorders: list[Recorder]) -> None:
    """Users send, wait, think and send again, through one queue, on a simulated clock."""
    chance = random.Random(plan.digest)
    queue, load = queue_of(plan), plan.load
    client_s = plan.delay.on(Link.FRONT) / 1000
    free_s = [0.0] * min(queue.servers, load.users.end_users)
    heapq.heapify(free_s)
    cpu_free_s = 0.0
    ends_s: list[float] = []  # of the requests that hold a connection
    arrivals = [
        (float(math.ceil(max(0, user + 1 - load.users.start_users) / load.users.per_s)), user)
        for user in range(load.users.end_users)
    ]
    heapq.heapify(arrivals)
    finishes: list[tuple[float, int, int, str]] = []
    while arrivals and arrivals[0][0] < load.duration_s:
        at_s, user = heapq.heappop(arrivals)
        recorder = recorders[user % len(recorders)]
        while finishes and finishes[0][0] <= at_s:
            _finish(finishes, recorders, plan.route_name)
        number = recorder.start(at_s)
        begins_s = max(at_s, heapq.heappop(free_s))
        cpu_free_s = max(cpu_free_s, begins_s) + queue.cpu_s * chance.uniform(0.9, 1.1)
        while ends_s and ends_s[0] <= begins_s:
            heapq.heappop(ends_s)
        refused = len(ends_s) >= queue.connections
        waits_s = 0.0 if refused else queue.hold_s - queue.cpu_s
        ends_at_s = cpu_free_s + waits_s
        if not refused:
            heapq.heappush(ends_s, ends_at_s)
        heapq.heappush(free_s, ends_at_s)
        result = "db_too_many_connections" if refused else OUTCOME_OK
        back_s = ends_at_s + client_s
        heapq.heappush(finishes, (back_s, user, number, result))
        heapq.heappush(arrivals, (back_s + load.think_time_s, user))
    while finishes and finishes[0][0] < load.duration_s:
        _finish(finishes, recorders, plan.route_name)


def _finish(
    finishes: list[tuple[float, int, int, str]], recorders: list[Recorder], route: str
) -> None:
    at_s, user, number, result = heapq.heappop(finishes)
    recorders[user % len(recorders)].finish(number, at_s, route, result)


class FakeBackend:
    """Simulated hosts; no deadline, no machine, no rights."""

    name = "fake"
    scouts = True

    def lacks(self, plan: Plan) -> str:
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
