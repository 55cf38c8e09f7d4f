"""The script that opens the way to the roles' files."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.backends.machine.role_mounts import closed_ancestor, script


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that every user may pass through, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="view-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def folder(path: Path, mode: int = 0o755) -> Path:
    path.mkdir(parents=True)
    path.chmod(mode)
    return path


def mounts(text: str) -> list[str]:
    return [line for line in text.splitlines() if "tmpfs" in line]


def test_the_topmost_closed_folder_is_found(root: Path) -> None:
    outer = folder(root / "outer", 0o700)
    inner = folder(outer / "inner", 0o700)
    project = folder(inner / "project")
    assert closed_ancestor(project) == outer
    assert closed_ancestor(outer) is None
    assert closed_ancestor(folder(root / "open")) is None


def test_a_folder_that_may_be_passed_but_not_listed_is_open(root: Path) -> None:
    assert closed_ancestor(folder(folder(root / "blind", 0o711) / "project")) is None


def test_open_paths_need_no_mount(root: Path) -> None:
    assert script([folder(root / "open")]).splitlines() == [
        "set -e",
        "echo ready",
        "exec sleep infinity",
    ]


def test_each_closed_folder_is_hidden_once(root: Path) -> None:
    home = folder(root / "home", 0o700)
    other = folder(root / "other", 0o700)
    paths = [folder(home / "project"), folder(home / "python"), folder(other / "x")]
    hidden = mounts(script(paths))
    assert len(hidden) == 2
    assert any(line.endswith(str(home)) for line in hidden)
    assert any(line.endswith(str(other)) for line in hidden)


def test_a_path_inside_another_is_left_to_it(root: Path) -> None:
    home = folder(root / "home", 0o700)
    project = folder(home / "project")
    inside = folder(project / ".venv")
    assert script([inside, project]) == script([project])
    assert str(inside) not in script([project, inside])


def test_links_are_followed(root: Path) -> None:
    home = folder(root / "home", 0o700)
    python = folder(home / "python")
    (root / "link").symlink_to(python)
    assert script([root / "link"]) == script([python])


def test_odd_names_are_quoted(root: Path) -> None:
    home = folder(root / "it's a home; rm -rf x", 0o700)
    text = script([folder(home / "a project")])
    done = subprocess.run(["sh", "-n", "-c", text], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "; rm -rf x'" in text
