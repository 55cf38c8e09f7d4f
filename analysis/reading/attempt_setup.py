"""What was asked of one attempt, and what its parts said of themselves, read for comparison.

Reads `plan.json` and `verify.json` beside the record, and the session's `calibration.json`. May
not know what it will be compared with.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.reading.attempts import answer_of, plan_of
from analysis.reading.machines import machine_of_each_role
from rig.calibration import Calibration
from rig.disk.files import is_flat
from rig.model import Role
from rig.record import ONCE_PER_APP_WORKER, Record, StatementFacts
from rig.store.names import PLAN, VERIFY

SAID = ("app", "database", "pooler", "cpus")
ASKED = ("load", "data", "delay", "route")
HEADERS = ("connection", "content-encoding", "content-type", "server", "transfer-encoding")
VARIES = "(varies)"
EVERY_STACK_HAS = (Role.APP, Role.DATABASE, Role.LOAD_MASTER, Role.LOAD_WORKER)


@dataclass(frozen=True)
class AttemptSetup:
    """One attempt. `parts`: facts by section; a section that nobody told of is missing."""

    parts: Mapping[str, Any] = field(default_factory=dict)
    inherent: tuple[str, ...] = ()
    """What its target declares to differ by its nature, by dotted path."""
    statements: tuple[float, float] | None = None
    """Statements per request as Postgres counted them over the load: at least, at most."""


@dataclass(frozen=True)
class RoundTrips:
    """Round trips that one request costs, as measured on one stack."""

    levels: Mapping[str, Any]
    trips: float


def read_setup(
    folder: Path | None, record: Record | None, damaged: Collection[str]
) -> AttemptSetup:
    """What is known of a trial's attempt; what cannot be read is left out.

    `damaged`: names of the attempt's files that are not as their hash says.
    """
    if record is None or folder is None:
        return AttemptSetup()
    plan: Mapping[str, Any] = {} if PLAN in damaged else plan_of(folder.parent, record)
    facts: Mapping[str, Any] = record.facts
    parts = {name: facts[name] for name in SAID if name in facts}
    if not record.facts.get("cpus", {}).get("app"):
        parts.pop("cpus", None)  # the app's process could not be seen from the rig's machine
    parts |= {name: plan[name] for name in ASKED if plan.get(name) is not None}
    route = dict(parts.get("route") or {})
    varying = route.pop("varying", ())
    if route:
        # what is expected of the answer is not what is sent: the answers are compared themselves
        parts["route"] = _sent(route)
    parts |= _visits(plan)
    if "delay" in parts:
        parts["delay"] = {**parts["delay"], "mechanism": record.delay.mechanism}
    answer = None if VERIFY in damaged else answer_of(folder, record).get("response")
    if answer and not _cut(answer, varying):
        parts["answer"] = _answer(answer, varying)
    machines = machine_of_each_role(record)
    if every := {role: machines[role] for role in EVERY_STACK_HAS if role in machines}:
        parts["machines"] = every
    if record.ledger.fingerprint_before:
        counts = record.ledger
        parts["schema"] = {"fingerprint": counts.fingerprint_before, "rows": counts.rows_before}
    target = plan.get("target") or {}
    return AttemptSetup(
        parts, tuple(target.get("inherent", ())), _counted(record, plan.get("route") or {})
    )


EXPECTED = (
    *("name", "answer", "answer_text", "answer_pattern", "answer_headers", "varying"),
    "always",
)


def _sent(route: Mapping[str, Any]) -> dict[str, Any]:
    return {name: route[name] for name in route if name not in EXPECTED}


def _visits(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent beside a single route: a mix's routes, a Locust file, what users do before."""
    target, name = plan.get("target") or {}, plan.get("route_name", "")
    mix = target.get("mixes", {}).get(name)
    routes = target.get("routes") or {}
    session = (mix or routes.get(name) or {}).get("session")
    found: dict[str, Any] = {}
    if mix:
        sent = {one: _sent(routes.get(one) or {}) for one in mix.get("routes", ())}
        found["route"] = {**mix, "sent": sent}
    if file := target.get("locustfiles", {}).get(name):
        # the same file may stand elsewhere
        hashes = {key: (file.get(key) or {}).get("sha256") for key in ("file", "requirements")}
        found["route"] = {**file, **hashes}
    if session:
        found["session"] = target.get("sessions", {}).get(session)
    return found


def read_round_trips(calibration: Calibration | None) -> tuple[RoundTrips, ...]:
    """The round trips that the session's calibration measured; empty where there was none."""
    stacks = calibration.stacks if calibration else ()
    return tuple(RoundTrips({**stack.levels, "route": stack.route}, stack.n) for stack in stacks)


def _counted(record: Record, route: Mapping[str, Any]) -> tuple[float, float] | None:
    successes, counts = record.load.outcomes.get("ok", 0), record.ledger
    if not successes or not record.load.started:
        return None
    if counts.counted is not None:
        return _by_text(record, counts.counted, route.get("statements") or 0)
    if counts.statements is None:
        return None
    # a row is an INSERT, which scans nothing; the rig's own requests are counted without theirs
    writes = "{unique}" in f"{route.get('form')}{route.get('json')}"
    scans = (route.get("statements") or 0) - writes
    verifying = counts.verifying_requests * max(0, scans)
    statements = (
        counts.statements - verifying + (counts.rows_after or 0) - (counts.rows_before or 0)
    )
    return statements / record.load.started, statements / successes


def _by_text(record: Record, counted: StatementFacts, declared: int) -> tuple[float, float] | None:
    if counted.why:
        return None
    statements = max(0, counted.certain - record.ledger.verifying_requests * declared)
    once = ONCE_PER_APP_WORKER * int(record.levels.get("app_workers", 1))
    least = max(0, statements - once) / record.load.started
    return least, statements / record.load.outcomes["ok"]


def _cut(answer: Mapping[str, Any], varying: Sequence[str]) -> bool:
    """Whether too little of a body was kept to mask what varies in it."""
    return bool(varying) and answer.get("body_bytes", 0) > len(answer["body"].encode())


def _answer(answer: Mapping[str, Any], varying: Sequence[str]) -> dict[str, Any]:
    headers = {name.replace("-", "_"): answer["headers"].get(name) for name in HEADERS}
    return {"status": answer["status"], **headers, "body": _body(answer, varying)}


def _body(answer: Mapping[str, Any], varying: Sequence[str]) -> Any:
    """The JSON without what varies; the hash of anything else."""
    try:
        body = json.loads(answer["body"])
    except (ValueError, RecursionError):
        return answer["body_sha256"]
    if not is_flat(body):
        return answer["body_sha256"]
    for path in varying:
        body = _masked(body, path.split("."))
    return body


def _masked(value: Any, path: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_masked(item, path) for item in value]
    if not isinstance(value, dict) or path[0] not in value:
        return value
    inner = VARIES if len(path) == 1 else _masked(value[path[0]], path[1:])
    return {**value, path[0]: inner}
