"""Postgres and PgBouncer, asked over one connection each that is kept open meanwhile.

Queries go out in the simple protocol, which is all that PgBouncer's console understands, and
every answer has a deadline.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg.pq import ExecStatus

from rig.endpoints import Connect
from rig.probes.base import Row

ANSWER_DEADLINE_S = 2.0


class NoAnswer(Exception):
    """The server was asked and did not answer, or answered by an error."""


class PersistentConnection:
    """A connection that is opened again where it was lost."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connection: psycopg.Connection[Any] | None = None

    def ask(self, query: str) -> list[dict[str, str]]:
        """The rows, as text by column. NoAnswer or psycopg.Error, after which it begins anew."""
        if self._connection is None:
            self._connection = self._connect()
        try:
            return self._answer(self._connection, query)
        except Exception:
            self.close()
            raise

    def _answer(self, connection: psycopg.Connection[Any], query: str) -> list[dict[str, str]]:
        wire = connection.pgconn
        wire.send_query(query.encode())
        give_up_s = time.monotonic() + ANSWER_DEADLINE_S
        rows: list[dict[str, str]] = []
        while True:
            while wire.is_busy():
                left_s = give_up_s - time.monotonic()
                if left_s <= 0 or not select.select([wire.socket], [], [], left_s)[0]:
                    raise NoAnswer(f"no answer within {ANSWER_DEADLINE_S:g} s")
                wire.consume_input()
            result = wire.get_result()
            if result is None:
                return rows
            if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
                raise NoAnswer(result.error_message.decode(errors="replace"))
            names = [(result.fname(place) or b"").decode() for place in range(result.nfields)]
            rows += [
                {
                    name: (result.get_value(row, place) or b"").decode(errors="replace")
                    for place, name in enumerate(names)
                }
                for row in range(result.ntuples)
            ]

    def close(self) -> None:
        """Says goodbye without waiting."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


_ACTIVITY = """\
WITH sessions AS (
  SELECT coalesce(usename, '') AS who, application_name AS name, coalesce(state, '') AS state,
    state = 'active' AND wait_event_type <> 'Client' AS waits
  FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
), names AS (
  SELECT who || '/' || name || '=' || count(*) AS said FROM sessions GROUP BY who, name
)
SELECT
  count(*) AS total,
  count(*) FILTER (WHERE state = 'active') AS active,
  count(*) FILTER (WHERE state = 'idle') AS idle,
  count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
  count(*) FILTER (WHERE who = '{app_user}') AS app,
  count(*) FILTER (WHERE waits) AS waiting,
  (SELECT xact_commit FROM pg_stat_database WHERE datname = '{database}') AS commits,
  (SELECT xact_rollback FROM pg_stat_database WHERE datname = '{database}') AS rollbacks,
  (SELECT tup_inserted FROM pg_stat_database WHERE datname = '{database}') AS rows_inserted,
  current_setting('max_connections') AS max_connections,
  extract(epoch FROM pg_postmaster_start_time()) AS started_at,
  (SELECT string_agg(said, ' ' ORDER BY said) FROM names) AS names
FROM sessions
"""


class Postgres:
    """Sessions by state, and what the app's database has done. The probe's own is left out."""

    name = "postgres"

    def __init__(self, connect: Connect, app_user: str, database: str) -> None:
        self._asked = PersistentConnection(connect)
        self._query = _ACTIVITY.format(app_user=app_user, database=database)

    def sample(self, at_s: float) -> Iterable[Row]:
        """One row."""
        (row,) = self._asked.ask(self._query)
        return [(at_s, *row.values())]

    def rest(self) -> Iterable[Row]:
        """None."""
        return ()

    def close(self) -> None:
        """Leaves."""
        self._asked.close()


class PgBouncer:
    """Clients that wait and servers that work, over all pools of the app's database."""

    name = "pgbouncer"

    def __init__(self, connect: Connect, database: str) -> None:
        self._asked, self._database = PersistentConnection(connect), database

    def sample(self, at_s: float) -> Iterable[Row]:
        """One row."""
        pools = self._of("SHOW POOLS")
        stats = self._of("SHOW STATS")
        longest_s = max(
            (int(pool["maxwait"]) + int(pool["maxwait_us"]) / 1e6 for pool in pools), default=0.0
        )
        return [
            (
                at_s,
                _sum(pools, "cl_active"),
                _sum(pools, "cl_waiting"),
                longest_s,
                _sum(pools, "sv_active"),
                _sum(pools, "sv_idle"),
                _sum(pools, "sv_used"),
                _sum(stats, "total_query_count"),
                _sum(stats, "total_wait_time") / 1e6,
            )
        ]

    def _of(self, query: str) -> list[dict[str, str]]:
        return [row for row in self._asked.ask(query) if row["database"] == self._database]

    def rest(self) -> Iterable[Row]:
        """None."""
        return ()

    def close(self) -> None:
        """Leaves."""
        self._asked.close()


def _sum(rows: Iterable[Mapping[str, str]], column: str) -> int:
    return sum(int(row[column]) for row in rows)
