"""What the stack by hand is told: the rig's own roles read it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from rig.backends.requests import route_request
from rig.config import read_targets
from rig.load.spec import read_spec as load_spec
from stack.app.spec import read_spec as app_spec
from stack.database.spec import read_spec as database_spec
from stack.delay.spec import read_spec as delay_spec
from stack.pooler.spec import read_spec as pooler_spec
from tests.runs import ROOT

ENVIRONMENT = {
    "RIG_FRONT": "10.0.1",
    "RIG_DATA": "10.0.2",
    "RIG_CONTROL": "10.0.3",
    "TARGET": "sync",
    "POOLER": "direct",
    "DELAY_MS": "5",
}


@pytest.fixture
def prepare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The script, whose volumes are folders of the test's."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    module = importlib.reload(importlib.import_module("stack.prepare"))
    for name in ("roles", "secrets"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(module, name.upper(), tmp_path / name)
    return module


def test_the_load_by_hand_is_that_of_the_route(tmp_path: Path, prepare: Any) -> None:
    prepare.write_files()
    spec = load_spec(tmp_path / "roles" / "load_worker" / "spec.json")
    target = read_targets([ROOT], ROOT / "stack" / "routes.yaml")["sync"]
    assert spec.requests == (route_request(target, target.routes[spec.route]),)
    assert spec.target_url == "http://10.0.1.2:8000"
    assert load_spec(tmp_path / "roles" / "load_master" / "spec.json") == spec


def test_every_role_reads_its_file_and_may_write_into_its_folder(
    tmp_path: Path, prepare: Any
) -> None:
    prepare.write_files()
    roles = tmp_path / "roles"
    app = app_spec(roles / "app" / "spec.json")
    assert app.env["BENCH_WSGI"] == "django_sync.wsgi:application"
    delay = delay_spec(roles / "app" / "delay.json")
    assert (delay.delay_ms, [link.delayed for link in delay.links]) == (5.0, [True, True])
    assert delay.peers["data"] == app.env["PGHOST"]
    assert pooler_spec(roles / "pooler" / "spec.json").database_address == app.env["PGHOST"]
    assert database_spec(roles / "database" / "spec.json").initialise
    # they run as several users, and none may replace its own file
    for out in roles.glob("*/out"):
        modes = [path.stat().st_mode & 0o777 for path in (out, out.parent)]
        assert modes == [0o777, 0o755]


def test_passwords_stay_as_long_as_their_volume(tmp_path: Path, prepare: Any) -> None:
    secrets = tmp_path / "secrets"
    prepare.make_secrets()
    first = {path.name: path.read_text() for path in secrets.iterdir()}
    assert set(first) == {"app", "superuser", "pgpass"}
    assert first["pgpass"] == f"*:*:*:*:{first['app']}\n"
    assert first["app"] != first["superuser"]
    (secrets / "pgpass").unlink()  # it is written anew, in its container by root
    for path in secrets.iterdir():
        assert path.stat().st_mode & 0o777 == 0o444
    prepare.make_secrets()
    assert {path.name: path.read_text() for path in secrets.iterdir()} == first
