"""What is laid over a project's own settings: the cell's database, connections and middleware.

Everything is told by BENCH_* and libpq's own variables. Pure but for these; may not know which
project it is.
"""

from __future__ import annotations

import os
from typing import Any, Mapping

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
"""What `startproject` writes."""

POSTGRES, POSTGIS = "django.db.backends.postgresql", "django.contrib.gis.db.backends.postgis"
OF_POSTGRES = ("postg", "psql", "pgsql")
"""One of these is in the name of every engine of Postgres that is known."""
OF_ANOTHER_SERVER = ("ssl", "service", "passfile", "krbsrvname", "gss", "channel_binding", "host")
"""Beginnings of connection options that are about the server of the project's own."""
POOL_SINCE = (5, 1)
POOL_TIMEOUT_S = 30


def laid_over(own: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that take the place of the project's. ImproperlyConfigured for a pool that
    its Django or its driver does not have."""
    databases = dict(own.get("DATABASES") or {})
    databases["default"] = database(databases.get("default") or {})
    laid = {
        "DEBUG": False,
        "ALLOWED_HOSTS": ["*"],
        "SECURE_SSL_REDIRECT": False,
        "DATABASES": databases,
    }
    level = os.environ.get("BENCH_MIDDLEWARE", "own")
    return laid if level == "own" else {**laid, "MIDDLEWARE": middleware(level)}


def middleware(level: str) -> list[str]:
    """The middleware of a level other than the project's own."""
    return list(MIDDLEWARE) if level == "django" else []


def database(own: Mapping[str, Any]) -> dict[str, Any]:
    """The project's default database with the rig's server and the cell's connections."""
    told = os.environ
    engine = str(own.get("ENGINE", ""))
    of_postgres = any(word in engine for word in OF_POSTGRES)
    options = own.get("OPTIONS") or {}
    kept = {
        name: value
        for name, value in (options.items() if of_postgres else ())
        if name != "pool" and not name.startswith(OF_ANOTHER_SERVER)
    }
    connections = told.get("BENCH_CONNECTIONS", "per_request")
    if connections == "pool":
        kept["pool"] = pool(int(told["BENCH_POOL_SIZE"]))
    return {
        **own,
        "ENGINE": engine if of_postgres else POSTGIS if "gis" in engine else POSTGRES,
        "HOST": told.get("PGHOST", ""),
        "PORT": told.get("PGPORT", ""),
        "NAME": told.get("PGDATABASE", ""),
        "USER": told.get("PGUSER", ""),
        "PASSWORD": "",  # libpq reads PGPASSFILE
        "CONN_MAX_AGE": None if connections == "persistent" else 0,
        # of a transaction pooler the next statement may reach another server process
        "DISABLE_SERVER_SIDE_CURSORS": told.get("BENCH_POOLER") == "pgbouncer"
        or own.get("DISABLE_SERVER_SIDE_CURSORS", False),
        "OPTIONS": kept,
    }


def pool(size: int) -> dict[str, Any]:
    """Django's psycopg pool. ImproperlyConfigured where it has none, with what it lacks."""
    import django
    from django.core.exceptions import ImproperlyConfigured

    if django.VERSION[:2] < POOL_SINCE:
        version = django.get_version()
        raise ImproperlyConfigured(f"connections pool: Django {version} has none, 5.1 and later do")
    try:
        import psycopg  # noqa: F401
        import psycopg_pool  # noqa: F401
    except ImportError as error:
        raise ImproperlyConfigured(
            f"connections pool needs psycopg 3 with its pool, psycopg[pool]: {error}"
        ) from error
    return {"min_size": size, "max_size": size, "timeout": POOL_TIMEOUT_S}


def lay_over_configure() -> None:
    """The same for a project in one file, which hands its settings to `settings.configure`."""
    from django.conf import LazySettings, global_settings

    own = LazySettings.configure

    def configure(self: Any, default_settings: Any = global_settings, **options: Any) -> None:
        own(self, default_settings, **{**options, **laid_over(options)})

    LazySettings.configure = configure
