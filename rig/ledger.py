"""From the database's own counts and the load's sequence numbers to the ledger's facts.

Reads files and nothing else; what they must come to is for `rig.checks` to say.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rig.record import LedgerFacts

LOAD, SEQUENCES = Path("load", "load.json"), Path("load", "sequences.csv")
LEDGER = Path("ledger.json")
UNANSWERED = "unanswered"
Name = tuple[str, int]
"""A request: its load worker and its sequence number."""


def ledger_facts(folder: Path, route: str) -> LedgerFacts:
    """What an attempt's folder says of a route's rows, scans and answers."""
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


def _expanded(ranges: Iterable[tuple[str, int, int]]) -> set[Name]:
    return {(worker, n) for worker, first, last in ranges for n in range(first, last + 1)}


def _not_ok(path: Path) -> dict[str, set[Name]]:
    found: dict[str, set[Name]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = _expanded([(row["load_worker"], int(row["first"]), int(row["last"]))])
            found.setdefault(row["outcome"], set()).update(names)
    return found


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
