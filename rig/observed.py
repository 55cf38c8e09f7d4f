"""From an attempt's raw files to the facts of its record, so that both can be compared for ever.

Reads files and nothing else: `verify` calls it again, on another machine, long afterwards.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.inference.goodput import goodput_of
from rig.ledger import ledger_facts
from rig.load.reading import derived
from rig.model import OUTCOME_OK, Link, StackError
from rig.plan import Plan
from rig.record import (
    DelayFacts,
    LedgerFacts,
    LoadFacts,
    PathDelay,
    ProbeFacts,
    load_from_json,
)
from rig.series import probe_facts

COMPLETIONS = Path("load", "completions.csv")
DELAY, LOAD = Path("probes", "delay.json"), Path("load", "load.json")
FACTS = Path("facts.json")

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, csv.Error)
"""What reading a file raises whose contents are not what was written."""


@dataclass(frozen=True)
class Observed:
    """The facts that an attempt's raw files hold."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    delay: DelayFacts = field(default_factory=DelayFacts)
    load: LoadFacts = field(default_factory=LoadFacts)
    probes: ProbeFacts = field(default_factory=ProbeFacts)
    ledger: LedgerFacts = field(default_factory=LedgerFacts)


def observe(folder: Path, plan: Plan) -> Observed:
    """Everything that an attempt's folder says; what is missing is left at its default.

    StackError where a file is there and cannot be read: it was cut short.
    """
    try:
        return _observed(folder, plan)
    except UNREADABLE as error:
        raise StackError(f"what the attempt wrote cannot be read: {error!r}") from error


def _observed(folder: Path, plan: Plan) -> Observed:
    load = _with_goodput(_load(folder / LOAD, plan), folder / COMPLETIONS)
    return Observed(
        facts=_read(folder / FACTS) or {},
        delay=_delay(_read(folder / DELAY), plan),
        load=load,
        probes=probe_facts(folder, plan, load),
        ledger=ledger_facts(folder, plan.route_name),
    )


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _delay(said: Any, plan: Plan) -> DelayFacts:
    if said is None:
        return DelayFacts()
    paths = tuple(
        PathDelay(
            link=link,
            asked_ms=plan.delay.on(Link(link)),
            before_ms=tuple(moments.get("before", ())),
            during_ms=tuple(moments.get("during", ())),
            after_ms=tuple(moments.get("after", ())),
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
    said = _read(path) or {}
    return load_from_json({**asked, **said, **derived(path.parent, load.ramp_s, load.duration_s)})


def _with_goodput(load: LoadFacts, completions: Path) -> LoadFacts:
    if not completions.exists():
        return load
    with completions.open(encoding="utf-8", newline="") as file:
        groups = [
            (int(row["count"]), float(row["first_s"]), float(row["last_s"]))
            for row in csv.DictReader(file)
            if row["phase"] == "steady" and row["outcome"] == OUTCOME_OK
        ]
    rate, _ = goodput_of(groups, load.duration_s - load.ramp_s)
    return dataclasses.replace(load, goodput_rps=rate)
