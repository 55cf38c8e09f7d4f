"""Asks the database what really happened: rows, scans, transactions and schema, before and after.

Only asks; what the counts must come to is for `rig.checks` to say. Postgres shows what a session
has counted once it has ended, so the last word is asked for after the app's sessions have.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Iterable

from psycopg import sql

from rig.backends.database import DATABASE, Login
from rig.evidence.ledger import Contents, Counters, Written
from rig.load.recorder import ranges
from rig.plan import Ledger

_UNIQUE = re.compile(r"(\d+)-(\d+)")

_TRANSACTIONS = (
    "SELECT xact_commit + xact_rollback, sessions FROM pg_stat_database "
    f"WHERE datname = '{DATABASE}'"
)
_STARTED = "SELECT pg_postmaster_start_time()::text"
_SCHEMA = """
SELECT 'column', table_name, column_name, data_type || ' ' || is_nullable
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', tablename, indexname, indexdef
FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', event_object_table, trigger_name, action_statement
FROM information_schema.triggers WHERE trigger_schema = 'public'
ORDER BY 1, 2, 3, 4
"""


class DatabaseCounts:
    """The database's side of one trial's ledger."""

    def __init__(self, login: Login, ledger: Ledger) -> None:
        """`login` is the superuser's; every question goes over a connection of its own."""
        self._login = login
        self._inside = dataclasses.replace(login, database=DATABASE)
        self._table = sql.Identifier(ledger.table)
        self._column = sql.Identifier(ledger.column)
        self._ledger = ledger

    def counters(self) -> Counters:
        """What Postgres has counted so far.

        The transactions first: the questions that follow are asked inside that database.
        """
        ((transactions, sessions),) = self._login.ask(_TRANSACTIONS)
        scans = sql.SQL(
            "SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0)::bigint "
            "FROM pg_stat_user_tables WHERE relname = {}"
        ).format(sql.Literal(self._ledger.table))
        ((scans_so_far,),) = self._inside.ask(scans.as_string())
        return Counters(
            transactions=transactions,
            sessions=sessions,
            scans=scans_so_far,
            postgres_started_at=self._login.ask(_STARTED)[0][0],
        )

    def contents(self) -> Contents:
        """How many rows there are, and the schema's fingerprint."""
        query = sql.SQL("SELECT count(*) FROM {}").format(self._table)
        ((rows,),) = self._inside.ask(query.as_string())
        schema = repr(self._inside.ask(_SCHEMA))
        return Contents(rows, fingerprint=hashlib.sha256(schema.encode()).hexdigest()[:16])

    def written(self) -> Written:
        """Which requests left a row."""
        query = sql.SQL("SELECT {} FROM {} WHERE {} ~ '^[0-9]+-[0-9]+$'").format(
            self._column, self._table, self._column
        )
        return tally(str(row[0]) for row in self._inside.ask(query.as_string()))


def tally(titles: Iterable[str]) -> Written:
    """Which requests these name, each by its load worker and sequence number."""
    seen: Counter[tuple[int, int]] = Counter()
    for title in titles:
        match = _UNIQUE.fullmatch(title)
        if match:
            seen[int(match[1]), int(match[2])] += 1
    by_worker: dict[int, list[int]] = {}
    for worker, sequence in seen:
        by_worker.setdefault(worker, []).append(sequence)
    rows = {str(worker): ranges(found) for worker, found in sorted(by_worker.items())}
    return Written(rows, rows_twice=seen.total() - len(seen))
