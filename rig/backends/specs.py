"""What each role is told, from the plan and the hosts. Pure but for the addresses asked."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.backends.base import Hosts
from rig.backends.database import (
    APP_USER,
    COUNTING_STATEMENTS,
    DATABASE,
    FIXED_SETTINGS,
    PORT,
    SUPERUSER,
)
from rig.backends.http import APP_PORT, vouching
from rig.backends.requests import NO_ROWS, Rows, route_requests, session_of
from rig.backends.users_files import users_file
from rig.config import NoEnvFile, read_env_file
from rig.factors import retired
from rig.factors.servers import SERVERS
from rig.factors.services import words as service_words
from rig.load.http.request import encoded
from rig.load.http.words import words_in
from rig.load.scout import ScoutSpec, UnloadedRequest
from rig.load.spec import LoadSpec
from rig.model import Link, Role, StackError
from rig.plan import PLACEHOLDER, Django, Mix, Plan, Target
from stack.app.spec import PASSWORD, AppSpec
from stack.database.spec import DatabaseSpec
from stack.delay.spec import DelaySpec, LinkSpec
from stack.pooler.spec import PoolerSpec

POOLER_PORT = 6432
CONTROL_PORT, CLOCK_PORT = 5557, 5558
CONNECT_DEADLINE_S, CONNECT_EACH_S = 60.0, 2.0
"""Within which all load workers are there; a machine may start dozens of them."""
MAX_CLIENT_CONN = 10_000
PREFIX_LENGTH = 24
PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Secrets:
    """Passwords made for one session, as files that the roles' user can read."""

    superuser_password_file: Path
    app_password_file: Path
    pgpass_file: Path
    """The app's password in libpq's own format."""

    def files(self, hosts: Hosts) -> dict[str, str]:
        """Password file by database role, as the roles see it."""
        return {
            SUPERUSER: hosts.inside(self.superuser_password_file),
            APP_USER: hosts.inside(self.app_password_file),
        }


def make_secrets(folder: Path) -> Secrets:
    """New passwords as files of mode 600 in a new folder."""
    folder.mkdir(mode=0o700)
    made = {name: secrets.token_urlsafe(24) for name in ("superuser", "app")}
    for name, text in {**made, "pgpass": f"*:*:*:*:{made['app']}\n"}.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
    return Secrets(folder / "superuser", folder / "app", folder / "pgpass")


def database_spec(plan: Plan, hosts: Hosts, passwords: Secrets, template: str) -> DatabaseSpec:
    """A fresh copy of the template, served with the plan's cap."""
    return DatabaseSpec(
        bin_dir=hosts.layout().postgres_dir,
        cluster=hosts.cluster(),
        template=template,
        initialise=False,
        set_passwords=False,
        password_files=passwords.files(hosts),
        settings={
            **_settings(plan.max_connections),
            # the probes keep one connection: with it, ordinary roles have 3 fewer than all
            "superuser_reserved_connections": 2,
            **(COUNTING_STATEMENTS if hosts.layout().counts_statements else {}),
        },
    )


def template_spec(hosts: Hosts, passwords: Secrets, template: str, exists: bool) -> DatabaseSpec:
    """The template itself: made, or given this session's passwords."""
    return DatabaseSpec(
        bin_dir=hosts.layout().postgres_dir,
        cluster=template,
        template=None,
        initialise=not exists,
        set_passwords=exists,
        password_files=passwords.files(hosts),
        settings=_settings(max_connections=20),
    )


def _settings(max_connections: int) -> dict[str, str | int]:
    return {
        **FIXED_SETTINGS,
        "listen_addresses": "0.0.0.0",
        "port": PORT,
        "max_connections": max_connections,
    }


def pooler_spec(plan: Plan, hosts: Hosts, passwords: Secrets) -> PoolerSpec:
    """PgBouncer, on the far side of the delay."""
    return PoolerSpec(
        binary=hosts.layout().pgbouncer,
        # in a container, the rig's own way to it is another address than the app's
        address="0.0.0.0",
        port=POOLER_PORT,
        database_address=hosts.address(Role.DATABASE, Link.DATA),
        database_port=PORT,
        database_name=DATABASE,
        user=APP_USER,
        password_file=hosts.inside(passwords.app_password_file),
        pool_size=plan.pooler_pool_size,
        max_client_conn=MAX_CLIENT_CONN,
    )


def app_spec(plan: Plan, hosts: Hosts, passwords: Secrets, prepared: bool) -> AppSpec:
    """The target's web server; where it names no command, the one that its server needs."""
    command = plan.target.start or SERVERS[plan.server].command
    return _target_spec(plan, hosts, passwords, prepared, command)


