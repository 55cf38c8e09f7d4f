"""Commands beside a session that runs, and runs at the same time: the real ones, fake backend."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runs import Session, command, only_session, read_json, sessions
from tests.warm import runner

SMALL = """\
experiment: small
vary: {route: [cpu, io_create], target: [sync, async], delay_ms: [0, 60]}
load: {users: {from: 2, per_s: 4, to: 6}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
"""
# each trial takes the simulation a noticeable while
SLOW = SMALL.replace("to: 6}, steady: 3s", "to: 60}, steady: 60s")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "slow.yaml").write_text(SLOW)
    return tmp_path


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments, "--backend", "fake"), cwd=folder, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@contextmanager
def stopped(folder: Path, *arguments: str) -> Iterator[tuple[Session, subprocess.Popen[str]]]:
    """A session of slow.yaml that stands still after its first trial; it goes on afterwards."""
    process = start(folder, "slow.yaml", *arguments)
    try:
        give_up_s = time.monotonic() + 60
        while not any(session.names("ended") for session in sessions(folder / "results")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < give_up_s
            time.sleep(0.005)
        process.send_signal(signal.SIGSTOP)
        yield only_session(folder / "results"), process
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
    finally:
        process.kill()
        process.communicate()


@pytest.mark.campaign
def test_runs_that_begin_in_the_same_second_have_a_session_each(small: Path) -> None:
    arguments = ("small.yaml", "--no-calibrate", "--only", "route=cpu,delay_ms=0")
    several = [start(small, *arguments) for _ in range(4)]
    for process in several:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, ""), out
    found = sessions(small / "results")
    assert len(found) == 4
    assert [len(session.names("ended")) for session in found] == [2] * 4
    assert {path.name for path in (small / "results" / "small").iterdir()} == {
        session.path.name for session in found
    }


@pytest.mark.campaign
def test_a_session_that_runs_is_not_resumed_and_can_be_read(small: Path) -> None:
    with stopped(small, "--only", "route=io_create") as (session, _):
        done = runner("resume", cwd=small)
        assert (done.code, done.out) == (2, "")
        first, _ = done.err.splitlines()
        assert first == f"error: session {session.path.relative_to(small)} is running"
        for reading in ("show", "report", "verify"):
            assert runner(reading, cwd=small).code == 0, reading
    assert set(Counter(session.names("began")).values()) == {1}
    assert len(session.names("ended")) == 4
    assert runner("resume", cwd=small).code == 0


@pytest.mark.campaign
def test_resume_measures_no_calibration_where_the_run_did_not(small: Path) -> None:
    done = runner("small.yaml", "--backend", "fake", "--no-calibrate", cwd=small)
    assert done.code == 0
    session = only_session(small / "results")
    assert read_json(session.path / "session.json")["calibrate"] is False
    (session.path / "calibration.json").unlink()  # as if it had been killed before
    for attempt in session.attempts():
        (attempt.path / "manifest.json").unlink()
    done = runner("resume", cwd=small)
    assert (done.code, done.err) == (0, "")
    assert "calibrating" not in done.out
    assert read_json(session.path / "calibration.json")["null_rps"] is None
    assert not (session.path / "calibration").exists()


@pytest.mark.campaign
def test_resume_takes_no_older_session_for_a_run_that_was_killed_before_it_had_one(
    small: Path,
) -> None:
    assert runner("small.yaml", "--backend", "fake", cwd=small).code == 0
    session = only_session(small / "results")
    (session.path.parent / ".begun-99990101-000000-x").mkdir()
    done = runner("resume", cwd=small)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        f"error: the run after session {session.path.name} was killed before it had a session "
        "to resume",
        f"  run it again; or resume the one before it: python runner.py resume {session.path.name}",
    ]
    named = runner("resume", session.path, cwd=small)
    assert named.out.splitlines()[0] == f"session {session.path}"
