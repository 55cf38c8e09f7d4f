"""What sessions in containers leave behind when they are interrupted or killed: nothing of ours,
and everything that is not.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.backends.docker.engine import LABEL
from tests.integration.compose.containers import call, docker, holds, under_way
from tests.runs import Session, only_session, runner
from tests.shares import by_chance

pytestmark = [pytest.mark.campaign, pytest.mark.compose]

ENDS_WITHIN_S = 20.0
ONE_TRIAL = """\
experiment: one
vary: {route: [io_create], target: [async], delay_ms: [60]}
load: {users: {from: 4, per_s: 4, to: 8}, steady: 4s, load_workers: 1}
data: {posts: 1000, cpu_n: 1000}
"""
IMAGE = "async-django-rig/postgres"


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A folder with an experiment of one trial."""
    (tmp_path / "one.yaml").write_text(ONE_TRIAL)
    return tmp_path


def assert_unfinished(session: Session) -> None:
    (attempt,) = session.attempts()
    assert not (attempt.path / "manifest.json").exists()


def assert_resumes(session: Session, folder: Path) -> None:
    done = runner("resume", session.path, cwd=folder)
    # a busy machine may make the trial invalid, or need another try; finished it is all the same
    assert done.code in (0, 4), done.out + done.err
    first, *_, last = session.attempts()
    assert not (first.path / "manifest.json").exists()
    assert last.manifest["backend"] == "compose"
    assert last.manifest["load"]["outcomes"]["ok"] > 0


@pytest.mark.parametrize("number", by_chance([signal.SIGINT, signal.SIGTERM]))
def test_a_signal_under_load_leaves_nothing(one: Path, number: signal.Signals) -> None:
    before = holds()
    with under_way("one.yaml", "--backend", "compose", "--yes", "--no-calibrate", cwd=one) as ours:
        ours.reaches_load()
        ours.interrupt(number)
        done = ours.ends(ENDS_WITHIN_S)
    assert (done.code, done.err.strip()) == (130, "interrupted; python runner.py resume goes on")
    assert holds().left_since(before) == {}
    session = only_session(one / "results")
    assert_unfinished(session)
    (attempt,) = session.attempts()
    assert (attempt.path / "logs" / "app.log").exists()
    if number is signal.SIGINT:
        assert_resumes(session, one)


@pytest.mark.parametrize("pause_s", by_chance([0.0, 0.4]))
def test_two_signals_in_quick_succession_leave_nothing(one: Path, pause_s: float) -> None:
    before = holds()
    with under_way("one.yaml", "--backend", "compose", "--yes", "--no-calibrate", cwd=one) as ours:
        ours.reaches_load()
        ours.interrupt(signal.SIGINT)
        time.sleep(pause_s)
        ours.interrupt(signal.SIGTERM)
        done = ours.ends(ENDS_WITHIN_S)
    assert done.code == 130, done.err
    assert holds().left_since(before) == {}
    assert_unfinished(only_session(one / "results"))


@pytest.mark.parametrize("wait", by_chance(["folder", "containers"]))
def test_ctrl_c_before_the_load_leaves_nothing(one: Path, wait: str) -> None:
    before = holds()
    with under_way("one.yaml", "--backend", "compose", "--yes", cwd=one) as ours:
        ours.comes_to(wait)
        ours.interrupt(signal.SIGINT)
        done = ours.ends(ENDS_WITHIN_S)
    assert done.code == 130, done.err
    assert holds().left_since(before) == {}


@pytest.fixture
def not_ours() -> Iterator[set[str]]:
    """A container, a network and a volume of somebody else's, and the like started by hand."""
    made: set[str] = set()
    try:
        for name, label in (("keep-theirs", "org.other=1"), ("keep-hand", f"{LABEL}=by-hand")):
            made.add(name)
            docker("network", "create", "--label", label, name)
            docker("volume", "create", "--label", label, name)
            docker(
                *("run", "--detach", "--name", name, "--network", name, "--label", label),
                *("--volume", f"{name}:/kept", "--entrypoint", "sleep", IMAGE, "600"),
            )
        # from one of our images, without a word of who it belongs to
        made.add("keep-image")
        docker("run", "--detach", "--name", "keep-image", "--entrypoint", "sleep", IMAGE, "600")
        yield made
    finally:
        for name in made:
            call("docker", "rm", "--force", "--volumes", name)
            call("docker", "network", "rm", name)
            call("docker", "volume", "rm", name)


def test_clean_removes_what_a_killed_session_left_and_nothing_else(
    one: Path, not_ours: set[str]
) -> None:
    before = holds()
    assert before.containers >= not_ours
    with under_way("one.yaml", "--backend", "compose", "--yes", "--no-calibrate", cwd=one) as ours:
        ours.reaches_load()
        ours.interrupt(signal.SIGKILL)
        ours.ends()
    left = holds().left_since(before)
    assert set(left) == {"containers", "networks", "folders"}
    assert len(left["containers"]) == 4
    cleaned = runner("clean", cwd=one)
    assert (cleaned.code, cleaned.err) == (0, "")
    for name in set().union(*left.values()):
        assert name in cleaned.out
    assert holds() == before
    running = docker("ps", "--format", "{{.Names}}").split()
    assert set(running) >= not_ours
    assert runner("clean", cwd=one).out == "nothing was left behind\n"
    assert_unfinished(only_session(one / "results"))
