"""From the database's own counts and the load's sequence numbers to the ledger's facts.

Reads files and nothing else; what they must come to is for `rig.checks` to say.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from rig.disk.contents import json_value, rows
from rig.disk.ranges import Ranges
from rig.disk.rows import Completion, Sequences
from rig.model import OUTCOME_DROPPED, Count, DamagedFile
from rig.record import LedgerFacts, RouteAnswers, StatementFacts, TableRows

LOAD, SEQUENCES = Path("load", "load.json"), Path("load", "sequences.csv")
COMPLETIONS = Path("load", "completions.csv")
LEDGER = Path("ledger.json")
UNANSWERED = "unanswered"
COMMONEST = 5
"""Texts of statements that a message may quote."""
# Django's time zone, and the checks that a connection still works; drivers look types up
_OF_A_CONNECTION = re.compile(
    r"\s*(SELECT (pg_catalog\.)?set_config\(|SELECT \$?1\s*;?\s*$|.*\bpg_(type|catalog)\b)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Counters:
    """What Postgres had counted at one moment."""

    transactions: int
    sessions: int
    postgres_started_at: object
    scans: int | None = None
    """Of the target's table; older sessions only."""


@dataclass(frozen=True)
class Statement:
    """What ran under one text. `nested`: inside another one, as in a function."""

    text: str
    calls: Count
    nested: bool


@dataclass(frozen=True)
class Statements:
    """What the app's user sent to its database since the rig began to count."""

    counted: tuple[Statement, ...] = ()
    evicted: Count = 0
    """Times that Postgres forgot texts for want of room."""
    why: str = ""
    """Why none were counted; empty where they were."""


@dataclass(frozen=True)
class Contents:
    """The target's counted tables and its schema at one moment.

    `rows`: of all of them; None where the target names none.
    """

    rows: Count | None
    fingerprint: str
    tables: Mapping[str, Count] = field(default_factory=dict)


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
    """That the counts hold as well; none where all was counted anew after the users' sessions."""
    contents: Contents | None = None
    unverified: Mapping[str, Count] = field(default_factory=dict)
    """Rows by table before the rig asked anything."""
    names_requests: bool = True
    """Whether the row that the verifying request left names it."""
    wrote: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Of a mix, by route: rows by table that its verifying request added."""
    naming: tuple[str, ...] = ()
    """Of a mix: routes whose verifying request left a row that names it."""
    counting_scans: Count | None = None
    """Scans of the rig's own between the counters; older sessions only."""
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
            "tables_unverified": self.unverified,
            "names_requests": self.names_requests,
            **({"wrote": self.wrote, "naming": self.naming} if self.wrote else {}),
            "target_before": self.by_target,
        }

    def anew(self, tables: Mapping[str, int], by_target: CorrectByRoute) -> CountsBefore:
        """Counted again, once users had their sessions: what these did is no route's."""
        assert self.contents is not None
        verified = self.contents.tables
        added = {name: verified[name] - self.unverified.get(name, 0) for name in verified}
        rows = sum(tables.values()) if tables else None
        return dataclasses.replace(
            self,
            verifying_requests=0,
            contents=Contents(rows, self.contents.fingerprint, tables),
            unverified={name: tables[name] - added.get(name, 0) for name in tables},
            by_target=by_target,
        )