def command_spec(plan: Plan, hosts: Hosts, passwords: Secrets, command: Sequence[str]) -> AppSpec:
    """One of the target's commands, run to its end (migrate, seed)."""
    direct = dataclasses.replace(plan, pooler="direct", connections="per_request")
    return _target_spec(direct, hosts, passwords, True, command)


def service_spec(plan: Plan, hosts: Hosts, passwords: Secrets, index: int) -> AppSpec:
    """One of the target's services, in the target's environment and its own."""
    service = plan.target.services[index]
    direct = dataclasses.replace(plan, pooler="direct", connections="per_request")
    # in a container, the rig's own way to it is another address than the app's
    where = {"host": "0.0.0.0", "port": str(service.port)}
    return _target_spec(direct, hosts, passwords, True, service.start, where, service.env)


def _target_spec(
    plan: Plan,
    hosts: Hosts,
    passwords: Secrets,
    prepared: bool,
    command: Sequence[str],
    where: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
) -> AppSpec:
    """`where` has words over the app's own, `env` variables over the target's."""
    target = plan.target
    filled = placeholders(plan, hosts, passwords, prepared)
    words = {**retired.words(plan), **filled, **(where or {})}
    fixed = {
        "PGHOST": words["database_host"],
        "PGPORT": words["database_port"],
        "PGDATABASE": DATABASE,
        "PGUSER": APP_USER,
        "PGPASSFILE": hosts.inside(passwords.pgpass_file),
        "PYTHONPATH": _python_path(target, words, hosts),
        "PYTHONDONTWRITEBYTECODE": "1",
        "BENCH_BIND": f"{words['host']}:{words['port']}",
        "BENCH_DATA_ACCESS": plan.data_access,
        "BENCH_CONNECTIONS": plan.connections,
        "BENCH_POOL_SIZE": str(plan.pool_size),
        "BENCH_POOLER": plan.pooler,
        "BENCH_PREPARED_STATEMENTS": words["prepared_statements"],
        "BENCH_APP_WORKERS": str(plan.app_workers),
        "BENCH_APP_THREADS": str(plan.app_threads),
        "BENCH_CPU_N": str(plan.data.cpu_n),
        **(_django_variables(plan, target.django) if target.django else {}),
    }
    said = {**target.env, **(env or {})}
    own = {name: _filled(value, words) for name, value in said.items()}
    return AppSpec(
        command=tuple(_filled(word, words) for word in command),
        env={**_of_file(target), **fixed, **own},
        folder=words["project"],
        password_file=words["database_password_file"],
        path=hosts.layout().own_path,
    )


def _python_path(target: Target, words: Mapping[str, str], hosts: Hosts) -> str:
    """The target's code first. Nothing of the rig's may shadow what a Python of its own holds.

    Nor may it be imported around a `django:` target.
    """
    around = f"{words['stack']}/around"
    rig = (
        []
        if target.django or target.python
        else [words["folder"], hosts.inside(PROJECT), words["stack"]]
    )
    return ":".join(dict.fromkeys([words["project"], *rig, around]))


def _django_variables(plan: Plan, django: Django) -> dict[str, str]:
    """What `stack/around` is told: the project's own names, and what to lay over them."""
    module = "bench_settings" if django.overlay else django.settings
    routes = plan.target.routes.values()
    return {
        **({"DJANGO_SETTINGS_MODULE": module} if django.settings else {}),
        "BENCH_SETTINGS": django.settings,
        "BENCH_WSGI": django.wsgi,
        "BENCH_ASGI": django.asgi,
        "BENCH_OVERLAY": "on" if django.overlay else "off",
        "BENCH_MIDDLEWARE": plan.middleware,
        "BENCH_SERVER": plan.server,
        "BENCH_ROUTES": json.dumps(
            {
                one.name: [one.method, _as_declared(one.path)]
                for one in routes
                if not one.varies_by_path
            }
        ),
    }


def _as_declared(path: str) -> str:
    """Without a query that differs from request to request."""
    return encoded(path.partition("?")[0] if words_in(path) else path)


def _of_file(target: Target) -> Mapping[str, str]:
    """The variables of its `env_file`. StackError where it went or changed since it was read."""
    if not target.env_file:
        return {}
    try:
        return read_env_file(Path(target.code_folder) / target.env_file)
    except (NoEnvFile, OSError) as error:
        raise StackError(f"target {target.name}: {target.env_file}: {error}") from error


