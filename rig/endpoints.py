"""What the probes may see of a stack, as plain values: handed out by a backend, used by the probes.

May know neither of them. An empty Sight: there is nothing to probe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from rig.model import Role

Connect = Callable[[], "psycopg.Connection[tuple[object, ...]]"]
"""Opens a connection within a few seconds; psycopg.Error where it cannot be had."""


@dataclass(frozen=True)
class Endpoints:
    """Where a running stack can be looked at."""

    pids: Mapping[Role, tuple[int, ...]] = field(default_factory=dict)
    """The first process of each role, as this machine numbers it; 0 where it cannot be seen."""
    app_port: int = 0
    counters: Path | None = None
    """The folder in which app workers count; None where there are none."""
    postgres: Connect | None = None
    """As superuser: a full database answers it, too."""
    app_user: str = ""
    """The role by which the app, or its pooler, is known to Postgres."""
    database: str = ""
    pgbouncer: Connect | None = None
    """Its admin console; None where there is no pooler."""
