"""Simulated hosts for one plan: the recorder and every file are the real ones."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rig.backends.base import LoadProgress, OnProgress, RouteReply
from rig.backends.fake import users
from rig.backends.fake.counts import counts
from rig.backends.fake.queue import queue_of
from rig.clock import ClockOffset
from rig.disk.facts import Facts
from rig.endpoints import Endpoints
from rig.evidence.ledger import LEDGER
from rig.load.counting.completions import Completions
from rig.load.counting.meter import lags_of
from rig.load.counting.recorder import Recorder
from rig.load.counting.report import FinalCount, LoadReport, MeteredSecond
from rig.load.scout import UnloadedRequest, UnloadedResult, UnloadedResults
from rig.model import Link
from rig.plan import Closed, Load, Open, Plan


class FakeStack:
    """Simulated hosts for one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._completions = Completions(plan.route_name)
        self._left: dict[str, FinalCount] = {}
        self._asked: users.RoutesAsked = {}

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
        self._asked = users.simulate(self._plan, recorders)
        for index, recorder in enumerate(recorders):
            left = FinalCount.from_wire(_carried(recorder.freeze(load.duration_s).to_wire()))
            report = dataclasses.replace(recorder.drain(), meter=_meter(load, index))
            name = f"load-{index + 1}"
            self._completions.add(name, LoadReport.from_wire(_carried(report.to_wire())))
            self._completions.close(name, index, name, left)
            for _ in range(2):  # before and after: a simulated clock is everybody's
                self._completions.add_clock(name, ClockOffset())
            self._left[str(index)] = left
        for second in range(math.ceil(load.duration_s)):
            on_progress(self._progress(second))

    def _progress(self, second: int) -> LoadProgress:
        """What a load master would tell of a second, at the load's simulated end."""
        load, counted = self._plan.load, self._completions
        responses = counted.responses(second)
        users = load.model.users_at(second + 1)
        rates = counted.rate_rps(second)
        return LoadProgress(second + 1, users, *rates, counted.outcomes, second, responses)

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
                route = name.rpartition("/")[2]
                queue = queue_of(dataclasses.replace(self._plan, delay=delay, route_name=route))
                response_ms = 1000 * queue.hold_s + delay.on(Link.FRONT)
                busy_s = max(queue.cpu_s, queue.hold_s / queue.servers)
                routes[name] = UnloadedResult(
                    wrong=(),
                    response_ms=(response_ms,) * unloaded_request.requests,
                    interval_ms=1000 * busy_s,
                )
            seen.append(UnloadedResults(delay_ms, routes))
        return seen

    def ask_routes(self) -> list[RouteReply]:
        """What a target would answer that is as it says."""
        routes = self._plan.target.routes
        return [RouteReply(name, route.statuses[0], 1.0, 2) for name, route in routes.items()]

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
        before, after = counts(plan, self._left, self._asked)
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
    """Every user has had its session at its place in the ramp, and none took any time."""
    users, steps = plan.load.model.most_in_flight, plan.target.sessions[plan.session]
    over_s = plan.load.model.first_turn_s(users)
    return {"requests": users * len(steps), "done": users, "begun_over_s": over_s}


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


def _carried(wire: dict[str, Any]) -> Any:
    """As Locust would carry it."""
    return json.loads(json.dumps(wire))


def _meter(load: Load, index: int) -> list[MeteredSecond]:
    """A simulated load worker takes no time, is never late, and has its part of the users."""
    seconds = range(math.ceil(load.duration_s))
    parts = [load.model.users_at(second) + load.load_workers - 1 - index for second in seconds]
    return [
        MeteredSecond(second, 0.0, parts[second] // load.load_workers, lags_of([0]))
        for second in seconds
    ]
