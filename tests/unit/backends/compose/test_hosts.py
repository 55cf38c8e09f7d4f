"""How roles in containers see this machine's paths, and how they are reached."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from rig.backends.compose.hosts import NETWORKS, ComposeHosts
from rig.backends.docker.container import DelayChild
from rig.backends.docker.engine import HERE
from rig.backends.docker.images import OURS, inside
from rig.backends.docker.needs import Needs
from rig.backends.specs import PROJECT
from rig.model import Link, Role
from stack.delay.spec import DelaySpec, read_spec
from tests.unit.plans import TARGET


def hosts(folder: Path, target: Path | str = PROJECT / "django_async") -> ComposeHosts:
    names, plain = {Role.APP: ["some-project-app-1"]}, replace(TARGET, folder=str(target))
    secrets, project = folder / "secrets", "some-project"
    return ComposeHosts(folder, secrets, plain, Needs("an image"), names, project)


def test_code_stands_in_the_images_and_secrets_are_mounted(tmp_path: Path) -> None:
    ours = hosts(tmp_path)
    assert ours.inside(PROJECT) == "/rig"
    assert ours.inside(PROJECT / "stack") == "/rig/stack"
    assert ours.inside(tmp_path / "secrets" / "pgpass") == "/secrets/pgpass"
    for folder, service in OURS.items():
        assert hosts(tmp_path, folder).inside(Path(folder)) == f"/rig/{service}"


@pytest.mark.parametrize(
    "folder", ["examples/articles", "examples/django_articles", "../elsewhere/django_sync"]
)
def test_targets_that_are_not_ours_are_mounted(tmp_path: Path, folder: str) -> None:
    target = Path(os.path.normpath(PROJECT / folder))
    theirs = hosts(tmp_path, target)
    assert theirs.inside(target) == "/project"
    assert theirs.inside(target / "manage.py") == "/project/manage.py"
    assert theirs.inside(PROJECT / "stack") == "/rig/stack"


def test_code_that_stands_elsewhere_is_mounted_beside(tmp_path: Path) -> None:
    folder, code, secrets = tmp_path / "shop", tmp_path / "code", tmp_path / "secrets"
    target = replace(TARGET, folder=str(folder), project=str(code))
    assert inside(folder / "x", secrets, target) == "/target/x"
    assert inside(code / "manage.py", secrets, target) == "/project/manage.py"


def test_what_is_not_mounted_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not in the containers"):
        hosts(tmp_path).inside(Path("/etc/passwd"))


def test_addresses_are_fixed_where_others_must_know_them(tmp_path: Path) -> None:
    ours = hosts(tmp_path)
    assert ours.address(Role.APP, Link.FRONT) == f"{NETWORKS[Link.FRONT]}.2"
    assert ours.address(Role.DATABASE, Link.DATA) == f"{NETWORKS[Link.DATA]}.3"
    assert ours.address(Role.LOAD_MASTER, Link.CONTROL) == f"{NETWORKS[Link.CONTROL]}.9"
    fixed = {ours.address(role, Link.DATA) for role in (Role.APP, Role.DATABASE, Role.POOLER)}
    assert len(fixed) == 3


def test_a_spec_can_be_read_inside_whatever_the_users_umask(tmp_path: Path) -> None:
    for role in ("app", "delay"):
        (tmp_path / role).mkdir()
    kept, delay = os.umask(0o077), DelaySpec(1.0, links=())
    try:
        started = hosts(tmp_path).start(Role.DELAY, delay)
        (tmp_path / "app" / "delay.part").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(FileExistsError):  # whatever stands there is not written into
            hosts(tmp_path).start(Role.DELAY, DelaySpec(2.0, links=()))
    finally:
        os.umask(kept)
    spec = tmp_path / "app" / "delay.json"
    assert read_spec(spec) == delay
    assert stat.S_IMODE(spec.stat().st_mode) == 0o644
    assert started.code() is None
    assert not (tmp_path / "elsewhere").exists()


def test_the_delay_says_in_files_how_it_ended(tmp_path: Path) -> None:
    delay = DelayChild(HERE, lambda: tmp_path, "app-1")
    assert delay.wait(0.01) is None
    assert delay.log_lines() == []
    (tmp_path / "exit").write_text("3")
    (tmp_path / "log").write_text("delay: no mechanism\n")
    assert (delay.wait(5), delay.code(), delay.log_lines()) == (3, 3, ["delay: no mechanism"])


def test_services_have_fixed_addresses_and_folders_of_their_own(tmp_path: Path) -> None:
    ours = hosts(tmp_path)
    assert ours.address(Role.SERVICE, Link.SERVICES) == f"{NETWORKS[Link.SERVICES]}.20"
    assert ours.address(Role.SERVICE, Link.DATA, 2) == f"{NETWORKS[Link.DATA]}.22"
    assert ours.out(Role.SERVICE, 1) == tmp_path / "service-2" / "out"
