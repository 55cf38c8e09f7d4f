"""From the database's own counts and the load's sequence numbers to the ledger's facts.

Reads files and nothing else; what they must come to is for `rig.checks` to say.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Counters:
    """What Postgres had counted at one moment."""

    transactions: int
    sessions: int
    scans: int
    """Of the target's table."""
    postgres_started_at: object


@dataclass(frozen=True)
class Contents:
    """The target's table and schema at one moment."""

    rows: Count
    fingerprint: str


RowRanges = tuple[tuple[Count, Count], ...]
"""Sequence numbers of requests that left a row, as ranges [first, last]."""


@dataclass(frozen=True)
class Written:
    """Which requests left a row. `rows`: by load worker; `rows_twice`: how many name one again."""

    rows: Mapping[str, RowRanges]
    rows_twice: Count


CorrectByRoute = Mapping[str, Count] | None
"""Correct answers as the target counted them; None where it counts nothing."""


@dataclass(frozen=True)
class CountsBefore:
    """What was counted before the load.

    `counters`: before the rig asked anything. The rest is None where verifying went wrong.
    """

    counters: Counters
    verifying_requests: Count
    contents: Contents | None = None
    counting_scans: Count | None = None
    """Scans of the rig's own between the counters before and after the load."""
    by_target: CorrectByRoute = None

    def to_json(self) -> dict[str, Any]:
        """Its part of `ledger.json`."""
        found = {
            "counters_before": vars(self.counters),
            "verifying_requests": self.verifying_requests,
        }
        if self.contents is None:
            return found
        return {
            **found,
            "before": vars(self.contents),
            "counting_scans": self.counting_scans,
            "target_before": self.by_target,
        }


@dataclass(frozen=True)
class CountsAfter:
    """What was counted after the load, when the app's sessions had ended.

    `written`: None of a route that writes nothing.
    """

    counters: Counters
    contents: Contents
    by_target: CorrectByRoute = None
    written: Written | None = None

    def to_json(self) -> dict[str, Any]:
        """Its part of `ledger.json`."""
        return {
            "counters_after": vars(self.counters),
            "after": vars(self.contents),
            "target_after": self.by_target,
            **(vars(self.written) if self.written else {}),
        }


class _Book(TypedDict):
    """`ledger.json`; without `after` the database was not asked to the end."""

    counters_before: NotRequired[Counters]
    counters_after: NotRequired[Counters]
    before: NotRequired[Contents]
    after: NotRequired[Contents]
    verifying_requests: NotRequired[Count]
    counting_scans: NotRequired[Count]
    rows: NotRequired[Mapping[str, RowRanges]]
    rows_twice: NotRequired[Count]
    target_before: NotRequired[CorrectByRoute]
    target_after: NotRequired[CorrectByRoute]


class _Sent(TypedDict):
    sequences: Mapping[str, Count]


_NEEDED = (
    *("counters_before", "counters_after", "before", "verifying_requests", "counting_scans"),
)


def ledger_facts(folder: Path, route: str) -> LedgerFacts:
    """What an attempt's folder says of a route's rows, scans and answers.

    DamagedFile or StorageError, which name the file, where one cannot be read.
    """
    counted = _read(folder / LEDGER)
    if counted is None:
        return LedgerFacts()
    before, after = counted
    facts = facts_of(before, after, route)
    not_ok = rows(folder / SEQUENCES, Sequences)
    if after.written is None or not_ok is None:
        return facts
    sent = json_value(folder / LOAD, _Sent)
    if sent is None:
        raise DamagedFile(f"{folder / LOAD} is missing")
    return _rows_by_outcome(facts, after.written, sent["sequences"], not_ok)


def _read(path: Path) -> tuple[CountsBefore, CountsAfter] | None:
    """What was counted before and after; None where that was not done to the end."""
    book = json_value(path, _Book)
    if book is None or "after" not in book:
        return None
    if missing := [name for name in _NEEDED if name not in book]:
        raise DamagedFile(f"{path}: {missing[0]} is missing")
    before = CountsBefore(
        counters=book["counters_before"],
        verifying_requests=book["verifying_requests"],
        contents=book["before"],
        counting_scans=book["counting_scans"],
        by_target=book.get("target_before"),
    )
    written = Written(book["rows"], book.get("rows_twice", 0)) if "rows" in book else None
    by_target = book.get("target_after")
    return before, CountsAfter(book["counters_after"], book["after"], by_target, written)


def facts_of(before: CountsBefore, after: CountsAfter, route: str) -> LedgerFacts:
    """What both counts come to, without telling rows apart by their requests."""
    if before.contents is None:
        return LedgerFacts()
    first, last = before.counters, after.counters
    return LedgerFacts(
        rows_before=before.contents.rows,
        rows_after=after.contents.rows,
        statements=last.scans - first.scans - (before.counting_scans or 0),
        transactions=last.transactions - first.transactions,
        sessions=last.sessions - first.sessions,
        verifying_requests=before.verifying_requests,
        answered_by_target=_own_count(before, after, route),
        postgres_restarted=last.postgres_started_at != first.postgres_started_at,
        fingerprint_before=before.contents.fingerprint,
        fingerprint_after=after.contents.fingerprint,
    )


def _rows_by_outcome(
    facts: LedgerFacts, left: Written, sent: Mapping[str, int], not_ok: tuple[Sequences, ...]
) -> LedgerFacts:
    """Rows by what became of the request that each names."""
    written = Ranges((worker, *pair) for worker, pairs in left.rows.items() for pair in pairs)
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
    return dataclasses.replace(
        facts,
        rows_twice=left.rows_twice,
        rows_of_successes=(written & ok).count,
        rows_of_failures={outcome: count for outcome, count in late.items() if count},
        rows_of_unanswered=(written & unanswered).count,
        rows_foreign=(written - known).count,
        successes_without_row=(ok - written).count,
    )


def _own_count(before: CountsBefore, after: CountsAfter, route: str) -> int | None:
    if before.by_target is None or after.by_target is None:
        return None
    return after.by_target.get(route, 0) - before.by_target.get(route, 0)