@dataclass(frozen=True)
class CountsAfter:
    """What was counted after the load, when the app's sessions had ended.

    `written`: None of a route that writes nothing.
    """

    counters: Counters
    contents: Contents
    by_target: CorrectByRoute = None
    written: Written | None = None
    statements: Statements | None = None
    """None in older sessions."""

    def to_json(self) -> dict[str, Any]:
        """Its part of `ledger.json`."""
        return {
            "counters_after": vars(self.counters),
            "after": vars(self.contents),
            "target_after": self.by_target,
            "statements": dataclasses.asdict(self.statements) if self.statements else None,
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
    tables_unverified: NotRequired[Mapping[str, Count]]
    names_requests: NotRequired[bool]
    wrote: NotRequired[Mapping[str, Mapping[str, int]]]
    naming: NotRequired[tuple[str, ...]]
    statements: NotRequired[Statements | None]
    rows: NotRequired[Mapping[str, RowRanges]]
    rows_twice: NotRequired[Count]
    target_before: NotRequired[CorrectByRoute]
    target_after: NotRequired[CorrectByRoute]


class _Sent(TypedDict):
    sequences: Mapping[str, Count]


_NEEDED = ("counters_before", "counters_after", "before", "verifying_requests")


def ledger_facts(folder: Path, route: str) -> LedgerFacts:
    """What an attempt's folder says of a route's rows, scans and answers.

    DamagedFile or StorageError, which name the file, where one cannot be read.
    """
    counted = _read(folder / LEDGER)
    if counted is None:
        return LedgerFacts()
    before, after = counted
    facts = facts_of(before, after, route)
    if before.wrote:
        facts = dataclasses.replace(facts, answers=_answers(folder / COMPLETIONS))
    not_ok = rows(folder / SEQUENCES, Sequences)
    if after.written is None or not_ok is None:
        return facts
    sent = json_value(folder / LOAD, _Sent)
    if sent is None:
        raise DamagedFile(f"{folder / LOAD} is missing")
    return _rows_by_outcome(facts, after.written, sent["sequences"], not_ok)


def _answers(path: Path) -> Mapping[str, RouteAnswers]:
    """What came back of each route."""
    found: dict[str, list[int]] = {}
    for row in rows(path, Completion) or ():
        if row.outcome != OUTCOME_DROPPED:
            found.setdefault(row.route, [0, 0])[0 if row.ok else 1] += row.count
    return {route: RouteAnswers(*counts) for route, counts in sorted(found.items())}


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
        unverified=book.get("tables_unverified", {}),
        names_requests=book.get("names_requests", True),
        wrote=book.get("wrote", {}),
        naming=book.get("naming", ()),
        counting_scans=book.get("counting_scans"),
        by_target=book.get("target_before"),
    )
    written = Written(book["rows"], book.get("rows_twice", 0)) if "rows" in book else None
    after = CountsAfter(
        counters=book["counters_after"],
        contents=book["after"],
        by_target=book.get("target_after"),
        written=written,
        statements=book.get("statements"),
    )
    return before, after


def facts_of(before: CountsBefore, after: CountsAfter, route: str) -> LedgerFacts:
    """What both counts come to, without telling rows apart by their requests."""
    if before.contents is None:
        return LedgerFacts()
    first, last = before.counters, after.counters
    return LedgerFacts(
        rows_before=before.contents.rows,
        rows_after=after.contents.rows,
        statements=_scans(before, after),
        counted=statement_facts(after.statements) if after.statements else None,
        tables=_tables(before, after),
        wrote=before.wrote,
        naming=before.naming,
        names_requests=before.names_requests,
        transactions=last.transactions - first.transactions,
        sessions=last.sessions - first.sessions,
        verifying_requests=before.verifying_requests,
        answered_by_target=_own_count(before, after, route),
        postgres_restarted=last.postgres_started_at != first.postgres_started_at,
        fingerprint_before=before.contents.fingerprint,
        fingerprint_after=after.contents.fingerprint,
    )


def _scans(before: CountsBefore, after: CountsAfter) -> int | None:
    first, last = before.counters.scans, after.counters.scans
    return None if first is None or last is None else last - first - (before.counting_scans or 0)


def _tables(before: CountsBefore, after: CountsAfter) -> dict[str, TableRows]:
    assert before.contents is not None
    verified = before.contents.tables
    return {
        name: TableRows(rows - before.unverified[name], rows, after.contents.tables[name])
        for name, rows in verified.items()
        if name in before.unverified and name in after.contents.tables
    }


def statement_facts(seen: Statements) -> StatementFacts:
    """Statements by who sent them: requests, their connections, or other statements."""
    own = [one for one in seen.counted if not one.nested]
    requested = [one for one in own if not _OF_A_CONNECTION.match(one.text)]
    return StatementFacts(
        calls=sum(one.calls for one in own),
        of_connections=sum(one.calls for one in own) - sum(one.calls for one in requested),
        nested=sum(one.calls for one in seen.counted if one.nested),
        evicted=seen.evicted,
        commonest={one.text: one.calls for one in requested[:COMMONEST]},
        why=seen.why,
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
    if before.by_target is None or after.by_target is None or before.wrote:
        return None
    return after.by_target.get(route, 0) - before.by_target.get(route, 0)
