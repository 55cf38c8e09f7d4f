"""Files that a target names in its project."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rig.config import read_targets
from rig.model import BadYaml
from rig.plan import Limits, Target

HEAD = "name: mine\nproject: ../shop\nstart: [serve]\nroutes: {home: {method: GET, path: /}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "targets" / "mine").mkdir(parents=True)
    (tmp_path / "shop").mkdir()
    (tmp_path / "targets" / "shop").symlink_to(tmp_path / "shop")
    (tmp_path / "routes.yaml").write_text("cpu: {method: GET, path: /cpu}\n")
    return tmp_path


def read(folder: Path, text: str) -> Target:
    (folder / "targets" / "mine" / "target.yaml").write_text(HEAD + text)
    return read_targets([folder / "targets"], folder / "routes.yaml")["mine"]


def problem(folder: Path, text: str) -> str:
    with pytest.raises(BadYaml) as caught:
        read(folder, text)
    (one,) = caught.value.problems
    return f"{one.what}; {one.do}".removesuffix("; ")


@pytest.mark.parametrize(
    "name", ["requirements/live.txt", "uv.lock", "pyproject.toml", "poetry.lock", "Pipfile.lock"]
)
def test_a_python_s_file_is_seen_from_the_project(folder: Path, name: str) -> None:
    (folder / "shop" / name).parent.mkdir(exist_ok=True)
    (folder / "shop" / name).write_text("")
    assert read(folder, f"python: {name}\n").python == name


def test_an_interpreter_is_a_program(folder: Path) -> None:
    assert read(folder, f"python: {sys.executable}\n").python == sys.executable
    (folder / "shop" / "notes.md").write_text("no program")
    assert problem(folder, "python: notes.md\n").startswith(
        "`python` expects requirements.txt, uv.lock, "
    )


def test_an_environment_s_folder_is_no_interpreter(folder: Path) -> None:
    (folder / "shop" / "venv" / "bin").mkdir(parents=True)
    (folder / "shop" / "venv" / "bin" / "python").symlink_to(sys.executable)
    assert problem(folder, "python: venv\n") == (
        "`python` is an environment's folder; name its interpreter: venv/bin/python"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("python: requirements.txt\n", "an interpreter that is there, seen from shop/, not"),
        ("env_file: .env\n", "`env_file` expects a file that is there, seen from shop/"),
        ("env_file: bad.env\n", "bad.env: line 2 is no `NAME=value`"),
        ("before_start: [python]\n", "`before_start` expects a list, not `python`"),
        ("before_start: [[]]\n", "`before_start` expects a list that is not empty"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, text: str, said: str) -> None:
    (folder / "shop" / "bad.env").write_text("A=1\nA\n")
    assert said in problem(folder, text)


def test_what_runs_before_the_start(folder: Path) -> None:
    (folder / "shop" / ".env").write_text("A=1\n")
    text = "env_file: .env\nbefore_start: [[make, assets], [make, x]]\nlimits: {before_start: 5s}\n"
    target = read(folder, text)
    assert target.before_start == (("make", "assets"), ("make", "x"))
    assert target.limits == Limits(before_start_s=5.0)
    assert target.env_file == ".env"
