"""What Postgres is configured with."""

from __future__ import annotations

from pathlib import Path

from stack.database.__main__ import configure


def test_nothing_of_initdbs_sample_stays_in_force(tmp_path: Path) -> None:
    (tmp_path / "postgresql.conf").write_text("max_connections = 7\n")
    (tmp_path / "pg_hba.conf").write_text("host all all all trust\n")
    configure(tmp_path, {"port": 5432, "listen_addresses": "198.18.1.3", "autovacuum": "off"})
    assert (tmp_path / "postgresql.conf").read_text() == (
        "autovacuum = 'off'\nlisten_addresses = '198.18.1.3'\nport = '5432'\n"
    )


def test_nobody_comes_in_without_scram(tmp_path: Path) -> None:
    configure(tmp_path, {})
    rules = (tmp_path / "pg_hba.conf").read_text().splitlines()
    assert [rule.split()[-1] for rule in rules] == ["scram-sha-256"]
