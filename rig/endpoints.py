"""What an observer may see of a stack, as plain values: a backend gives them, the probes use them.

May know neither. It is a file's contents, too: where a node is not the runner's own, an
observer stands there and is told it. Empty Endpoints: there is nothing to see.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import psycopg

from rig.disk.typed import WrittenAs, fitted
from rig.model import Role

SUPERUSER = "postgres"
Connect = Callable[[], "psycopg.Connection[tuple[object, ...]]"]
"""Opens a connection within a few seconds; psycopg.Error where it cannot be had."""
File = Annotated[Path, WrittenAs(str, Path)]


@dataclass(frozen=True)
class Login:
    """Where and as whom; the password stays in its file."""

    address: str
    port: int
    password_file: File
    user: str = SUPERUSER
    database: str = "postgres"

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """An autocommit connection. psycopg.OperationalError where it cannot be had."""
        return psycopg.connect(
            host=self.address,
            port=self.port,
            user=self.user,
            password=self.password_file.read_text().strip(),
            dbname=self.database,
            connect_timeout=5,
            autocommit=True,
        )


@dataclass(frozen=True)
class Endpoints:
    """Where a running stack can be looked at, all of it from one machine."""

    pids: Mapping[Role, tuple[int, ...]] = field(default_factory=dict)
    """The first process of each role and index, as this machine numbers it; 0 where it cannot be
    seen from here."""
    app_port: int = 0
    counters: File | None = None
    """The folder in which app workers count; None where there are none."""
    postgres: Login | None = None
    """As superuser: a full database answers it, too."""
    app_user: str = ""
    """The role by which the app, or its pooler, is known to Postgres."""
    database: str = ""
    pgbouncer: Login | None = None
    """Its admin console; None where there is no pooler."""
    clock: tuple[str, int] | None = None
    """Where the load master tells what its clock says, as address and port; None: nowhere."""
    node: str = ""
    """The machine that this is seen from; empty for the runner's own."""

    def to_json(self) -> str:
        """The contents of an observer's file."""
        return json.dumps(dataclasses.asdict(self), default=str)


def endpoints_from_json(text: str) -> Endpoints:
    """What `to_json` wrote. Unfit or another ValueError, with the key, where it is none."""
    return fitted(Endpoints, json.loads(text))
