"""What a project's files say of its Python."""

from __future__ import annotations

import tomllib

import pytest

from rig.backends.environment.pins import (
    frozen,
    included,
    of_pipfile,
    of_poetry,
    python_requests,
    specifier,
)

POETRY = """
[[package]]
name = "Django"
version = "4.2.1"
files = [{file = "django.whl", hash = "sha256:aa"}, {file = "django.tar.gz", hash = "sha256:bb"}]

[package.dependencies]
asgiref = ">=3.6.0,<4"
tzdata = {version = "*", markers = "sys_platform == \\"win32\\""}
argon2-cffi = {version = ">=19", optional = true, markers = "extra == \\"argon2\\""}

[[package]]
name = "asgiref"
version = "3.7.0"

[[package]]
name = "tzdata"
version = "2023.3"

[[package]]
name = "argon2-cffi"
version = "21.3.0"

[[package]]
name = "own-lib"
version = "1"
[package.source]
type = "git"
url = "https://example.org/own.git"
reference = "main"
resolved_reference = "abc"

[[package]]
name = "pytest"
version = "7.0"
"""


def test_a_poetry_lock_gives_the_main_group_with_its_hashes_and_markers() -> None:
    pyproject = {
        "tool": {"poetry": {"dependencies": {"python": "^3.10", "django": "^4.2", "Own_Lib": {}}}}
    }
    assert of_poetry(tomllib.loads(POETRY), pyproject) == [
        "argon2-cffi==21.3.0",
        "asgiref==3.7.0",
        "Django==4.2.1 --hash=sha256:aa --hash=sha256:bb",
        "own-lib @ git+https://example.org/own.git@abc",
        'tzdata==2023.3 ; (sys_platform == "win32")',
    ]


def test_a_poetry_lock_beside_a_standard_pyproject() -> None:
    pyproject = {
        "project": {"dependencies": ["asgiref (>=3.6)", "tzdata>=2023; python_version>'3'"]}
    }
    lines = of_poetry(tomllib.loads(POETRY), pyproject)
    assert lines == ["asgiref==3.7.0", "tzdata==2023.3"]


def test_a_pipfile_lock_gives_its_default_packages() -> None:
    lock = {
        "default": {
            "django": {
                "version": "==4.2",
                "hashes": ["sha256:aa"],
                "markers": "python_version>='3.8'",
            },
            "own": {"git": "https://example.org/own.git", "ref": "abc"},
            "psycopg": {"version": "==3.1", "extras": ["binary"]},
        },
        "develop": {"pytest": {"version": "==7.0"}},
    }
    assert of_pipfile(lock) == [
        "django==4.2 ; python_version>='3.8' --hash=sha256:aa",
        "own @ git+https://example.org/own.git@abc",
        "psycopg[binary]==3.1",
    ]


@pytest.mark.parametrize("lock", [{}, {"default": []}, {"package": {}}])
def test_what_is_no_lock_is_refused(lock: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="packages"):
        of_pipfile(lock)
    with pytest.raises(ValueError, match="packages"):
        of_poetry(lock, {})


@pytest.mark.parametrize(
    ("constraint", "wanted"),
    [
        ("^3.10", ">=3.10,<4"),
        ("^3", ">=3.0,<4"),
        ("~3.11.2", ">=3.11,<3.12"),
        (">=3.9, <3.12", ">=3.9,<3.12"),
        ("3.11", "3.11"),
        ("*", ""),
        ("^3.8 || ^2.7", ""),
    ],
)
def test_a_python_is_asked_for_in_the_standard_s_words(constraint: str, wanted: str) -> None:
    assert specifier(constraint) == wanted


def test_which_python_is_asked_for_first() -> None:
    pyproject = {"project": {"requires-python": ">=3.10"}}
    assert python_requests(pyproject, "3.12.4\n", {}) == ("3.12.4", "3.12")
    assert python_requests(pyproject, "my-virtualenv", {}) == ("3.10", ">=3.10")
    assert python_requests({}, "", {"_meta": {"requires": {"python_version": "3.9"}}}) == ("3.9",)
    assert python_requests({}, "", {}) == ()


def test_versions_are_read_by_the_name_in_its_one_form() -> None:
    text = "Django==4.2\n-e file:///somewhere\nuvicorn_worker==0.3\nlib @ file:///x.whl\n"
    assert frozen(text) == {"django": "4.2", "uvicorn-worker": "0.3"}


def test_files_that_a_requirements_file_names() -> None:
    text = "-r base.txt\n--constraint=pins.txt\ndjango\n# -r not.txt\n"
    assert included(text) == ["base.txt", "pins.txt"]
