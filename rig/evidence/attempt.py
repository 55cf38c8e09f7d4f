"""From an attempt's raw files to the facts of its record, so that both can be compared for ever.

Reads files and nothing else: `verify` calls it again, on another machine, long afterwards.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from rig.calibration import Ms
from rig.disk.contents import json_value, rows
from rig.disk.facts import Facts
from rig.disk.rows import Completion
from rig.disk.typed import Unfit
from rig.evidence.ledger import ledger_facts
from rig.evidence.load import derived
from rig.evidence.probes import probe_facts
from rig.inference.goodput import Group, goodput_of
from rig.model import RULES, Count, DamagedFile, Link, Verdict
from rig.plan import Plan
from rig.record import (
    DelayFacts,
    LedgerFacts,
    LoadFacts,
    PathDelay,
    ProbeFacts,
    Record,
    load_from_json,
)

COMPLETIONS = Path("load", "completions.csv")
DELAY, LOAD = Path("probes", "delay.json"), Path("load", "load.json")
FACTS = Path("facts.json")


class _Counters(TypedDict):
    packets: Count
    drops: Count
    overruns: Count
    alive: bool


class _Moments(TypedDict, total=False):
    base: tuple[Ms, ...]
    before: tuple[Ms, ...]
    during: tuple[Ms, ...]
    after: tuple[Ms, ...]


class DelaySaid(TypedDict):
    """What the delay role says of itself."""

    mechanism: str
    why: str
    counters: _Counters
    rtt_ms: Mapping[Link, _Moments]
    lost: Mapping[str, Count]
    missing_packets: NotRequired[int]


@dataclass(frozen=True)
class AttemptFacts:
    """The facts that an attempt's raw files hold."""

    facts: Facts = field(default_factory=Facts)
    delay: DelayFacts = field(default_factory=DelayFacts)
    load: LoadFacts = field(default_factory=LoadFacts)
    probes: ProbeFacts = field(default_factory=ProbeFacts)
    ledger: LedgerFacts = field(default_factory=LedgerFacts)


def read_attempt(folder: Path, plan: Plan) -> AttemptFacts:
    """Everything that an attempt's folder says; what is missing is left at its default.

    DamagedFile or StorageError, which name the file, where one is there and cannot be read.
    """
    load = _read_load(folder, plan)
    return AttemptFacts(
        facts=json_value(folder / FACTS, Facts) or {},
        delay=_delay(json_value(folder / DELAY, DelaySaid), folder / DELAY, plan),
        load=load,
        probes=probe_facts(folder, plan, load),
        ledger=ledger_facts(folder, plan.route_name),
    )


def by_todays_rules(record: Record, folder: Path, plan: Plan) -> Record:
    """A record whose load is read again from its raw files, where older rules read it.

    What decides together must come of one rule. Checks and verdict stay as judged. DamagedFile or
    StorageError, as `read_attempt`.
    """
    if record.rules == RULES or record.verdict is Verdict.FAILED:
        return record
    return dataclasses.replace(record, load=_read_load(folder, plan))


def _delay(said: DelaySaid | None, path: Path, plan: Plan) -> DelayFacts:
    if said is None:
        return DelayFacts()
    if missing := sorted(set(said["rtt_ms"]) - set(said["lost"])):
        raise DamagedFile(f"{path}: lost.{missing[0]} is missing")
    paths = tuple(
        PathDelay(
            link=link,
            asked_ms=plan.delay.on(Link(link)),
            base_ms=moments.get("base", ()),
            before_ms=moments.get("before", ()),
            during_ms=moments.get("during", ()),
            after_ms=moments.get("after", ()),
            lost=said["lost"][link],
        )
        for link, moments in said["rtt_ms"].items()
    )
    count = said["counters"]
    return DelayFacts(
        mechanism=said["mechanism"],
        why=said["why"],
        paths=paths,
        packets=count["packets"],
        drops=count["drops"],
        missing=said.get("missing_packets", 0),
        overruns=count["overruns"],
        alive_to_the_end=count["alive"],
    )


def _load(path: Path, plan: Plan) -> LoadFacts:
    load = plan.load
    asked = {
        "load_workers_asked": load.load_workers,
        "ramp_s": load.ramp_s,
        "duration_s": load.duration_s,
    }
    said = json_value(path, dict[str, Any]) or {}
    found = derived(path.parent, load.ramp_s, load.duration_s, plan.objective)
    try:
        return load_from_json({**asked, **said, **found})
    except Unfit as error:
        raise DamagedFile(f"{path}: {error}") from error


def _read_load(folder: Path, plan: Plan) -> LoadFacts:
    """The load's facts with its goodput, as the report has it."""
    load, found = _load(folder / LOAD, plan), rows(folder / COMPLETIONS, Completion)
    if found is None:
        return load
    good = (row for row in found if row.phase == "steady" and row.ok)
    groups = [Group(row.count, row.first_s, row.last_s) for row in good]
    rate, _ = goodput_of(groups, load.ramp_s, load.duration_s)
    successes = sum(group.count for group in groups)
    return dataclasses.replace(load, successes=successes, goodput_rps=rate)
