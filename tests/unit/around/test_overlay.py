"""What is laid over a project's own settings."""

from __future__ import annotations

from typing import Any

import django
import pytest
from django.core.exceptions import ImproperlyConfigured

import bench_overlay
from bench_overlay import database, laid_over

SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": "db", "OPTIONS": {"timeout": 20}}
TOLD = {
    "PGHOST": "198.18.1.3",
    "PGPORT": "5432",
    "PGDATABASE": "bench",
    "PGUSER": "app",
    "BENCH_CONNECTIONS": "per_request",
    "BENCH_POOL_SIZE": "7",
    "BENCH_POOLER": "direct",
    "BENCH_MIDDLEWARE": "own",
}


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in TOLD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_hosts_are_allowed_and_no_page_leads_to_https() -> None:
    laid = laid_over({"DEBUG": True, "ALLOWED_HOSTS": [], "SECURE_SSL_REDIRECT": True})
    assert (laid["DEBUG"], laid["ALLOWED_HOSTS"]) == (False, ["*"])
    assert laid["SECURE_SSL_REDIRECT"] is False
    assert "MIDDLEWARE" not in laid


@pytest.mark.parametrize(
    ("engine", "becomes"),
    [
        ("django.db.backends.sqlite3", bench_overlay.POSTGRES),
        ("django.db.backends.mysql", bench_overlay.POSTGRES),
        ("", bench_overlay.POSTGRES),
        ("django.contrib.gis.db.backends.spatialite", bench_overlay.POSTGIS),
        ("django.contrib.gis.db.backends.postgis", "django.contrib.gis.db.backends.postgis"),
        ("django_prometheus.db.backends.postgresql", "django_prometheus.db.backends.postgresql"),
    ],
)
def test_the_default_database_is_the_rig_s(engine: str, becomes: str) -> None:
    laid = database({"ENGINE": engine, "NAME": "shop", "PASSWORD": "p", "ATOMIC_REQUESTS": True})
    assert laid["ENGINE"] == becomes
    assert [laid[name] for name in ("HOST", "PORT", "NAME", "USER", "PASSWORD")] == [
        *("198.18.1.3", "5432", "bench", "app", ""),
    ]
    assert laid["ATOMIC_REQUESTS"] is True


def test_other_databases_stay_and_the_project_s_own_are_not_changed() -> None:
    own: dict[str, Any] = {"DATABASES": {"default": SQLITE, "replica": {"NAME": "there"}}}
    assert laid_over(own)["DATABASES"]["replica"] == {"NAME": "there"}
    assert own["DATABASES"]["default"]["OPTIONS"] == {"timeout": 20}


def test_options_are_kept_where_they_are_postgres_s_and_not_about_another_server() -> None:
    options = {"sslmode": "require", "connect_timeout": 5, "pool": True, "service": "live"}
    laid = database({"ENGINE": "django.db.backends.postgresql", "OPTIONS": options})
    assert laid["OPTIONS"] == {"connect_timeout": 5}
    assert database(SQLITE)["OPTIONS"] == {}


@pytest.mark.parametrize(
    ("level", "age_s"), [("per_request", 0), ("persistent", None), ("pool", 0)]
)
def test_connections(told: pytest.MonkeyPatch, level: str, age_s: int | None) -> None:
    told.setenv("BENCH_CONNECTIONS", level)
    laid = database({**SQLITE, "CONN_MAX_AGE": 60})
    assert laid["CONN_MAX_AGE"] == age_s
    pool = {"min_size": 7, "max_size": 7, "timeout": bench_overlay.POOL_TIMEOUT_S}
    assert laid["OPTIONS"] == ({"pool": pool} if level == "pool" else {})


@pytest.mark.parametrize(("pooler", "disabled"), [("direct", False), ("pgbouncer", True)])
def test_behind_pgbouncer_no_cursor_stays_at_the_server(
    told: pytest.MonkeyPatch, pooler: str, disabled: bool
) -> None:
    told.setenv("BENCH_POOLER", pooler)
    assert database(SQLITE)["DISABLE_SERVER_SIDE_CURSORS"] is disabled


def test_a_pool_needs_a_django_and_a_driver_that_have_one(told: pytest.MonkeyPatch) -> None:
    told.setenv("BENCH_CONNECTIONS", "pool")
    told.setitem(__import__("sys").modules, "psycopg_pool", None)
    with pytest.raises(ImproperlyConfigured, match=r"pool needs psycopg 3 with its pool"):
        database(SQLITE)
    told.setattr(django, "VERSION", (4, 2, 1, "final", 0))
    with pytest.raises(ImproperlyConfigured, match=r"5\.1 and later do"):
        database(SQLITE)


@pytest.mark.parametrize(("level", "count"), [("none", 0), ("django", 7)])
def test_middleware(told: pytest.MonkeyPatch, level: str, count: int) -> None:
    told.setenv("BENCH_MIDDLEWARE", level)
    assert len(laid_over({"MIDDLEWARE": ["mine"]})["MIDDLEWARE"]) == count
