"""The pooler role's JSON file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PoolerSpec:
    """Where PgBouncer listens, and whom it connects to as which user."""

    binary: str
    address: str
    port: int
    database_address: str
    database_port: int
    database_name: str
    user: str
    password_file: str
    pool_size: int
    max_client_conn: int


def read_spec(path: Path) -> PoolerSpec:
    """The spec in a JSON file; TypeError where it has other keys."""
    return PoolerSpec(**json.loads(path.read_text()))
