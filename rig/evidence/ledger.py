"""From the database's own counts and the load's sequence numbers to the ledger's facts.

Reads files and nothing else; what they must come to is for `rig.checks` to say.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from rig.disk.contents import json_value, rows
from rig.disk.ranges import Ranges
from rig.disk.rows import Sequences
from rig.model import Count, DamagedFile
from rig.record import LedgerFacts

LOAD, SEQUENCES = Path("load", "load.json"), Path("load", "sequences.csv")
LEDGER = Path("ledger.json")
UNANSWERED = "unanswered"


class _Counters(TypedDict):
    transactions: int
    sessions: int
    scans: int
    postgres_started_at: object


class _Contents(TypedDict):
    rows: Count
    fingerprint: str


class _Book(TypedDict):
    """What the database's own side counted; without `after` it was not asked to the end."""

    counters_before: NotRequired[_Counters]
    counters_after: NotRequired[_Counters]
    before: NotRequired[_Contents]
    after: NotRequired[_Contents]
    verifying_requests: NotRequired[Count]
    counting_scans: NotRequired[Count]
    rows: NotRequired[Mapping[str, tuple[tuple[Count, Count], ...]]]
    rows_twice: NotRequired[Count]
    target_before: NotRequired[Mapping[str, Count] | None]
    target_after: NotRequired[Mapping[str, Count] | None]


class _Sent(TypedDict):
    sequences: Mapping[str, Count]


_NEEDED = (
    *("counters_before", "counters_after", "before", "verifying_requests", "counting_scans"),
)


def ledger_facts(folder: Path, route: str) -> LedgerFacts:
    """What an attempt's folder says of a route's rows, scans and answers.

    DamagedFile or StorageError, which name the file, where one cannot be read.
    """
    book = json_value(folder / LEDGER, _Book)
    if book is None or "after" not in book:
        return LedgerFacts()
    if missing := [name for name in _NEEDED if name not in book]:
        raise DamagedFile(f"{folder / LEDGER}: {missing[0]} is missing")
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
    not_ok = rows(folder / SEQUENCES, Sequences)
    if "rows" not in book or not_ok is None:
        return facts
    sent = json_value(folder / LOAD, _Sent)
    if sent is None:
        raise DamagedFile(f"{folder / LOAD} is missing")
    return dataclasses.replace(
        facts,
        rows_twice=book.get("rows_twice", 0),
        **_told_apart(book["rows"], sent["sequences"], not_ok),
    )


def _told_apart(
    left: Mapping[str, tuple[tuple[int, int], ...]],
    sent: Mapping[str, int],
    not_ok: tuple[Sequences, ...],
) -> dict[str, Any]:
    """Rows by what became of the request that each names."""
    written = Ranges((worker, *pair) for worker, pairs in left.items() for pair in pairs)
    by_outcome = {
        outcome: Ranges(
            (row.load_worker, row.first, row.last) for row in not_ok if row.outcome == outcome
        )
        for outcome in sorted({row.outcome for row in not_ok})
    }
    unanswered = by_outcome.pop(UNANSWERED, Ranges())
    known = Ranges((worker, 1, last) for worker, last in sent.items())
    ok = known
    for names in (*by_outcome.values(), unanswered):
        ok = ok - names
    late = {outcome: (written & names).count for outcome, names in by_outcome.items()}
    return {
        "rows_of_successes": (written & ok).count,
        "rows_of_failures": {outcome: count for outcome, count in late.items() if count},
        "rows_of_unanswered": (written & unanswered).count,
        "rows_foreign": (written - known).count,
        "successes_without_row": (ok - written).count,
    }


def _own_count(book: _Book, route: str) -> int | None:
    before, after = book.get("target_before"), book.get("target_after")
    if before is None or after is None:
        return None
    return after.get(route, 0) - before.get(route, 0)
