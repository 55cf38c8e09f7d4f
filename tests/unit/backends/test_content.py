"""What of a target's folder is part of its project."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from rig.backends import content
from rig.backends.compose.backend import check_readable
from rig.backends.content import ContentHashes, hashes
from rig.model import StackError
from tests.unit.plans import TARGET


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two files that count, among much that does not."""
    folder = tmp_path / "shop"
    for path in (
        *("manage.py", "shop/models.py", ".git/HEAD", "shop/__pycache__/models.pyc"),
        *(".venv/lib/django.py", "node_modules/a/b.js", ".pytest_cache/x", "theirs/pyvenv.cfg"),
        "theirs/lib/python3/site.py",
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    (folder / "link").symlink_to("shop/models.py")
    (folder / "away").symlink_to("/etc")
    return folder


def test_environments_version_control_and_caches_are_no_content(project: Path) -> None:
    target = replace(TARGET, folder=str(project))
    assert [path for path, _ in hashes(target)] == ["link", "manage.py", "shop/models.py"]


def test_what_is_listed_is_content(project: Path) -> None:
    target = replace(TARGET, folder=str(project), content=(".git", "manage.py"))
    assert [path for path, _ in hashes(target)] == ["HEAD", "manage.py"]


def test_content_is_the_project_s_wherever_its_target_yaml_stands(project: Path) -> None:
    elsewhere = replace(TARGET, folder="/nowhere", project=str(project))
    assert hashes(elsewhere) == hashes(replace(TARGET, folder=str(project)))


def test_a_session_takes_the_hashes_once(project: Path) -> None:
    target, taken = replace(TARGET, folder=str(project)), ContentHashes()
    before = taken.of(target)
    (project / "manage.py").write_text("other")
    assert taken.of(target) == before != hashes(target)


def test_a_copy_has_the_project_s_files_for_all_to_read(project: Path, tmp_path: Path) -> None:
    (project / "manage.py").chmod(0o700)
    (project / "shop" / "models.py").chmod(0o600)
    os.mkfifo(project / "pipe")
    content.copy(project, tmp_path / "copy")
    found = sorted(
        str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*")
    )
    assert found == ["away", "link", "manage.py", "shop", "shop/models.py"]
    assert os.readlink(tmp_path / "copy" / "away") == "/etc"
    modes = [(tmp_path / "copy" / name).stat().st_mode & 0o777 for name in ("manage.py", "link")]
    assert modes == [0o755, 0o644]


def test_a_folder_without_end_is_no_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MOST_FILES", 2)
    with pytest.raises(StackError, match="has more than 2 files") as caught:
        hashes(replace(TARGET, folder=str(project)))
    assert "`content`" in caught.value.do


def test_containers_must_read_a_project_but_nothing_that_is_no_part_of_it(project: Path) -> None:
    (project / ".git" / "HEAD").chmod(0o600)  # git itself makes such files
    check_readable(project)
    (project / "shop").chmod(0o750)
    with pytest.raises(StackError, match="shop/shop cannot be read by the containers' user"):
        check_readable(project)
    (project / "shop").chmod(0o755)
    (project / "shop" / "models.py").chmod(0o640)
    with pytest.raises(StackError, match=r"models\.py cannot be read by the containers' user"):
        check_readable(project)
