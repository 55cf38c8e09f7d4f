"""Signals at any moment of a command, from its first line on: exit code 130, one line."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.runs import command, only_session
from tests.shares import every
from tests.signals import interrupted, started
from tests.warm import runner

SMALL = """\
experiment: small
vary: {route: [cpu], target: [sync, async], delay_ms: [0, 60]}
load: {users: {from: 2, per_s: 4, to: 60}, steady: 60s}
data: {posts: 1000, cpu_n: 1000}
"""
AFTER_S = (0.0, 0.002, 0.02, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an experiment and a session of it."""
    made = tmp_path_factory.mktemp("signals")
    (made / "small.yaml").write_text(SMALL)
    quick = SMALL.replace("to: 60}, steady: 60s", "to: 6}, steady: 3s")
    (made / "quick.yaml").write_text(quick)
    assert runner("quick.yaml", "--backend", "fake", cwd=made).code == 0
    return made


@pytest.mark.parametrize("after_s", every(4, AFTER_S))
def test_a_session_ends_with_130(folder: Path, tmp_path: Path, after_s: float) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    number = numbers[AFTER_S.index(after_s) % 3]
    out = str(tmp_path / "results")
    process = started(command("small.yaml", "--backend", "fake", "--out", out), folder)
    time.sleep(after_s)
    interrupted(process, number)
    assert not list(tmp_path.rglob(".begun-*"))
    if list(tmp_path.rglob("session.json")):
        session = only_session(tmp_path / "results")
        done = runner("resume", session.path, cwd=folder)
        assert done.code == 0, done.err


@pytest.mark.parametrize("after_s", every(3, AFTER_S[::2]))
def test_a_second_signal_at_once_ends_it_with_130(
    folder: Path, tmp_path: Path, after_s: float
) -> None:
    out = str(tmp_path / "results")
    process = started(command("small.yaml", "--backend", "fake", "--out", out), folder)
    time.sleep(after_s)
    interrupted(process, signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize(
    ("arguments", "after_s"),
    every(4, [
        (("show",), 0.3), (("show",), 0.6), (("analyse",), 0.8), (("analyse",), 1.4),
        (("report",), 1.2), (("verify",), 1.0), (("plan", "small.yaml"), 0.4), (("doctor",), 0.5),
        (("--help",), 0.3),
    ]),
)  # fmt: skip
def test_a_reading_command_ends_with_130_and_leaves_nothing(
    folder: Path, arguments: tuple[str, ...], after_s: float
) -> None:
    session = only_session(folder / "results").path
    process = started(command(*arguments), folder)
    time.sleep(after_s)
    interrupted(process, signal.SIGINT)
    assert {path.name for path in session.iterdir()} >= {"session.json", "trials", "derived"}
    assert not list(session.glob(".derived-*"))
