"""What each role is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rig.backends.base import CONTRIB, RoleSpec, spec_file
from rig.backends.specs import (
    CONNECT_EACH_S,
    PROJECT,
    app_spec,
    command_spec,
    database_spec,
    delay_spec,
    load_spec,
    placeholders,
    pooler_spec,
    template_spec,
)
from rig.calibrate import null_trial
from rig.config import PLACEHOLDERS
from rig.load.spec import read_spec as read_load_spec
from rig.model import Link, Role, StackError
from rig.plan import Cell, Delay, Django, Trial
from stack.app.spec import read_spec as read_app_spec
from stack.database.spec import read_spec as read_database_spec
from stack.delay.spec import read_spec as read_delay_spec
from stack.pooler.spec import read_spec as read_pooler_spec
from tests.unit.backends.hosts import PASSWORDS, PaperHosts, every_spec, secrets
from tests.unit.plans import PLAN

POOLED = replace(PLAN, pooler="pgbouncer")


def test_every_placeholder_of_a_target_yaml_is_filled_in(tmp_path: Path) -> None:
    words = placeholders(PLAN, PaperHosts(tmp_path), secrets(tmp_path), prepared=True)
    assert set(words) == set(PLACEHOLDERS)
    assert all(words.values())


@pytest.mark.parametrize("plan", [PLAN, POOLED], ids=["direct", "pooled"])
def test_no_spec_holds_a_password(tmp_path: Path, plan: object) -> None:
    assert isinstance(plan, type(PLAN))
    text = json.dumps(every_spec(plan, tmp_path))
    assert not any(password in text for password in PASSWORDS.values())
    assert str(tmp_path / "pgpass") in text


def test_words_of_command_and_environment_are_filled_in(tmp_path: Path) -> None:
    spec = app_spec(PLAN, PaperHosts(tmp_path), secrets(tmp_path), prepared=True)
    assert spec.command == ("serve", "--bind", "198.18.0.2:8000")
    assert spec.env["ITS_OWN"] == "postgresql://app@198.18.1.3:5432/bench"
    assert all(isinstance(value, str) for value in spec.env.values())


def test_a_folder_s_name_is_filled_in_as_it_is(tmp_path: Path) -> None:
    own = replace(PLAN.target, folder="/{posts}/{database_url}", start=("{folder}/{x}",))
    spec = app_spec(
        replace(PLAN, target=own), PaperHosts(tmp_path), secrets(tmp_path), prepared=True
    )
    assert spec.command == ("/{posts}/{database_url}/{x}",)


SHOP = replace(
    PLAN,
    server="granian-wsgi",
    middleware="none",
    app_threads=4,
    target=replace(
        PLAN.target,
        start=(),
        project="/code/shop",
        django=Django("shop.settings", "shop.wsgi:application"),
        migrate=("migrate",),
    ),
)


def test_a_project_is_served_by_the_command_of_its_server(tmp_path: Path) -> None:
    spec = app_spec(SHOP, PaperHosts(tmp_path), secrets(tmp_path), prepared=True)
    assert spec.command[:3] == ("/python", "-m", "granian")
    assert spec.command[-3:-1] == ("--blocking-threads", "4")
    # by its file, as the project's folder may be a package
    assert spec.command[-1].endswith("/around/bench_wsgi.py:application")
    assert "198.18.0.2" in spec.command
    assert spec.folder == "/code/shop"


def test_in_the_place_of_any_target_the_null_target_is_started(tmp_path: Path) -> None:
    script = f"{PROJECT}/stack/null/__main__.py"
    for plan in (SHOP, PLAN):
        null = null_trial([Trial(Cell({}), plan, 1, 0, 0, "first")]).plan
        spec = app_spec(null, PaperHosts(tmp_path), secrets(tmp_path), prepared=True)
        assert spec.command == ("/python", script, "198.18.0.2", "8000")


def test_around_a_project_nothing_of_the_rig_s_can_be_imported(tmp_path: Path) -> None:
    hosts, kept = PaperHosts(tmp_path), secrets(tmp_path)
    around = f"{PROJECT}/stack/around"
    for spec in (
        app_spec(SHOP, hosts, kept, prepared=True),
        command_spec(SHOP, hosts, kept, SHOP.target.migrate),
    ):
        assert spec.env["PYTHONPATH"] == f"/code/shop:{around}"
    started = app_spec(PLAN, hosts, kept, prepared=True)
    assert started.env["PYTHONPATH"] == f"/nowhere/made:{PROJECT}:{PROJECT}/stack:{around}"


@pytest.mark.parametrize(
    ("django", "module", "overlay"),
    [
        (Django("shop.settings", "shop.wsgi:app"), "bench_settings", "on"),
        (Django("shop.settings", "shop.wsgi:app", overlay=False), "shop.settings", "off"),
        (Django(wsgi="shop:app"), None, "on"),
    ],
)
def test_a_project_s_settings_are_laid_over_unless_it_says_otherwise(
    tmp_path: Path, django: Django, module: str | None, overlay: str
) -> None:
    plan = replace(SHOP, target=replace(SHOP.target, django=django))
    env = app_spec(plan, PaperHosts(tmp_path), secrets(tmp_path), prepared=True).env
    assert (env.get("DJANGO_SETTINGS_MODULE"), env["BENCH_OVERLAY"]) == (module, overlay)
    assert (env["BENCH_WSGI"], env["BENCH_MIDDLEWARE"]) == (django.wsgi, "none")
    assert json.loads(env["BENCH_ROUTES"]) == {"list": ["GET", "/list"], "make": ["POST", "/make"]}


def test_a_targets_own_environment_has_the_last_word(tmp_path: Path) -> None:
    own = replace(PLAN.target, env={"PGDATABASE": "mine"})
    plan = replace(PLAN, target=own)
    spec = app_spec(plan, PaperHosts(tmp_path), secrets(tmp_path), prepared=True)
    assert spec.env["PGDATABASE"] == "mine"


def test_the_project_s_own_file_has_less_to_say_than_the_rig_and_its_target(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=of-the-file\nB={port}\nC=$X\nPGHOST=elsewhere\n")
    own = replace(PLAN.target, folder=str(tmp_path), env_file=".env", env={"A": "of-the-target"})
    hosts = PaperHosts(tmp_path)
    spec = app_spec(replace(PLAN, target=own), hosts, secrets(tmp_path), prepared=True)
    said = [spec.env[name] for name in ("A", "B", "C", "PGHOST")]
    assert said == ["of-the-target", "{port}", "$X", hosts.address(Role.DATABASE, Link.DATA)]


def test_a_file_that_went_meanwhile_is_named(tmp_path: Path) -> None:
    own = replace(PLAN.target, folder=str(tmp_path), env_file=".env")
    with pytest.raises(StackError, match=r"target made: \.env: .*No such file"):
        app_spec(replace(PLAN, target=own), PaperHosts(tmp_path), secrets(tmp_path), prepared=True)


def test_a_python_of_its_own_finds_nothing_of_the_rig_s(tmp_path: Path) -> None:
    own = replace(PLAN.target, python="requirements.txt", start=("{python}", "serve.py"))
    hosts = PaperHosts(tmp_path, own_python="/made/bin/python", own_path="/made/bin")
    spec = app_spec(replace(PLAN, target=own), hosts, secrets(tmp_path), prepared=True)
    assert spec.command == ("/made/bin/python", "serve.py")
    assert spec.path == "/made/bin"
    assert spec.env["PYTHONPATH"].split(":") == [
        own.folder,
        str(Path(hosts.inside(PROJECT)) / "stack" / "around"),
    ]


def test_behind_a_pooler_the_app_speaks_to_it_but_is_seeded_directly(tmp_path: Path) -> None:
    specs = every_spec(POOLED, tmp_path)
    hosts = PaperHosts(tmp_path)
    pooler, database = (hosts.address(r, Link.DATA) for r in (Role.POOLER, Role.DATABASE))
    assert specs["app"]["env"]["PGHOST"] == pooler
    assert specs["app"]["env"]["PGPORT"] == str(specs["pooler"]["port"])
    assert specs["seed"]["env"]["PGHOST"] == database == specs["pooler"]["database_address"]
    assert specs["pooler"]["max_client_conn"] > 1000


@pytest.mark.parametrize(("prepared", "said"), [(True, "on"), (False, "off")])
def test_the_app_is_told_of_prepared_statements(tmp_path: Path, prepared: bool, said: str) -> None:
    spec = app_spec(POOLED, PaperHosts(tmp_path), secrets(tmp_path), prepared)
    assert spec.env["BENCH_PREPARED_STATEMENTS"] == said


@pytest.mark.parametrize(("threads", "worker"), [(1, "sync"), (2, "gthread")])
def test_threads_decide_the_worker_class_of_older_targets(
    tmp_path: Path, threads: int, worker: str
) -> None:
    target = replace(PLAN.target, start=("gunicorn", "--worker-class", "{wsgi_worker}"))
    plan = replace(PLAN, app_threads=threads, target=target)
    spec = app_spec(plan, PaperHosts(tmp_path), secrets(tmp_path), prepared=True)
    assert spec.command == ("gunicorn", "--worker-class", worker)


@pytest.mark.parametrize(
    ("links", "delayed"),
    [
        ((Link.FRONT, Link.DATA), {"front": True, "data": True}),
        ((Link.DATA,), {"front": False, "data": True}),
        ((Link.FRONT,), {"front": True, "data": False}),
    ],
)
def test_both_paths_are_measured_and_the_named_ones_delayed(
    tmp_path: Path, links: tuple[Link, ...], delayed: dict[str, bool]
) -> None:
    spec = delay_spec(replace(PLAN, delay=Delay(100.0, links)), PaperHosts(tmp_path))
    assert {link.name: link.delayed for link in spec.links} == delayed


def test_the_data_path_is_measured_to_whom_the_app_speaks(tmp_path: Path) -> None:
    hosts = PaperHosts(tmp_path)
    peers = [delay_spec(plan, hosts).peers for plan in (PLAN, POOLED)]
    assert peers[0]["data"] == hosts.address(Role.DATABASE, Link.DATA)
    assert peers[1]["data"] == hosts.address(Role.POOLER, Link.DATA)


def test_every_role_reads_its_spec_as_it_was_written(tmp_path: Path) -> None:
    hosts, kept, path = PaperHosts(tmp_path), secrets(tmp_path), tmp_path / "spec.json"
    written: dict[Callable[[Path], RoleSpec], RoleSpec] = {
        read_database_spec: database_spec(PLAN, hosts, kept, "/template"),
        read_pooler_spec: pooler_spec(POOLED, hosts, kept),
        read_app_spec: app_spec(PLAN, hosts, kept, prepared=True),
        read_delay_spec: delay_spec(PLAN, hosts),
        read_load_spec: load_spec(PLAN, hosts),
    }
    for read, spec in written.items():
        path.write_bytes(spec_file(spec))
        assert spec_file(read(path)) == path.read_bytes()


def test_statements_are_counted_where_postgres_can_and_never_while_seeding(tmp_path: Path) -> None:
    plain, kept = PaperHosts(tmp_path), secrets(tmp_path)
    counting = PaperHosts(tmp_path, extensions=CONTRIB)
    preload = "shared_preload_libraries"
    assert preload not in database_spec(PLAN, plain, kept, "/template").settings
    settings = database_spec(PLAN, counting, kept, "/template").settings
    assert settings[preload] == "pg_stat_statements"
    # names of cursors and savepoints would each be a text of its own
    assert settings["pg_stat_statements.track_utility"] == "off"
    assert preload not in template_spec(counting, kept, "/template", exists=True).settings


def test_the_more_load_workers_the_longer_they_may_take_to_be_there(tmp_path: Path) -> None:
    few, many = (replace(PLAN, load=replace(PLAN.load, load_workers=many)) for many in (2, 64))
    waits_s = [load_spec(plan, PaperHosts(tmp_path)).connect_deadline_s for plan in (few, many)]
    assert waits_s[1] - waits_s[0] == 62 * CONNECT_EACH_S


def test_the_load_is_told_of_its_route(tmp_path: Path) -> None:
    spec = load_spec(PLAN, PaperHosts(tmp_path))
    (asked,) = spec.requests
    assert (asked.method, asked.path, asked.statuses) == ("POST", "/make", (201,))
    assert asked.form == {"title": "{unique}"}
    assert spec.duration_s == PLAN.load.duration_s
