"""Measured once, before a session's first trial: what the load workers can make at all, and what
one unloaded request costs each stack.

The first is a load like any other, against a target that does nothing. The second is a handful
of single requests and one short burst, at no delay and at a small one: their difference gives
round trips, what remains gives service time. Nothing here is ever assumed of a target.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rig import attempt
from rig.backends.base import Backend, Progress
from rig.checks.feasibility import STACK_FACTORS
from rig.load.shape import Users
from rig.model import OUTCOME_OK, Phase, RigError
from rig.plan import Cell, Delay, Plan, Route, Trial
from rig.record import Calibration, Record, StackFacts, Unloaded, calibration_from_json
from rig.store import CALIBRATION, SessionFolder, write_atomically

NULL_S = 3.0
SCOUT_DELAY_MS = 20.0
REQUESTS = 5
BURST = 8
BURST_ROUNDS = 3
"""A burst is so many times the servers: what comes after the first round queues."""

Say = Callable[[str], None]
NULL_ROUTE = Route("null", "GET", "/")


def of_session(
    folder: SessionFolder, trials: Sequence[Trial], backend: Backend, say: Say
) -> Calibration:
    """The session's calibration, read where it was made before, else made for these trials.

    What cannot be measured is left out, with the reason: it ends no session.
    """
    path = folder.path / CALIBRATION
    if path.exists():
        return calibration_from_json(json.loads(path.read_text(encoding="utf-8")))
    runnable = [trial for trial in trials if not trial.skip]
    if not runnable:
        return Calibration(why="no trial can run")
    made = Calibration(load_workers=runnable[0].plan.load.load_workers)
    say("calibrating: what the load workers make of a null target")
    null_rps, why = _null(folder, runnable, backend)
    stacks: list[StackFacts] = []
    if backend.scouts:
        for levels, of_stack in _stacks(runnable).items():
            shown = ", ".join(str(level) for level in dict(levels).values())
            say(f"calibrating: unloaded requests to {shown}")
            stacks += _scouted(folder, dict(levels), of_stack, backend)
    made = dataclasses.replace(made, null_rps=null_rps, why=why, stacks=tuple(stacks))
    write_atomically(path, json.dumps(dataclasses.asdict(made), indent=1) + "\n")
    return made


def _null(
    folder: SessionFolder, trials: Sequence[Trial], backend: Backend
) -> tuple[float | None, str]:
    trial = null_trial(trials)
    where = folder.path / "calibration" / "null"
    where.mkdir(parents=True, exist_ok=True)
    number = 1 + len(list(where.glob("attempt-*")))
    path = where / f"attempt-{number}"
    path.mkdir()
    record = attempt.run(trial, number, path, backend, 0.0, _no_phase, _no_progress)
    if record.load.finished == 0:
        return None, f"the null target: {record.why or 'nothing was answered'}"
    return _rate(record), ""


def _rate(record: Record) -> float:
    """Correct answers per second: the null load has no ramp, so every second of it counts."""
    return record.load.outcomes.get(OUTCOME_OK, 0) / record.load.duration_s


def _no_phase(_: Phase) -> None:
    pass


def _no_progress(_: Progress) -> None:
    pass


def null_trial(trials: Sequence[Trial]) -> Trial:
    """The first trial's stack and all the session's users, against `stack.null`.

    Its cluster is the first trial's, so that no other has to be made.
    """
    plan = trials[0].plan
    target = dataclasses.replace(
        plan.bound_target(),
        start=("{python}", "-m", "stack.null", "{host}", "{port}"),
        ready="/",
        facts=None,
        ledger=None,
        routes={NULL_ROUTE.name: NULL_ROUTE},
    )
    users = max(trial.plan.load.users.end_users for trial in trials)
    load = dataclasses.replace(
        plan.load,
        users=Users(users, 1, users),
        steady_s=NULL_S,
        model="closed",
        think_time_s=0.0,
        timeout_s=60.0,
    )
    null = dataclasses.replace(
        plan,
        target=target,
        route=NULL_ROUTE,
        route_name=NULL_ROUTE.name,
        load=load,
        delay=Delay(0.0),
        pooler="direct",
    )
    cell = Cell({**trials[0].cell.levels, "route": NULL_ROUTE.name, "delay_ms": 0})
    return Trial(cell, null, 1, 0, 0, "null")


def _stacks(trials: Sequence[Trial]) -> dict[tuple[tuple[str, Any], ...], list[Trial]]:
    """Trials by the levels that make their stack; one trial a route."""
    found: dict[tuple[tuple[str, Any], ...], list[Trial]] = {}
    for trial in trials:
        key = tuple((name, trial.cell.levels[name]) for name in STACK_FACTORS)
        of_stack = found.setdefault(key, [])
        if trial.plan.route_name not in {one.plan.route_name for one in of_stack}:
            of_stack.append(trial)
    return found


def _scouted(
    folder: SessionFolder, levels: Mapping[str, Any], trials: Sequence[Trial], backend: Backend
) -> list[StackFacts]:
    plan = trials[0].plan
    plan = dataclasses.replace(
        plan,
        delay=Delay(SCOUT_DELAY_MS, plan.delay.links),
        load=dataclasses.replace(plan.load, load_workers=1),
    )
    servers = plan.app_workers * plan.app_threads
    errands = [errand_of(trial.plan, servers) for trial in trials]
    where = _new_folder(folder.path / "calibration")
    try:
        with backend.up(plan) as stack:
            try:
                seen = stack.scout(errands)
            finally:
                stack.collect(where)
    except RigError as error:
        return [
            StackFacts(levels, trial.plan.route_name, servers, why=str(error)) for trial in trials
        ]
    raw = {"levels": levels, "servers": servers, "seen": seen}
    write_atomically(where / "scout.json", json.dumps(raw, indent=1) + "\n")
    return [stack_facts(levels, trial.plan.route_name, servers, seen) for trial in trials]


def _new_folder(parent: Path) -> Path:
    path = parent / f"stack-{1 + len(list(parent.glob('stack-*')))}"
    path.mkdir(parents=True)
    return path


def errand_of(plan: Plan, servers: int) -> dict[str, Any]:
    """What the scout asks of one route."""
    route = plan.bound_route()
    return {
        "route": route.name,
        "method": route.method,
        "path": route.path,
        "status": route.status,
        "form": dict(route.form),
        "json": route.json,
        "servers": servers,
        "requests": REQUESTS,
        "burst": max(BURST, BURST_ROUNDS * servers),
    }


def stack_facts(
    levels: Mapping[str, Any], route: str, servers: int, seen: Sequence[Mapping[str, Any]]
) -> StackFacts:
    """Service time and round trips from what a scout saw at two delays."""
    unloaded = []
    for moment in seen:
        said = moment["routes"][route]
        if said["wrong"]:
            return StackFacts(levels, route, servers, why="; ".join(said["wrong"]))
        hold_ms = said["interval_ms"] * servers
        unloaded.append(Unloaded(moment["delay_ms"], tuple(said["response_ms"]), hold_ms))
    s0_ms, n = line([(one.delay_ms, statistics.median(one.response_ms)) for one in unloaded])
    hold_s0_ms, hold_n = line([(one.delay_ms, one.hold_ms) for one in unloaded])
    return StackFacts(
        levels, route, servers, tuple(unloaded),
        round(s0_ms, 3), round(n, 3), round(hold_s0_ms, 3), round(hold_n, 3),
    )  # fmt: skip


def line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Intercept and slope of the line through the first and the last point."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    slope = (y1 - y0) / (x1 - x0) if x1 > x0 else 0.0
    return y0 - slope * x0, slope
