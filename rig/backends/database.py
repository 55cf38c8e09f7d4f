"""What the rig itself asks of Postgres: is it up, who is connected, what is in force.

Uses the superuser's reserved connections, so that a full database still answers.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from rig import endpoints
from rig.backends.processes import until
from rig.disk.facts import DatabaseFacts
from rig.endpoints import SUPERUSER as SUPERUSER
from rig.model import StackError

FAST_SHUTDOWN = signal.SIGINT
APP_USER, DATABASE, PORT = "app", "bench", 5432

FIXED_SETTINGS: Mapping[str, str] = {
    "autovacuum": "off",  # the template is vacuumed; a run of it would fall on some trials only
    "ssl": "off",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "256MB",
    "synchronous_commit": "on",
    "synchronize_seqscans": "off",  # or an unordered LIMIT 25 starts in mid-table
    "max_parallel_workers_per_gather": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "1h",
    # as in the official image: a Django connection then sets its own zone, one more round trip
    "timezone": "Etc/UTC",
    "log_timezone": "Etc/UTC",
    "lc_messages": "C",
    "unix_socket_directories": "",
    "jit": "off",
}
"""The same in every trial, and recorded with each."""

COUNTING_STATEMENTS: Mapping[str, str] = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": "5000",
    # those inside functions, too, so that they are not missed where a cursor sends them
    "pg_stat_statements.track": "all",
    # BEGIN, SET, FETCH: with names of cursors and savepoints each would be a text of its own
    "pg_stat_statements.track_utility": "off",
    "pg_stat_statements.save": "off",
}
"""How statements are counted, where Postgres has what counts them."""


@dataclass(frozen=True)
class Login(endpoints.Login):
    """One that the rig itself asks by."""

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query, on a connection of its own. StackError where it fails."""
        try:
            with self.connect() as connection:
                return connection.execute(query.encode()).fetchall()
        except psycopg.Error as error:
            raise StackError(f"Postgres, asked {query!r}: {error}") from error

    def tell(self, *statements: str) -> None:
        """Runs statements that give no rows. StackError where one fails."""
        try:
            with self.connect() as connection:
                for statement in statements:
                    connection.execute(statement.encode())
        except psycopg.Error as error:
            raise StackError(f"Postgres, told {statements!r}: {error}") from error

    def verifier(self, user: str, password: str) -> str:
        """A user's SCRAM verifier: what may stand in a statement, and in a log. StackError."""
        try:
            with self.connect() as connection:
                made = connection.pgconn.encrypt_password(
                    password.encode(), user.encode(), b"scram-sha-256"
                )
        except psycopg.Error as error:
            raise StackError(f"Postgres, asked for a verifier of {user}: {error}") from error
        return made.decode()


def ready(login: Login) -> bool:
    """Whether Postgres answers."""
    try:
        with login.connect():
            return True
    except psycopg.OperationalError:
        return False


def facts(login: Login) -> DatabaseFacts:
    """Settings as they are in force, and the version."""
    names = [*FIXED_SETTINGS, "max_connections", "superuser_reserved_connections", "fsync"]
    names += ["shared_preload_libraries"]
    wanted = ", ".join(f"'{name}'" for name in names)
    rows = login.ask(
        "SELECT lower(name), current_setting(name) FROM pg_settings "
        f"WHERE lower(name) IN ({wanted})"
    )
    version = login.ask("SHOW server_version")[0][0]
    return {"version": version, "settings": dict(sorted(rows))}


def wait_until_left(login: Login, deadline_s: float) -> int:
    """Waits until no ordinary role is connected; how many still are at the deadline."""
    query = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{APP_USER}'"
    left = 0
    for _ in until(deadline_s, every_s=0.1):
        left = login.ask(query)[0][0]
        if not left:
            break
    return left
