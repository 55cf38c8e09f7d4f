"""What a running app worker observes of itself, for `/-/facts`; opens no database connection.

`observe_server` is called once by gunicorn's `post_worker_init`; outside gunicorn what only its
worker knows is None.
"""

from __future__ import annotations

import logging
import os
import platform
from functools import lru_cache
from importlib import metadata
from typing import Any

_server: Any = None

DISTRIBUTIONS = (
    *("Django", "gunicorn", "gevent", "uvicorn", "uvicorn-worker", "granian", "hypercorn"),
    *("uvloop", "httptools", "psycopg", "psycopg-pool", "psycopg2", "psycopg2-binary", "asyncpg"),
    *("djangorestframework", "django-ninja"),
)


def observe_server(worker: Any) -> None:
    """Keeps gunicorn's worker object, whose settings are what this process really runs with."""
    global _server
    _server = worker


def process_facts() -> dict[str, Any]:
    """Of the process and its server; numbers carry their unit in the name."""
    cfg = getattr(_server, "cfg", None)
    uvicorn = getattr(_server, "config", None)
    return {
        "pid": os.getpid(),
        "parent_pid": os.getppid(),
        "versions": dict(_versions()),
        "log_level": logging.getLevelName(logging.getLogger().getEffectiveLevel()),
        "worker_class": None if _server is None else _name_of(type(_server)),
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


def settings_facts() -> dict[str, Any]:
    """Of Django's settings as they are in force."""
    from django.conf import settings

    return {
        "debug": settings.DEBUG,
        "middleware": list(settings.MIDDLEWARE),
        "database_engine": settings.DATABASES["default"]["ENGINE"],
    }


def connection_facts() -> dict[str, Any]:
    """What Django's own database connection is set to, and its pool as the pool reports it."""
    from django.db import connection

    settings_dict = connection.settings_dict
    options = settings_dict.get("OPTIONS") or {}
    driver = getattr(connection.Database, "__name__", "").partition(".")[0]
    return {
        "driver": driver,
        "conn_max_age_s": settings_dict.get("CONN_MAX_AGE"),
        "connect_timeout_s": options.get("connect_timeout"),
        # Django passes prepare_threshold=None on, unless told otherwise: psycopg prepares nothing.
        "prepared_statements": options.get("prepare_threshold") is not None,
        "pool": _pool_facts(getattr(connection, "_connection_pools", {}).get(connection.alias)),
    }


def _pool_facts(pool: Any) -> dict[str, Any] | None:
    if pool is None:
        return None
    stats = pool.get_stats()
    return {
        "min_connections": stats["pool_min"],
        "max_connections": stats["pool_max"],
        "open_connections": stats["pool_size"],
        "idle_connections": stats["pool_available"],
        "timeout_s": pool.timeout,
    }


def _name_of(kind: type | None) -> str | None:
    return None if kind is None else f"{kind.__module__}.{kind.__qualname__}"


@lru_cache(maxsize=None)
def _versions() -> tuple[tuple[str, str], ...]:
    installed = []
    for name in DISTRIBUTIONS:
        try:
            installed.append((name.lower(), metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return (("python", platform.python_version()), *installed)
