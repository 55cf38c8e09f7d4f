"""From an attempt's raw files to the facts of its record, so that both can be compared for ever.

Reads files and nothing else: `verify` calls it again, on another machine, long afterwards.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.load.reading import derived
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

DELAY, LOAD = Path("probes", "delay.json"), Path("load", "load.json")
SEQUENCES, LEDGER = Path("load", "sequences.csv"), Path("ledger.json")
FACTS = Path("facts.json")
UNANSWERED = "unanswered"


@dataclass(frozen=True)
class Observed:
    """The facts that an attempt's raw files hold."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    delay: DelayFacts = field(default_factory=DelayFacts)
    load: LoadFacts = field(default_factory=LoadFacts)
    probes: ProbeFacts = field(default_factory=ProbeFacts)
    ledger: LedgerFacts = field(default_factory=LedgerFacts)


def observe(folder: Path, plan: Plan) -> Observed:
    """Everything that an attempt's folder says; what is missing is left at its default."""
    load = _load(folder / LOAD, plan)
    return Observed(
        facts=_read(folder / FACTS) or {},
        delay=_delay(_read(folder / DELAY), plan),
        load=load,
        probes=probe_facts(folder, plan, load),
        ledger=_ledger(folder, plan.route_name),
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


def _ledger(folder: Path, route: str) -> LedgerFacts:
    book = _read(folder / LEDGER)
    if book is None or "after" not in book:
        return LedgerFacts()
    before, after = book["counters_before"], book["counters_after"]
    facts = LedgerFacts(
        rows_before=book["before"]["rows"],
        rows_after=book["after"]["rows"],
        statements=after["scans"] - before["scans"] - book["counting_scans"],
        transactions=after["transactions"] - before["transactions"],
        sessions=after["sessions"] - before["sessions"],
        verifying_requests=book["verifying_requests"],
        answered_by_target=_own_count(book, route),
        postgres_restarted=after["postgres_started_at"] != before["postgres_started_at"],
        fingerprint_before=book["before"]["fingerprint"],
        fingerprint_after=book["after"]["fingerprint"],
    )
    if "rows" not in book or not (folder / SEQUENCES).exists():
        return facts
    written = _expanded((worker, *pair) for worker, pairs in book["rows"].items() for pair in pairs)
    sent = _read(folder / LOAD)["sequences"]
    not_ok = _not_ok(folder / SEQUENCES)
    failed = {name for outcome, names in not_ok.items() for name in names if outcome != UNANSWERED}
    unanswered = not_ok.get(UNANSWERED, set())
    known = _expanded((worker, 1, last) for worker, last in sent.items())
    ok = known - failed - unanswered
    return dataclasses.replace(
        facts,
        rows_of_successes=len(written & ok),
        rows_of_failures={
            outcome: len(written & names)
            for outcome, names in sorted(not_ok.items())
            if outcome != UNANSWERED and written & names
        },
        rows_of_unanswered=len(written & unanswered),
        rows_twice=book["rows_twice"],
        rows_foreign=len(written - known),
        successes_without_row=len(ok - written),
    )


def _own_count(book: Mapping[str, Any], route: str) -> int | None:
    before, after = book.get("target_before"), book.get("target_after")
    if before is None or after is None:
        return None
    return int(after.get(route, 0) - before.get(route, 0))


Name = tuple[str, int]
"""A request: its load worker and its sequence number."""


def _expanded(ranges: Iterable[tuple[str, int, int]]) -> set[Name]:
    return {(worker, n) for worker, first, last in ranges for n in range(first, last + 1)}


def _not_ok(path: Path) -> dict[str, set[Name]]:
    found: dict[str, set[Name]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = _expanded([(row["load_worker"], int(row["first"]), int(row["last"]))])
            found.setdefault(row["outcome"], set()).update(names)
    return found
