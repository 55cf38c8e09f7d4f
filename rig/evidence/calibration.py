"""From the raw files in a session's `calibration/` to its Calibration.

Reads files and nothing else: `verify` calls it again, on another machine, long afterwards.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from rig.calibration import Calibration, Prediction, StackFacts, UnloadedPoint
from rig.checks.feasibility import predict
from rig.disk.contents import json_value, needed, rows
from rig.disk.facts import Facts
from rig.disk.rows import Completion
from rig.load.scout import UnloadedResults
from rig.model import Count, DamagedFile, Index, Level
from rig.plan import Plan
from rig.record import LoadFacts, record_from_json

LEAST_TRIPS = 0.25
"""A server waits for whole round trips or for none: less than this per request is scatter, which
five times the delay would make into a ceiling that is not there."""

FOLDER, NULL, SCOUT = Path("calibration"), Path("calibration", "null"), "scout.json"


class _Scouted(TypedDict):
    """What a scout saw of one stack."""

    levels: Mapping[str, Level]
    servers: Index
    routes: tuple[str, ...]
    seen: tuple[UnloadedResults, ...]
    why: str
    mixes: NotRequired[Mapping[str, Mapping[str, Count]]]
    """The weights of their routes, by the names that these were scouted under."""


def read_calibration(session: Path) -> Calibration:
    """What a session's raw files say of its load workers and its stacks.

    DamagedFile or StorageError, which name the file, where one cannot be read.
    """
    null_rps, load_workers, why, by_node = _null(session / NULL)
    scouted = sorted((session / FOLDER).glob(f"stack-*/{SCOUT}"), key=_number)
    stacks = [facts for path in scouted for facts in _stacks(path)]
    return Calibration(null_rps, by_node, load_workers, tuple(stacks), why)


def predicted(plan: Plan, levels: Mapping[str, Any], of: Calibration) -> Prediction | None:
    """What a trial must come to at best; None where its stack was not calibrated."""
    return predict(plan, of.stack(levels, plan.route_name))


def null_share(load: LoadFacts, null_rps: float | None) -> float | None:
    """How much of what the load workers can do a load has asked of them, over its whole length."""
    if not null_rps or not load.duration_s:
        return None
    return round(load.finished / load.duration_s / null_rps, 4)


def null_share_by_node(load: LoadFacts, facts: Facts, of: Calibration) -> dict[str, float]:
    """The same of each node's load workers, where the calibration knows nodes."""
    return {
        node: round(rate_rps / most_rps, 4)
        for node, rate_rps in _rps_by_node(load, facts).items()
        if (most_rps := of.null_rps_by_node.get(node))
    }


def _number(path: Path) -> int:
    number = path.parent.name.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdecimal() else 0


def _null(folder: Path) -> tuple[float | None, int, str, dict[str, float]]:
    """The last attempt's rate; its load has no ramp, so that every second of it counts."""
    manifests = sorted(folder.glob("attempt-*/manifest.json"), key=_number)
    if not manifests:
        return None, 0, "the null target was not measured", {}
    record = needed(manifests[-1], record_from_json)
    asked = record.load.load_workers_asked
    if not (record.load.finished and record.load.complete):
        unsupported_reason = (
            "a load worker's last report" if record.load.finished else "every answer"
        )
        why = f"the null target: {record.why or f'{unsupported_reason} is missing'}"
        return None, asked, why, {}
    path = manifests[-1].parent / "load" / "completions.csv"
    found = rows(path, Completion)
    if found is None or not record.load.duration_s:
        wrong = f"{path} is missing" if found is None else f"{manifests[-1]}: load.duration_s is 0"
        raise DamagedFile(wrong)
    answers = sum(row.count for row in found if row.ok and row.phase == "steady")
    rate = round(answers / record.load.duration_s, 3)
    return rate, asked, "", _rps_by_node(record.load, record.facts)


def _rps_by_node(load: LoadFacts, facts: Facts) -> dict[str, float]:
    """Answers per second, over a load's whole length, of the load workers on each node."""
    own = load.finished_by_load_worker
    return {
        name: round(sum(own.get(one, 0) for one in there) / load.duration_s, 3)
        for name, node in facts.get("nodes", {}).items()
        if load.duration_s and (there := node.get("load_workers", ()))
    }


