"""The locks, the set-up scripts, and the suites that `tests/conftest.py` skips."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PROGRAMS = ("bash", "cat", "dirname", "flock", "grep", "id", "mkdir", "rm", "sh", "sha256sum")
LOCKS = ("requirements.lock", "requirements-dev.lock")


def pins(lock: str) -> dict[str, str]:
    """Version per package of a lock."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (TOP / lock).read_text(), re.MULTILINE))


def run(*command: str | Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The finished command, with exactly this environment."""
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_a_hash_and_no_line_names_a_place(lock: str) -> None:
    entries = re.split(r"^(?=[a-z0-9])", (TOP / lock).read_text(), flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins(lock))
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in (TOP / lock).read_text()
    assert not re.search(r"^-", (TOP / lock).read_text(), re.MULTILINE)


def test_tests_run_on_the_very_packages_of_a_run() -> None:
    assert pins(LOCKS[0]).items() <= pins(LOCKS[1]).items()


@pytest.mark.parametrize(("inputs", "lock"), [("runtime.in", LOCKS[0]), ("dev.in", LOCKS[1])])
def test_what_is_asked_for_is_locked(inputs: str, lock: str) -> None:
    asked = re.findall(r"^[A-Za-z][\w-]*", (TOP / "requirements" / inputs).read_text(), re.M)
    assert asked
    assert {name.lower() for name in asked} - pins(lock).keys() == set()


def fake_python(folder: Path, body: str) -> dict[str, str]:
    """A PATH on which `python3` is a script with this body and no other Python is found."""
    folder.mkdir()
    for program in PROGRAMS:
        for place in ("/usr/bin", "/bin"):
            if Path(place, program).exists() and not (folder / program).exists():
                (folder / program).symlink_to(Path(place, program))
    (folder / "python3").write_text(f"#!/bin/sh\n{body}\n")
    (folder / "python3").chmod(0o755)
    return {"PATH": str(folder)}


def checkout(folder: Path) -> Path:
    """The set-up scripts and a lock, in a folder of their own."""
    (folder / "setup").mkdir(parents=True)
    for script in (TOP / "setup").iterdir():
        (folder / "setup" / script.name).write_bytes(script.read_bytes())
        (folder / "setup" / script.name).chmod(0o755)
    (folder / "some.lock").write_text("# nothing\n")
    return folder


def test_without_a_python_that_fits_the_set_up_says_what_to_install(tmp_path: Path) -> None:
    env = fake_python(tmp_path / "bin", '[ "$1" != --version ] || echo Python 3.9.2')
    done = run(checkout(tmp_path / "repo") / "setup/venv.sh", "some.lock", env=env)
    assert done.returncode == 1
    assert "python3 is Python 3.9.2" in done.stderr
    assert "apt install python3 python3-venv" in done.stderr
    assert not (tmp_path / "repo/.venv").exists()


def test_a_python_without_ensurepip_is_named_with_its_package(tmp_path: Path) -> None:
    version = (
        'case "$2" in *ensurepip*) exit 1;; *"%d.%d.%d"*) echo 3.12.4 "$0";; *) echo 3.12;; esac'
    )
    env = fake_python(tmp_path / "bin", version)
    done = run(checkout(tmp_path / "repo") / "setup/venv.sh", "some.lock", env=env)
    assert done.returncode == 1
    assert "apt install python3.12-venv" in done.stderr


def test_without_apt_the_tools_are_optional_and_say_how_to_get_them(tmp_path: Path) -> None:
    env = fake_python(tmp_path / "bin", "exit 1") | {"TOOLS_IGNORE_SYSTEM": "1"}
    repo = checkout(tmp_path / "repo")
    done = run(repo / "setup/tools.sh", env=env)
    assert done.returncode == 0
    assert "no pgbouncer (no apt-get here)" in done.stdout
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


def test_a_skipped_suite_is_one_visible_line(tmp_path: Path) -> None:
    done = run_suites(tmp_path)
    assert done.returncode == 0
    assert "SKIPPED SUITE second_kernel: SECOND_KERNEL is not set; set it to" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout.splitlines()[-1]


def test_a_required_suite_that_is_skipped_fails(tmp_path: Path) -> None:
    done = run_suites(tmp_path, REQUIRE_SUITES="second_kernel")
    assert done.returncode == 1
    assert "FAILED: suite second_kernel is required" in done.stdout


def test_a_required_suite_that_runs_passes(tmp_path: Path) -> None:
    done = run_suites(tmp_path, REQUIRE_SUITES="second_kernel", SECOND_KERNEL="true")
    assert done.returncode == 0
    assert "2 passed" in done.stdout


def test_a_required_suite_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    done = run_suites(tmp_path, REQUIRE_SUITES="second_kernal")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no suite ['second_kernal']" in done.stderr
