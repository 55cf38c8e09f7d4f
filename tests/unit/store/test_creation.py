"""How a session's folder comes to be."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rig.model import SCHEMA, UsageError
from rig.store.creation import killed_since, new_session
from rig.store.session_folder import SessionFolder, find_session, sessions
from tests.runs import ROOT

YAML = "experiment: small\n"
KILLED = """\
import os, signal, sys
from pathlib import Path
from rig.store.creation import new_session

with new_session(Path(sys.argv[1]), None, lambda _: os.kill(os.getpid(), signal.SIGKILL), ""):
    pass
"""


def facts(name: str) -> dict[str, Any]:
    return {"schema": SCHEMA, "session": name}


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    return tmp_path / "small"


def begun(experiment: Path, profile: str | None = None) -> SessionFolder:
    with new_session(experiment, profile, facts, YAML) as folder:
        return folder


def killed_at_its_begin(experiment: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, experiment], cwd=ROOT, timeout=60)
    assert done.returncode == -9


def test_it_appears_with_what_is_known_and_is_held(experiment: Path) -> None:
    with new_session(experiment, "quick", facts, YAML) as folder:
        assert re.fullmatch(r"\d{8}-\d{6}-quick", folder.name)
        assert folder.session() == facts(folder.name)
        assert [event["event"] for event in folder.journal.events()] == ["opened"]
        with pytest.raises(UsageError, match="is running"), folder.hold():
            pass
        assert list(experiment.iterdir()) == [folder.path]
    with folder.hold():
        pass


def test_many_that_begin_at_once_have_a_folder_each(experiment: Path) -> None:
    together = threading.Barrier(12)
    made: list[SessionFolder] = []

    def begin() -> None:
        together.wait()
        made.append(begun(experiment))

    threads = [threading.Thread(target=begin) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({folder.name for folder in made}) == 12
    assert {folder.session()["session"] for folder in made} == {folder.name for folder in made}
    assert {folder.path for folder in made} == set(experiment.iterdir())


def test_one_that_is_killed_leaves_no_session_and_the_next_run_removes_the_rest(
    experiment: Path,
) -> None:
    killed_at_its_begin(experiment)
    assert sessions(experiment.parent) == []
    assert len(list(experiment.iterdir())) == 1
    folder = begun(experiment)
    assert list(experiment.iterdir()) == [folder.path]


def test_a_folder_of_another_run_that_begins_is_left_alone(experiment: Path) -> None:
    killed_at_its_begin(experiment)
    (other,) = experiment.iterdir()
    descriptor = os.open(other, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    folder = begun(experiment)
    os.close(descriptor)
    assert set(experiment.iterdir()) == {folder.path, other}


def test_that_a_later_run_was_killed_is_known(experiment: Path) -> None:
    out = experiment.parent
    earlier = SessionFolder(experiment / "20240101-000000")
    earlier.begin({}, "")
    assert not killed_since(earlier)
    killed_at_its_begin(experiment)
    assert find_session(out, None) == earlier
    assert killed_since(earlier)
    assert not killed_since(begun(experiment))


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_one_that_cannot_begin_leaves_nothing(experiment: Path, error: type[BaseException]) -> None:
    def refused(name: str) -> dict[str, Any]:
        raise error

    failing: Callable[[], Any] = new_session(experiment, None, refused, YAML).__enter__
    with suppress(error):
        failing()
    assert list(experiment.iterdir()) == []


def test_a_session_whose_run_was_killed_once_it_had_its_name_is_the_newest(
    experiment: Path,
) -> None:
    session = begun(experiment)
    hidden = experiment / f".begun-{session.name}-abc"
    hidden.mkdir()
    assert not killed_since(session)
    (hidden / session.name).mkdir()  # of another run that began at once
    assert killed_since(session)


def test_a_run_killed_in_the_second_of_an_older_session_is_known(
    experiment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "strftime", lambda _: "20240101-000000")
    names: list[str] = []

    def interrupted(name: str) -> dict[str, Any]:
        names.extend(path.name for path in experiment.parent.glob("*/.begun-*"))
        raise KeyboardInterrupt

    session = begun(experiment)
    for folder in (experiment, experiment.parent / "another"):
        # what a run has there before anything else, and leaves where it is killed
        with suppress(KeyboardInterrupt), new_session(folder, None, interrupted, YAML):
            pass
        hidden = folder / names.pop()
        hidden.mkdir()
        assert killed_since(session)
        hidden.rmdir()
    assert not killed_since(session)
