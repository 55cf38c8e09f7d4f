"""What a running app worker observes of itself, for `/-/facts`; opens no database connection.

`observe_server` is called once by gunicorn's `post_worker_init`; outside gunicorn its facts
are None.
"""

from __future__ import annotations

import logging
import os
import platform
from functools import cache
from importlib import metadata
from typing import Any

from django.conf import settings
from django.db import connection

_server: Any = None

DISTRIBUTIONS = ("Django", "gunicorn", "uvicorn", "uvloop", "httptools", "psycopg", "asyncpg")


def observe_server(worker: Any) -> None:
    """Keeps gunicorn's worker object, whose settings are what this process really runs with."""
    global _server
    _server = worker


def observed() -> dict[str, Any]:
    """The facts both targets share; numbers carry their unit in the name."""
    return {
        "pid": os.getpid(),
        "parent_pid": os.getppid(),
        "versions": dict(_versions()),
        "debug": settings.DEBUG,
        "middleware": list(settings.MIDDLEWARE),
        "log_level": logging.getLevelName(logging.getLogger().getEffectiveLevel()),
        "data_access": settings.DATA_ACCESS,
        "connections": settings.CONNECTIONS,
        "pooler": settings.POOLER,
        "cpu_n": settings.CPU_N,
        **_server_facts(),
    }


def django_connection() -> dict[str, Any]:
    """What Django's own database connection is set to, and its pool as the pool reports it."""
    settings_dict = connection.settings_dict
    pools = getattr(connection, "_connection_pools", {})
    pool = pools.get(connection.alias)
    options = settings_dict["OPTIONS"]
    return {
        "driver": "psycopg",
        "conn_max_age_s": settings_dict["CONN_MAX_AGE"],
        "connect_timeout_s": options["connect_timeout"],
        # Django passes prepare_threshold=None on, unless told otherwise: psycopg prepares nothing.
        "prepared_statements": options.get("prepare_threshold") is not None,
        "pool": None if pool is None else _psycopg_pool(pool),
    }


def _psycopg_pool(pool: Any) -> dict[str, Any]:
    stats = pool.get_stats()
    return {
        "min_connections": stats["pool_min"],
        "max_connections": stats["pool_max"],
        "open_connections": stats["pool_size"],
        "idle_connections": stats["pool_available"],
        "timeout_s": pool.timeout,
    }


def _server_facts() -> dict[str, Any]:
    cfg = getattr(_server, "cfg", None)
    uvicorn = getattr(_server, "config", None)
    kind = type(_server)
    return {
        "worker_class": None if _server is None else f"{kind.__module__}.{kind.__qualname__}",
        "app_workers": getattr(cfg, "workers", None),
        "app_threads": getattr(cfg, "threads", None),
        "timeout_s": getattr(cfg, "timeout", None),
        "graceful_timeout_s": getattr(cfg, "graceful_timeout", None),
        "keepalive_s": getattr(cfg, "keepalive", None),
        "backlog_connections": getattr(cfg, "backlog", None),
        "access_log": getattr(cfg, "accesslog", None),
        "server_log_level": getattr(cfg, "loglevel", None),
        "http_parser": _name_of(getattr(uvicorn, "http_protocol_class", None)),
    }


def _name_of(kind: type | None) -> str | None:
    return None if kind is None else f"{kind.__module__}.{kind.__qualname__}"


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    installed = []
    for name in DISTRIBUTIONS:
        try:
            installed.append((name.lower(), metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return (("python", platform.python_version()), *installed)
