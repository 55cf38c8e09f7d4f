"""Every command over sessions, files and arguments that say hostile things.

Nothing of it reaches the terminal but signs that show.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.cli import make_cli
from rig.model import ExitCode
from runner import ANALYSIS
from tests.hostile import steering
from tests.hostile_session import hostile_session
from tests.shares import every

URL = "http://127.0.0.1:9/"
NAME = os.fsdecode(b"s \x1b[2J\x9b31m\xff\r\xe2\x80\xae [b] [link=x] %s {0} #1")
YAML = r"""
experiment: small
setup: {target: sync, route: io_create}
vary: {delay_ms: [0]}
also:
  one:
    only: {delay_ms: [0]}
    set: {delay_ms: 100}
    because: "[/red] x [link=http://x] \u202e \ufeff \u200b [bold] :tada:"
claim:
  says: "[/] \u202e \u2066 \u2028"
  ratio: {of: goodput_rps, delay_ms: [100, 0]}
  at_least: 0.1
load: {users: {from: 2, per_s: 4, to: 6}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
"""

Run = Callable[..., tuple[int, str, str]]


pytestmark = pytest.mark.usefixtures("undrawn")
"""Nothing on a terminal comes of a figure."""


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with two hostile sessions."""
    out = tmp_path_factory.mktemp("hostile") / NAME
    first = hostile_session(out / NAME / f"1 {NAME}", URL)
    shutil.copytree(first, out / NAME / f"2 {NAME}")
    return out


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> Run:
    """run("show"): exit code, standard output and error; the working folder is a new one."""
    monkeypatch.chdir(tmp_path)

    def program(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["runner.py", *map(str, arguments)])
        code = make_cli(ANALYSIS)()
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return program


@pytest.mark.parametrize(
    "command", every(3, ["show", "report", "verify", "resume", "compare", "analyse"])
)
def test_what_reads_a_hostile_session_shows_it(run: Run, sessions: Path, command: str) -> None:
    names = sorted(path.name for path in (sessions / NAME).iterdir())
    code, out, err = run(command, *(names if command == "compare" else ()), "--out", sessions)
    assert code != ExitCode.BUG, err
    assert out + err
    assert steering(out + err) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        (NAME,), ("plan", NAME), ("show", NAME), ("show", "--out", NAME), ("resume", NAME),
        (f"--{NAME}",), ("--backend", NAME), ("--seed", NAME), ("--repeats", NAME),
        ("compare", NAME, NAME), ("compare", NAME), ("verify", NAME), ("show", "a", NAME),
        ("plan", "small.yaml", "--only", NAME), ("plan", "small.yaml", "--only", f"target={NAME}"),
        ("plan", "small.yaml", "--profile", NAME), ("show", f"-{NAME}"),
    ],
)  # fmt: skip
def test_arguments_are_shown_and_not_obeyed(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "small.yaml").write_text(YAML)
    code, out, err = run(*arguments)
    assert code in (ExitCode.USAGE, ExitCode.BAD_YAML), err
    assert out == ""
    assert steering(err) == set()


def test_a_plan_says_because_as_it_is_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(YAML)
    code, out, err = run("plan", NAME)
    assert (code, err) == (ExitCode.OK, "")
    assert steering(out) == set()
    assert r"([/red] x [link=http://x] \u202e \ufeff \u200b [bold] :tada:)" in out


def test_a_session_of_the_fake_backend_says_nothing_else(run: Run, tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(YAML)
    code, out, err = run(NAME, "--backend", "fake", "--out", NAME + "-out", "--yes")
    assert code == ExitCode.OK, err
    assert steering(out + err) == set()
    assert r"claimed: [/] \u202e \u2066" in out


@pytest.mark.parametrize(
    "text",
    [
        '"\\e[2J [/red]": 1', "experiment: \"\\u202e[/]\"", "x: &\u202ey 1", "x: !\u202ey 1",
        "x: [1, \u202e", "a: 1\n\u202ea: 2\n\u202ea: 3", "vary: {\"\\e[2J\": [1]}", "\x1b: 1",
        "x: \u0085\u009b2J", "? [1]\n: 2",
    ],
)  # fmt: skip
def test_problems_of_a_yaml_quote_it_harmlessly(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    code, out, err = run("plan", NAME)
    assert (code, out) == (ExitCode.BAD_YAML, "")
    assert steering(err) == set()


def test_a_bug_is_a_traceback_that_steers_nothing(
    run: Run, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> str:
        raise ValueError(NAME)

    monkeypatch.setattr("analysis.table", broken)
    code, out, err = run("show", "--out", sessions)
    assert (code, out) == (ExitCode.BUG, "")
    assert err.splitlines()[-1].startswith("ValueError: s \\x1b[2J")
    assert steering(err) == set()
