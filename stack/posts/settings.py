"""The settings both targets have in common, from the environment; each adds what it differs in.

Postgres comes from libpq's own variables (PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSFILE), what
varies from BENCH_*. No middleware: neither target has what the other lacks.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.core.exceptions import ImproperlyConfigured


def one_of(name: str, *levels: str) -> str:
    """The environment variable's value, by default the first level; ImproperlyConfigured else."""
    value = os.environ.get(name, levels[0])
    if value not in levels:
        raise ImproperlyConfigured(f"{name}={value!r}: set it to one of {', '.join(levels)}")
    return value


def natural(name: str, default: int) -> int:
    """The environment variable's value as a whole number > 0; ImproperlyConfigured otherwise."""
    value = os.environ.get(name, str(default))
    if not value.isdecimal() or int(value) < 1:
        raise ImproperlyConfigured(f"{name}={value!r}: set it to a whole number above 0")
    return int(value)


DATA_ACCESS = one_of("BENCH_DATA_ACCESS", "sql", "orm")
CONNECTIONS = one_of("BENCH_CONNECTIONS", "per_request", "persistent", "pool")
POOLER = one_of("BENCH_POOLER", "direct", "pgbouncer")
PREPARED_STATEMENTS = one_of("BENCH_PREPARED_STATEMENTS", "on", "off") == "on"
POOL_SIZE = natural("BENCH_POOL_SIZE", 20)
CPU_N = natural("BENCH_CPU_N", 100_000)

CONNECT_TIMEOUT_S = 60
POOL_TIMEOUT_S = natural("BENCH_POOL_TIMEOUT_S", 30)

DEBUG = False
ALLOWED_HOSTS = ["*"]
SECRET_KEY = secrets.token_urlsafe(50)
INSTALLED_APPS = ["posts"]
MIDDLEWARE: list[str] = []
USE_TZ = True
TIME_ZONE = "UTC"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # A line for every 503 would cost the app what the load should measure; the answer has it.
    "loggers": {"django.request": {"level": "CRITICAL"}},
}


def postgres(connections: str) -> dict[str, Any]:
    """Django's own database connection under one connection policy."""
    options: dict[str, Any] = {
        "server_side_binding": True,
        "connect_timeout": CONNECT_TIMEOUT_S,
    }
    if connections == "pool":
        options["pool"] = {
            "min_size": POOL_SIZE,
            "max_size": POOL_SIZE,
            "timeout": POOL_TIMEOUT_S,
        }
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ.get("PGHOST", ""),
        "PORT": os.environ.get("PGPORT", ""),
        "NAME": os.environ.get("PGDATABASE", ""),
        "USER": os.environ.get("PGUSER", ""),
        "CONN_MAX_AGE": None if connections == "persistent" else 0,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": options,
    }
