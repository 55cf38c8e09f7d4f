"""Asks the database what really happened: rows, statements and schema, before and after.

Only asks; what the counts must come to is for `rig.checks` to say. Postgres shows what a session
has counted once it has ended, so the last word is asked for after the app's sessions have.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from psycopg import sql

from rig.backends.database import APP_USER, DATABASE, Login
from rig.evidence.ledger import Contents, Counters, Statement, Statements, Written
from rig.load.counting.recorder import ranges
from rig.model import printable
from rig.plan import Ledger, Plan

_UNIQUE = re.compile(r"(\d+)-(\d+)")

_TRANSACTIONS = (
    "SELECT xact_commit + xact_rollback, sessions FROM pg_stat_database "
    f"WHERE datname = '{DATABASE}'"
)
_EXTENSION = "pg_stat_statements"
MOST_TEXTS, TEXT_CHARS = 100, 300
# in a database of the rig's own: the target's schema stays as it is
_STATEMENTS = f"""
SELECT left(query, {TEXT_CHARS}), sum(calls)::bigint, NOT toplevel
FROM pg_stat_statements
WHERE userid = (SELECT oid FROM pg_roles WHERE rolname = '{APP_USER}')
  AND dbid = (SELECT oid FROM pg_database WHERE datname = '{DATABASE}')
GROUP BY 1, 3 ORDER BY 2 DESC, 1
"""
NO_STATEMENTS = "this Postgres lacks pg_stat_statements (`make setup`, and see `doctor`)"
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
    """The database's side of one trial's ledger. `ledger`: None of a target that names no table."""

    def __init__(self, login: Login, ledger: Ledger | None, *, counts_statements: bool) -> None:
        """`login` is the superuser's; every question goes over a connection of its own."""
        self._login = login
        self._inside = dataclasses.replace(login, database=DATABASE)
        self._ledger = ledger or Ledger()
        self._counts_statements = counts_statements

    def begin(self) -> None:
        """Statements are counted from now on, where Postgres can do so."""
        if self._counts_statements:
            self._login.tell(f"CREATE EXTENSION IF NOT EXISTS {_EXTENSION}")
            self._login.ask("SELECT pg_stat_statements_reset()")

    def counters(self) -> Counters:
        """What Postgres has counted so far."""
        ((transactions, sessions),) = self._login.ask(_TRANSACTIONS)
        return Counters(
            transactions=transactions,
            sessions=sessions,
            postgres_started_at=self._login.ask(_STARTED)[0][0],
        )

    def statements(self) -> Statements:
        """What the app has sent since `begin`, the commonest first."""
        if not self._counts_statements:
            return Statements(why=NO_STATEMENTS)
        found = self._login.ask(_STATEMENTS)
        ((evicted,),) = self._login.ask("SELECT dealloc FROM pg_stat_statements_info")
        counted = [Statement(printable(text), calls, nested) for text, calls, nested in found]
        for nested in (False, True):
            calls = sum(one.calls for one in counted[MOST_TEXTS:] if one.nested is nested)
            if calls:
                counted.insert(MOST_TEXTS, Statement("(others)", calls, nested))
        return Statements(tuple(counted[: MOST_TEXTS + 2]), evicted)

    def tables(self) -> dict[str, int]:
        """Rows of each table that the target names."""
        found = {}
        for name in self._ledger.counted:
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
            ((found[name],),) = self._inside.ask(query.as_string())
        return found

    def contents(self) -> Contents:
        """How many rows there are, and the schema's fingerprint."""
        schema = repr(self._inside.ask(_SCHEMA))
        tables = self.tables()
        return Contents(
            rows=sum(tables.values()) if tables else None,
            fingerprint=hashlib.sha256(schema.encode()).hexdigest()[:16],
            tables=tables,
        )

    def names(self, unique: str) -> bool:
        """Whether a row of the ledger's table names this request."""
        if not self._ledger.table:
            return False
        named = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {}::text = {})").format(
            *map(sql.Identifier, (self._ledger.table, self._ledger.column)), sql.Literal(unique)
        )
        ((found,),) = self._inside.ask(named.as_string())
        return bool(found)

    def written(self) -> Written:
        """Which requests left a row that names them."""
        table, column = map(sql.Identifier, (self._ledger.table, self._ledger.column))
        query = sql.SQL("SELECT {} FROM {} WHERE {}::text ~ '^[0-9]+-[0-9]+$'").format(
            column, table, column
        )
        return tally(str(row[0]) for row in self._inside.ask(query.as_string()))


class WrittenByRoute:
    """What each verifying request did to the counted tables. `tables`: before any of them."""

    def __init__(self, book: DatabaseCounts, plan: Plan, tables: Mapping[str, int]) -> None:
        self._book, self._tables = book, tables
        self._routes = {route.name: route for route in plan.routes}
        self._several = plan.mix is not None
        self.unverified = tables
        """Before the first route was asked, and after its user's session."""
        self.wrote: dict[str, Mapping[str, int]] = {}
        """Of a mix: rows by table, by route."""
        self.naming: list[str] = []
        """Routes whose request left a row that names it."""

    def asked(self, route: str, unique: str) -> None:
        """A route was asked, or, without a name, the session is over."""
        if route and self._routes[route].may_name_rows and self._book.names(unique):
            self.naming.append(route)
        if not self._several and route:
            return  # what is counted after all of it says it
        before, self._tables = self._tables, self._book.tables()
        if route:
            self.wrote[route] = {name: n - before[name] for name, n in self._tables.items()}
        else:
            self.unverified = self._tables


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
