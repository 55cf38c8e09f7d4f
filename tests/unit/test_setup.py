"""The lock, the set-up scripts, and the suites that `tests/conftest.py` skips."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.shares import every

TOP = Path(__file__).parents[2]
PROGRAMS = (
    *("bash", "cat", "cp", "dirname", "flock", "grep", "id", "mkdir", "mv", "rm"),
    *("sed", "sh", "sha256sum", "tail", "timeout", "tr", "uname"),
)
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())
LOCKED: list[dict[str, Any]] = tomllib.loads((TOP / "uv.lock").read_text())["package"]
NEAREST = "http://127.0.0.1:9/simple"
"""An index that nobody serves."""


def run(*command: str | Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The finished command, with exactly this environment."""
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=90)


def test_every_package_has_a_hash_and_the_lock_names_no_place() -> None:
    for package in LOCKED:
        if package["name"] != PROJECT["project"]["name"]:
            files = [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
            assert files, package["name"]
            assert [one["hash"][:7] for one in files] == ["sha256:"] * len(files)
    places = set(re.findall(r"\w+://[^/\"]*", (TOP / "uv.lock").read_text()))
    assert places == {"https://index.invalid"}


def names_of(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w-]+", one)[0].lower() for one in requirements}  # type: ignore[index]


def test_the_lock_is_of_what_is_asked_for() -> None:
    [ours] = [one for one in LOCKED if one["name"] == PROJECT["project"]["name"]]
    asked = PROJECT["project"]["dependencies"]
    assert {one["name"] for one in ours["metadata"]["requires-dist"]} == names_of(asked)
    for group, requirements in PROJECT["dependency-groups"].items():
        locked = ours["metadata"]["requires-dev"][group]
        assert {one["name"] for one in locked} == names_of(requirements), group


def test_images_hold_nothing_that_a_run_has_not() -> None:
    for group in ("app", "load"):
        asked = set(PROJECT["dependency-groups"][group])
        assert asked - set(PROJECT["project"]["dependencies"]) <= {"django"}


def fits(wheel: str, version: str) -> bool:
    """Whether a wheel serves CPython on Linux x86_64, by its name."""
    python, abi, platform = wheel.removesuffix(".whl").split("-")[-3:]
    here = platform == "any" or re.search(r"(many)?linux.*x86_64", platform) is not None
    pure = re.search(r"\bpy3", python) is not None and abi == "none"
    stable = abi == "abi3" and int(python.removeprefix("cp3")) <= int(version.removeprefix("cp3"))
    return here and (pure or stable or f"{python}-{abi}" == f"{version}-{version}")


@pytest.mark.parametrize("version", ["cp311", "cp312", "cp313", "cp314"])
def test_every_python_gets_wheels_of_all_packages(version: str) -> None:
    minor = int(version.removeprefix("cp3"))
    without = []
    for package in LOCKED:
        wheels = [one["url"].rpartition("/")[2] for one in package.get("wheels", [])]
        markers = package.get("resolution-markers", ["true"])
        wanted = any(_holds(marker, minor) for marker in markers)
        if wheels and wanted and not any(fits(wheel, version) for wheel in wheels):
            without.append(package["name"])
    assert set(without) <= {"pywin32", "colorama", "tzdata"}


def _holds(marker: str, minor: int) -> bool:
    bounds = re.findall(r"python_full_version (<|>=|==) '3\.(\d+)", marker)
    tests = {"<": minor.__lt__, ">=": minor.__ge__, "==": minor.__eq__}
    return all(tests[how](int(bound)) for how, bound in bounds)


def fake_python(folder: Path, body: str) -> dict[str, str]:
    """A PATH on which `python3` is a script with this body and no other Python is found."""
    folder.mkdir()
    for program in PROGRAMS:
        if found := shutil.which(program):
            (folder / program).symlink_to(found)
    (folder / "python3").write_text(f"#!/bin/sh\n{body}\n")
    (folder / "python3").chmod(0o755)
    return {"PATH": str(folder), "HOME": str(folder)}


def checkout(folder: Path) -> Path:
    """The set-up scripts and what they read, in a folder of their own."""
    shutil.copytree(TOP / "setup", folder / "setup")
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(TOP / name, folder / name)
    return folder


def here(folder: Path) -> dict[str, str]:
    """This machine's environment, with an empty cache and nothing that is tried again."""
    return {
        **os.environ,
        "UV_CACHE_DIR": str(folder),
        "UV_HTTP_RETRIES": "0",
        "PIP_RETRIES": "0",
    }


def assert_one_line(done: subprocess.CompletedProcess[str], *says: str) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    [line] = done.stderr.splitlines()
    for words in says:
        assert words in line


def test_without_a_python_that_fits_the_set_up_says_what_to_install(tmp_path: Path) -> None:
    env = fake_python(tmp_path / "bin", '[ "$1" != --version ] || echo Python 3.9.2')
    repo = checkout(tmp_path / "repo")
    done = run(repo / "setup/packages.sh", "run", env=env)
    assert_one_line(done, "python3 is Python 3.9.2", "apt install python3")
    assert not (repo / ".venv").exists()


def test_without_uv_and_pip_the_set_up_says_what_to_install(tmp_path: Path) -> None:
    body = 'case "$2" in *%d.%d.%d*) echo 3.12.4 "$0";; *tomllib*) echo uv;; *) exit 1;; esac'
    env = fake_python(tmp_path / "bin", body)
    done = run(checkout(tmp_path / "repo") / "setup/packages.sh", "run", env=env)
    assert_one_line(done, "neither uv nor pip is here", "apt install python3-pip")


def test_a_lock_that_is_out_of_date_is_named(tmp_path: Path) -> None:
    repo = checkout(tmp_path / "repo")
    project = (repo / "pyproject.toml").read_text()
    (repo / "pyproject.toml").write_text(project.replace('"click",', '"click", "requests",'))
    done = run(repo / "setup/packages.sh", "run", env={**os.environ, "UV": uv()})
    assert_one_line(done, "uv.lock does not fit pyproject.toml: make lock")


def uv() -> str:
    """The uv that has set this folder up."""
    found = shutil.which("uv") or str(TOP / ".tools" / "uv" / "bin" / "uv")
    assert Path(found).exists(), "make setup fetches it"
    return found


@pytest.mark.parametrize("has_uv", every(2, [True, False]))
def test_an_index_that_cannot_be_reached_is_named(tmp_path: Path, has_uv: bool) -> None:
    env = here(tmp_path / "cache") | {"PIP_INDEX_URL": NEAREST, "PIP_CONFIG_FILE": os.devnull}
    env |= {"PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    if has_uv:
        env["UV"] = uv()
    else:
        env["PATH"] = fake_python(tmp_path / "bin", f'exec {sys.executable} -I "$@"')["PATH"]
        env |= {"PYTHONHOME": ""}
    done = run(checkout(tmp_path / "repo") / "setup/packages.sh", "run", env=env)
    assert_one_line(done, "index cannot be reached", "PIP_INDEX_URL")


def test_without_room_the_set_up_says_so_and_begins_again(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    small = tmp_path / "small"
    small.mkdir()
    script = (
        f"mount -t tmpfs -o size=2m small {small} && cp -r {checkout(tmp_path / 'repo')}/* {small}"
    )
    script += (
        f" && {small}/setup/packages.sh run; code=$?; test ! -e {small}/.venv/ready && exit $code"
    )
    env = {**os.environ, "UV": uv(), "UV_OFFLINE": "0"}
    done = run("unshare", "--mount", "sh", "-c", script, env=env)
    assert_one_line(done, "make room on the disk")


def test_a_home_that_cannot_be_written_is_no_hindrance(tmp_path: Path) -> None:
    script = '. setup/steps.sh; . setup/uv.sh; echo "$UV_CACHE_DIR"'
    env = {"PATH": os.environ["PATH"], "HOME": "/proc/1"}
    repo = checkout(tmp_path / "repo")
    done = subprocess.run(
        ["bash", "-c", script], env=env, cwd=repo, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(repo / ".tools" / "uv-cache")


def test_without_apt_the_tools_are_optional_and_say_how_to_get_them(tmp_path: Path) -> None:
    env = fake_python(tmp_path / "bin", "exit 1") | {"TOOLS_IGNORE_SYSTEM": "1"}
    repo = checkout(tmp_path / "repo")
    done = run(repo / "setup/tools.sh", env=env)
    assert done.returncode == 0
    assert "no pgbouncer (no apt-get here)" in done.stdout
    assert "no postgres (no apt-get here); without it no contrib extensions" in done.stdout
    assert "apt install pgbouncer" in done.stdout


SUITE_TEST = """
import pytest

@pytest.mark.second_kernel
def test_one(): pass

def test_two(): pass
"""


def run_suites(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """pytest over `SUITE_TEST` with the project's own conftest."""
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = second_kernel: x\n")
    (folder / "conftest.py").write_text((TOP / "tests/conftest.py").read_text())
    (folder / "test_suite.py").write_text(SUITE_TEST)
    python = (sys.executable, "-B", "-m", "pytest", folder)
    return run(*python, env={"PATH": os.environ["PATH"], **env})


@pytest.mark.campaign
def test_a_skipped_suite_is_one_visible_line(tmp_path: Path) -> None:
    done = run_suites(tmp_path)
    assert done.returncode == 0
    assert "SKIPPED SUITE second_kernel: SECOND_KERNEL is not set; set it to" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout.splitlines()[-1]


def test_a_required_suite_that_is_skipped_fails(tmp_path: Path) -> None:
    done = run_suites(tmp_path, REQUIRE_SUITES="second_kernel")
    assert done.returncode == 1
    assert "SKIPPED SUITE second_kernel: SECOND_KERNEL is not set; set it to" in done.stdout
    assert "FAILED: suite second_kernel is required" in done.stdout


@pytest.mark.campaign
def test_a_required_suite_that_runs_passes(tmp_path: Path) -> None:
    done = run_suites(tmp_path, REQUIRE_SUITES="second_kernel", SECOND_KERNEL="true")
    assert done.returncode == 0
    assert "2 passed" in done.stdout


def test_a_required_suite_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    done = run_suites(tmp_path, REQUIRE_SUITES="second_kernal")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no suite ['second_kernal']" in done.stderr
