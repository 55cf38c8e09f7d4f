"""Makes `docker compose up` work by hand: missing secrets, each role's JSON, a small table.

    python -m stack.prepare files      writes /secrets and /roles
    python -m stack.prepare seed       creates the app's database and seeds it

Used by stack/compose.yaml, and by stack/swarm.yaml to seed; runner.py writes its own files.
Environment: TARGET, DELAY_MS, POOLER, and the networks RIG_FRONT, RIG_DATA, RIG_CONTROL.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import psycopg.sql

from stack.app.spec import AppSpec
from stack.database.spec import DatabaseSpec
from stack.delay.spec import DelaySpec, LinkSpec
from stack.pooler.spec import PoolerSpec

ROLES, SECRETS = Path("/roles"), Path("/secrets")
FRONT, DATA, CONTROL = (os.environ[f"RIG_{name}"] for name in ("FRONT", "DATA", "CONTROL"))
APP, POOLER, MASTER = f"{FRONT}.2", f"{DATA}.4", f"{CONTROL}.9"
DATABASE = os.environ.get("RIG_DATABASE", f"{DATA}.3")
TARGET = os.environ["TARGET"]
POOLED = os.environ["POOLER"] == "pgbouncer"
POSTS = 1000

FILES = {"postgres": str(SECRETS / "superuser"), "app": str(SECRETS / "app")}


def make_secrets() -> None:
    """Passwords that stay as long as the volume does."""
    for name in ("superuser", "app"):
        path = SECRETS / name
        if not path.exists():
            path.write_text(secrets.token_urlsafe(24))
    password = (SECRETS / "app").read_text()
    (SECRETS / "pgpass").write_text(f"*:*:*:*:{password}\n")
    for path in SECRETS.iterdir():
        path.chmod(0o444)


def environment() -> dict[str, str]:
    """What the target is told; the same variables as runner.py gives."""
    return {
        "DJANGO_SETTINGS_MODULE": f"django_{TARGET}.settings",
        "PYTHONPATH": "/rig:/rig/stack:/rig/stack/around",
        "PGHOST": POOLER if POOLED else DATABASE,
        "PGPORT": "6432" if POOLED else "5432",
        "PGDATABASE": "bench",
        "PGUSER": "app",
        "PGPASSFILE": str(SECRETS / "pgpass"),
        "BENCH_BIND": f"{APP}:8000",
        "BENCH_POOLER": "pgbouncer" if POOLED else "direct",
    }


def specs() -> dict[str, Any]:
    """Each role's spec; the load's, whose type is the rig's, as JSON."""
    load = _load()
    return {
        "database": DatabaseSpec(
            bin_dir="/usr/lib/postgresql/17/bin",
            cluster="/clusters/by-hand",
            template=None,
            initialise=True,
            set_passwords=False,
            password_files=FILES,
            settings={"listen_addresses": "*", "unix_socket_directories": ""},
        ),
        "pooler": _pooler(),
        "app": _app(),
        "load_master": load,
        "load_worker": load,
        "delay": _delay(),
    }


def _load() -> dict[str, Any]:
    return {
        "target_url": f"http://{APP}:8000",
        "route": "io_create",
        "requests": [
            {
                "route": "io_create",
                "method": "POST",
                "path": "/io_create",
                "statuses": [201],
                "form": {"title": "{unique}", "content": "A post written under load."},
            }
        ],
        "users": {"start_users": 1, "per_s": 1, "end_users": 1},
        "steady_s": 1,
        "think_time_s": 0,
        "timeout_s": 400,
        "load_workers": 1,
        "master_address": MASTER,
        "headless": False,
    }


def _pooler() -> PoolerSpec:
    return PoolerSpec(
        binary="/usr/sbin/pgbouncer",
        address=POOLER,
        port=6432,
        database_address=DATABASE,
        database_port=5432,
        database_name="bench",
        user="app",
        password_file=FILES["app"],
        pool_size=50,
        max_client_conn=10_000,
    )


def _app() -> AppSpec:
    gateway = {"sync": "wsgi", "async": "asgi"}[TARGET]
    workers = {"sync": "sync", "async": "uvicorn_worker.UvicornWorker"}[TARGET]
    callable_ = {f"BENCH_{gateway.upper()}": f"django_{TARGET}.{gateway}:application"}
    return AppSpec(
        command=(
            *("gunicorn", "--config", "/rig/stack/around/bench_gunicorn.py"),
            *("--worker-class", workers, f"bench_{gateway}:application"),
        ),
        env={**environment(), **callable_},
        folder=f"/rig/django_{TARGET}",
        password_file=FILES["app"],
    )


def _delay() -> DelaySpec:
    delay_ms = float(os.environ["DELAY_MS"])
    links = [("front", APP, f"{FRONT}.9"), ("data", f"{DATA}.2", DATABASE)]
    return DelaySpec(
        delay_ms=delay_ms,
        links=tuple(LinkSpec(name, own, 24, peer, delay_ms > 0) for name, own, peer in links),
    )


def write_files() -> None:
    """Fills both volumes."""
    make_secrets()
    for role, spec in specs().items():
        text = json.dumps(spec, default=dataclasses.asdict)
        if role == "delay":  # beside the app, whose entry point starts it
            (ROLES / "app" / "delay.json").write_text(text)
            continue
        out = ROLES / role / "out"
        out.mkdir(parents=True, exist_ok=True)
        out.parent.chmod(0o755)
        out.chmod(0o777)
        (ROLES / role / "spec.json").write_text(text)


def seed() -> None:
    """The app's role, database and posts, unless they are there."""
    password = Path(FILES["postgres"]).read_text()
    with psycopg.connect(
        host=DATABASE, user="postgres", password=password, dbname="postgres", autocommit=True
    ) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'app'").fetchone():
            return
        own = psycopg.sql.Literal(Path(FILES["app"]).read_text())
        connection.execute(psycopg.sql.SQL("CREATE ROLE app LOGIN PASSWORD {}").format(own))
        connection.execute("CREATE DATABASE bench OWNER app")
    passwords = Path("/tmp/pgpass")
    passwords.write_text(f"*:*:*:*:{Path(FILES['app']).read_text()}\n")
    passwords.chmod(0o600)
    direct = {"PGHOST": DATABASE, "PGPORT": "5432", "BENCH_POOLER": "direct"}
    # of this image, whatever the target: both have the same posts
    direct["DJANGO_SETTINGS_MODULE"] = "django_async.settings"
    for command in (["migrate", "--no-input"], ["seed", str(POSTS)]):
        subprocess.run(
            [sys.executable, "-m", "django", *command],
            env={**os.environ, **environment(), **direct, "PGPASSFILE": str(passwords)},
            check=True,
            timeout=300,
        )


if __name__ == "__main__":
    {"files": write_files, "seed": seed}[sys.argv[1]]()
