"""The probe of Postgres asks a real one."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from rig.evidence.probes import COLUMNS
from rig.probes import databases
from rig.probes.databases import NoAnswer, PersistentConnection, Postgres

if TYPE_CHECKING:
    from tests.contract.conftest import DatabaseOf
    from tests.contract.conftest import Postgres as Server


def sampled(probe: Postgres) -> dict[str, Any]:
    (row,) = probe.sample(1.0)
    return dict(zip(COLUMNS["postgres"], row, strict=True))


def test_sessions_by_state_without_its_own(postgres: Server, database_of: DatabaseOf) -> None:
    name = database_of("django_sync")
    probe = Postgres(postgres.as_superuser, "bench", name)
    try:
        before = sampled(probe)
        with ExitStack() as held:
            idle, busy = (held.enter_context(postgres.connect(name)) for _ in range(2))
            idle.execute("SET application_name = 'resting'")
            held.enter_context(busy.transaction())
            busy.execute("SELECT 1")
            row = sampled(probe)
        gained = {key: int(row[key]) - int(before[key]) for key in ("total", "app", "idle")}
        assert gained == {"total": 2, "app": 2, "idle": 1}
        assert int(row["idle_in_transaction"]) - int(before["idle_in_transaction"]) == 1
        assert (row["at_s"], row["max_connections"]) == (1.0, "20")
        assert float(row["started_at"]) > 0
        assert "bench/resting=1" in row["names"].split()
        assert row["started_at"] == before["started_at"]
    finally:
        probe.close()


def test_a_lost_connection_is_opened_again(postgres: Server) -> None:
    made: list[psycopg.Connection[Any]] = []

    def connect() -> psycopg.Connection[Any]:
        made.append(postgres.as_superuser())
        return made[-1]

    asked = PersistentConnection(connect)
    (row,) = asked.ask("SELECT pg_backend_pid() AS pid")
    with postgres.as_superuser() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [int(row["pid"])])
    with pytest.raises((NoAnswer, psycopg.Error)):
        asked.ask("SELECT 1 AS one")
    assert asked.ask("SELECT 1 AS one") == [{"one": "1"}]
    assert len(made) == 2
    asked.close()
    assert made[1].closed


def test_a_refused_query_says_why(postgres: Server) -> None:
    asked = PersistentConnection(postgres.as_superuser)
    with pytest.raises(NoAnswer, match="no_such_table"):
        asked.ask("SELECT 1 FROM no_such_table")
    asked.close()


def test_no_answer_is_waited_for_for_ever(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "ANSWER_DEADLINE_S", 0.2)
    asked = PersistentConnection(postgres.as_superuser)
    with pytest.raises(NoAnswer, match=r"within 0\.2 s"):
        asked.ask("SELECT pg_sleep(2)")


def test_the_kept_connection_takes_exactly_one_of_the_apps(
    postgres: Server, database_of: DatabaseOf
) -> None:
    """Which is why a trial's server reserves 2 for superusers, one fewer than this one does."""
    name = database_of("django_sync", "reserved")

    def ordinary() -> int:
        with postgres.as_superuser() as alone, ExitStack() as held:
            while _others(alone):
                pass
            alone.close()
            count = 0
            while True:
                try:
                    held.enter_context(postgres.connect(name))
                except psycopg.OperationalError:
                    return count
                count += 1

    reserved_by_default, held_by_probe = 3, 1
    without = ordinary()
    with postgres.as_superuser() as probe:
        probe.execute("SET application_name = 'probe'")
        with_probe = ordinary()
    assert without == 20 - reserved_by_default
    assert with_probe == without - held_by_probe


def _others(connection: psycopg.Connection[Any]) -> int:
    """Client sessions besides this one and the probe's: some are slow to leave."""
    counted = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
        "AND pid <> pg_backend_pid() AND application_name <> 'probe'"
    ).fetchone()
    return int(counted[0]) if counted else 0