def _stacks(path: Path) -> list[StackFacts]:
    raw = json_value(path, _Scouted)
    if raw is None or not (raw["seen"] or raw["why"]):
        raise DamagedFile(f"{path} tells of no delay")
    for number, moment in enumerate(raw["seen"]):
        for route in raw["routes"]:
            said = moment.routes.get(route)
            if said is None or not said.tells:
                raise DamagedFile(f"{path}: seen[{number}].routes.{route} has no figures")
    of_routes = {
        route: stack_facts(raw["levels"], route, raw["servers"], raw["seen"], raw["why"])
        for route in raw["routes"]
    }
    mixes = raw.get("mixes", {})
    if gone := sorted({route for mix in mixes.values() for route in mix} - of_routes.keys()):
        raise DamagedFile(f"{path}: mixes name {gone[0]}, which is no route of it")
    return [
        *of_routes.values(),
        *(
            mixed_facts(name, [(of_routes[route], of) for route, of in mix.items()])
            for name, mix in mixes.items()
        ),
    ]


def mixed_facts(name: str, parts: Sequence[tuple[StackFacts, int]]) -> StackFacts:
    """What a stack takes for a mix's request: its routes' means, by their weights.

    The routes were asked one after another. What they do to each other is not in it.
    """
    first, total = parts[0][0], sum(weight for _, weight in parts)
    weights = {one.route: weight for one, weight in parts}
    if why := "; ".join(f"{one.route}: {one.why}" for one, _ in parts if one.why):
        return StackFacts(first.levels, name, first.servers, why=why, weights=weights)

    def mean(of: Callable[[StackFacts], float]) -> float:
        return round(sum(of(one) * weight for one, weight in parts) / total, 4)

    unloaded = tuple(
        UnloadedPoint(
            point.delay_ms,
            (mean(lambda one, at=at: statistics.median(one.unloaded[at].response_ms)),),  # type: ignore[misc]
            mean(lambda one, at=at: one.unloaded[at].hold_ms),  # type: ignore[misc]
        )
        for at, point in enumerate(first.unloaded)
    )
    return StackFacts(
        first.levels, name, first.servers, unloaded,
        mean(lambda one: one.s0_ms), mean(lambda one: one.n),
        mean(lambda one: one.hold_s0_ms), mean(lambda one: one.hold_n), weights=weights,
    )  # fmt: skip


def stack_facts(
    levels: Mapping[str, Any],
    route: str,
    servers: int,
    seen: Sequence[UnloadedResults],
    why: str = "",
) -> StackFacts:
    """Service time and round trips from what a scout saw at no delay and at one or two others.

    A burst that is short of CPU says more than a server is held: a request holds one no longer
    than it takes alone. Where there are two other delays, the difference between their bursts has
    the round trips, for what servers wait for each other is in both.
    """
    unloaded, bursts = [], []
    for moment in seen:
        said = moment.routes[route]
        why = why or "; ".join(said.wrong)
        if not why and said.interval_ms is not None:
            busy_ms = said.interval_ms * servers
            bursts.append((moment.delay_ms, busy_ms))
            hold_ms = round(min(busy_ms, statistics.median(said.response_ms)), 4)
            unloaded.append(UnloadedPoint(moment.delay_ms, said.response_ms, hold_ms))
    if why:
        return StackFacts(levels, route, servers, why=why)
    s0_ms, n = line([(one.delay_ms, statistics.median(one.response_ms)) for one in unloaded])
    hold_s0_ms, hold_n = line([(one.delay_ms, one.hold_ms) for one in unloaded])
    if len(bursts) > 2:
        hold_s0_ms, hold_n = unloaded[0].hold_ms, min(n, line(bursts[1:])[1])
    hold_n = hold_n if hold_n >= LEAST_TRIPS else 0.0
    return StackFacts(
        levels, route, servers, tuple(unloaded),
        round(s0_ms, 3), round(n, 3), round(hold_s0_ms, 3), round(hold_n, 3),
    )  # fmt: skip


def line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Intercept and slope of the line through the first and the last point.

    A delay makes nothing faster: a slope below 0 is scatter, and is 0.
    """
    (x0, y0), (x1, y1) = points[0], points[-1]
    slope = max(0.0, (y1 - y0) / (x1 - x0)) if x1 > x0 else 0.0
    return y0 - slope * x0, slope