def placeholders(plan: Plan, hosts: Hosts, passwords: Secrets, prepared: bool) -> dict[str, str]:
    """What stands for each {placeholder} of a `target.yaml`."""
    target: Target = plan.target
    pooled = plan.pooler != "direct"
    database_host = hosts.address(Role.POOLER if pooled else Role.DATABASE, Link.DATA)
    database_port = POOLER_PORT if pooled else PORT
    return {
        "python": hosts.layout().own_python or hosts.layout().python,
        "stack": hosts.inside(PROJECT / "stack"),
        "project": hosts.inside(Path(target.code_folder)),
        "folder": hosts.inside(Path(target.folder)),
        "host": hosts.address(Role.APP, Link.FRONT),
        "port": str(APP_PORT),
        "posts": str(plan.data.posts),
        "cpu_n": str(plan.data.cpu_n),
        "data_access": plan.data_access,
        "connections": plan.connections,
        "pool_size": str(plan.pool_size),
        "app_workers": str(plan.app_workers),
        "app_threads": str(plan.app_threads),
        "pooler": plan.pooler,
        "prepared_statements": "on" if prepared else "off",
        "database_host": database_host,
        "database_port": str(database_port),
        "database_name": DATABASE,
        "database_user": APP_USER,
        # the role fills it in, so that no file of the session holds it
        "database_password": PASSWORD,
        "database_password_file": hosts.inside(passwords.app_password_file),
        # no password in it: libpq and asyncpg read PGPASSFILE
        "database_url": f"postgresql://{APP_USER}@{database_host}:{database_port}/{DATABASE}",
        **_service_placeholders(target, hosts),
    }


def _service_placeholders(target: Target, hosts: Hosts) -> dict[str, str]:
    filled: dict[str, str] = {}
    for index, service in enumerate(target.services):
        address = hosts.address(Role.SERVICE, Link.SERVICES, index)
        values = address, str(service.port), service.url(address)
        filled |= dict(zip(service_words(service.name), values, strict=True))
    return filled


def _filled(text: str, words: Mapping[str, str]) -> str:
    # in one go: a folder's name may have braces of its own
    return PLACEHOLDER.sub(lambda found: words.get(found[1], found[0]), text)


def of_mix(mix: Mix | None) -> dict[str, Any]:
    if mix is None:
        return {}
    return {"weights": tuple(mix.routes.values()), "seed": mix.seed, "think": mix.think}


def load_spec(plan: Plan, hosts: Hosts, rows: Rows = NO_ROWS) -> LoadSpec:
    """The same file for the load master and every load worker."""
    load = plan.load
    return LoadSpec(
        target_url=_app_url(plan, hosts),
        ca=vouching(plan.target),
        route=plan.route_name,
        requests=route_requests(plan, rows),
        model=load.model,
        steady_s=load.steady_s,
        timeout_s=load.timeout_s,
        load_workers=load.load_workers,
        raw=load.raw,
        client=load.client,
        session=session_of(plan, rows),
        users_file=users_file(plan, hosts.layout()),
        **of_mix(plan.mix),
        master_address=hosts.address(Role.LOAD_MASTER, Link.CONTROL),
        master_port=CONTROL_PORT,
        clock_port=CLOCK_PORT,
        connect_deadline_s=CONNECT_DEADLINE_S + CONNECT_EACH_S * load.load_workers,
    )


def scout_spec(plan: Plan, hosts: Hosts, unloaded_requests: Sequence[UnloadedRequest]) -> ScoutSpec:
    """What a load worker's host asks without any load."""
    return ScoutSpec(_app_url(plan, hosts), tuple(unloaded_requests), vouching(plan.target))


def _app_url(plan: Plan, hosts: Hosts) -> str:
    return f"{plan.target.scheme}://{hosts.address(Role.APP, Link.FRONT)}:{APP_PORT}"


def delay_spec(plan: Plan, hosts: Hosts) -> DelaySpec:
    """Which links are delayed, and where each path is measured to."""
    far = Role.DATABASE if plan.pooler == "direct" else Role.POOLER
    peers = {
        Link.FRONT: hosts.peer(Role.LOAD_WORKER, Link.FRONT),
        Link.DATA: hosts.peer(far, Link.DATA),
    }
    if plan.target.services:
        peers[Link.SERVICES] = hosts.peer(Role.SERVICE, Link.SERVICES)
    return DelaySpec(
        delay_ms=plan.delay.delay_ms,
        base=hosts.far,
        links=tuple(
            LinkSpec(
                name=str(link),
                address=hosts.address(Role.APP, link),
                prefix=PREFIX_LENGTH,
                peer=peer,
                delayed=plan.delay.on(link) > 0,
            )
            for link, peer in peers.items()
        ),
    )
