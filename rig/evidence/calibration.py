"""From the raw files in a session's `calibration/` to its Calibration.

Reads files and nothing else: `verify` calls it again, on another machine, long afterwards.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from rig.checks.feasibility import predict
from rig.disk.contents import json_value, needed, rows
from rig.disk.rows import Completion
from rig.load.scout import UnloadedResults
from rig.model import DamagedFile, Index, Level
from rig.plan import Plan
from rig.record import (
    Calibration,
    LoadFacts,
    Prediction,
    StackFacts,
    UnloadedPoint,
    record_from_json,
)

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


def read_calibration(session: Path) -> Calibration:
    """What a session's raw files say of its load workers and its stacks.

    DamagedFile or StorageError, which name the file, where one cannot be read.
    """
    null_rps, load_workers, why = _null(session / NULL)
    scouted = sorted((session / FOLDER).glob(f"stack-*/{SCOUT}"), key=_number)
    stacks = [facts for path in scouted for facts in _stacks(path)]
    return Calibration(null_rps, load_workers, tuple(stacks), why)


def predicted(plan: Plan, levels: Mapping[str, Any], of: Calibration) -> Prediction | None:
    """What a trial must come to at best; None where its stack was not calibrated."""
    return predict(plan, of.stack(levels, plan.route_name))


def null_share(load: LoadFacts, null_rps: float | None) -> float | None:
    """How much of what the load workers can do a load has asked of them, over its whole length."""
    if not null_rps or not load.duration_s:
        return None
    return round(load.finished / load.duration_s / null_rps, 4)


def _number(path: Path) -> int:
    number = path.parent.name.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdecimal() else 0


def _null(folder: Path) -> tuple[float | None, int, str]:
    """The last attempt's rate; its load has no ramp, so that every second of it counts."""
    manifests = sorted(folder.glob("attempt-*/manifest.json"), key=_number)
    if not manifests:
        return None, 0, "the null target was not measured"
    record = needed(manifests[-1], record_from_json)
    asked = record.load.load_workers_asked
    if not (record.load.finished and record.load.complete):
        unsupported_reason = (
            "a load worker's last report" if record.load.finished else "every answer"
        )
        return None, asked, f"the null target: {record.why or f'{unsupported_reason} is missing'}"
    path = manifests[-1].parent / "load" / "completions.csv"
    found = rows(path, Completion)
    if found is None or not record.load.duration_s:
        wrong = f"{path} is missing" if found is None else f"{manifests[-1]}: load.duration_s is 0"
        raise DamagedFile(wrong)
    answers = sum(row.count for row in found if row.ok and row.phase == "steady")
    return round(answers / record.load.duration_s, 3), asked, ""


def _stacks(path: Path) -> list[StackFacts]:
    raw = json_value(path, _Scouted)
    if raw is None or not (raw["seen"] or raw["why"]):
        raise DamagedFile(f"{path} tells of no delay")
    for number, moment in enumerate(raw["seen"]):
        for route in raw["routes"]:
            said = moment.routes.get(route)
            if said is None or not said.tells:
                raise DamagedFile(f"{path}: seen[{number}].routes.{route} has no figures")
    return [
        stack_facts(raw["levels"], route, raw["servers"], raw["seen"], raw["why"])
        for route in raw["routes"]
    ]


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
