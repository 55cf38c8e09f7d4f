"""PgBouncer's settings, per version."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from stack.pooler.__main__ import settings, version_of
from stack.pooler.spec import PoolerSpec

SPEC = PoolerSpec(
    *("/pgbouncer", "198.18.1.4", 6432, "198.18.1.3", 5432, "bench", "app", "/secrets/app"),
    pool_size=50,
    max_client_conn=10_000,
)


def of(*version: int) -> dict[str, Any]:
    return settings(SPEC, version, Path("/out"))


def test_transaction_mode_with_the_plans_sizes() -> None:
    section = of(1, 24, 0)
    assert section["pool_mode"] == "transaction"
    assert (section["default_pool_size"], section["max_client_conn"]) == (50, 10_000)
    assert (section["listen_addr"], section["unix_socket_dir"]) == ("198.18.1.4", "")


@pytest.mark.parametrize(
    ("version", "carries"),
    [((1, 18, 0), False), ((1, 20, 1), False), ((1, 21, 0), True), ((1, 24, 1), True)],
)
def test_prepared_statements_since_1_21(version: tuple[int, ...], carries: bool) -> None:
    assert (of(*version).get("max_prepared_statements", 0) > 0) is carries


def program(folder: Path, says: str) -> str:
    path = folder / "pgbouncer"
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_the_version_is_asked_of_the_binary(tmp_path: Path) -> None:
    assert version_of(program(tmp_path, "PgBouncer 1.18.0")) == (1, 18, 0)


def test_a_binary_that_tells_no_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="usage"):
        version_of(program(tmp_path, "usage: something else"))
