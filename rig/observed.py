"""From an attempt's raw files to the facts of its record, so that both can be compared for ever.

Reads files and nothing else: `verify` calls it again, on another machine, long afterwards.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.model import Link
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

DELAY, LOAD, LEDGER = Path("probes", "delay.json"), Path("load", "load.json"), Path("ledger.json")


@dataclass(frozen=True)
class Observed:
    """The facts that an attempt's raw files hold."""

    delay: DelayFacts = field(default_factory=DelayFacts)
    load: LoadFacts = field(default_factory=LoadFacts)
    probes: ProbeFacts = field(default_factory=ProbeFacts)
    ledger: LedgerFacts = field(default_factory=LedgerFacts)


def observe(folder: Path, plan: Plan) -> Observed:
    """Everything that an attempt's folder says; what is missing is left at its default."""
    load = _load(_read(folder / LOAD), plan)
    return Observed(
        delay=_delay(_read(folder / DELAY), plan),
        load=load,
        probes=probe_facts(folder, plan, load),
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
        overruns=count["overruns"],
        alive_to_the_end=count["alive"],
    )


def _load(said: Any, plan: Plan) -> LoadFacts:
    load = plan.load
    asked = {
        "load_workers_asked": load.load_workers,
        "ramp_s": load.users.ramp_s,
        "duration_s": load.duration_s,
    }
    return load_from_json({**asked, **(said or {})})
