"""What killed runs leave in a results folder, and what of it may be removed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.disk import files
from rig.store import leftovers
from rig.store.session_folder import SessionFolder

STRANGER = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's files")


@contextlib.contextmanager
def another(script: str, *arguments: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has come as far as `ready()`."""
    start = "import sys; from pathlib import Path; from rig.disk import files\n"
    start += "from rig.store.session_folder import SessionFolder\n"
    start += "def ready(): print(flush=True); sys.stdin.read()\n"
    with subprocess.Popen(
        [sys.executable, "-c", start + script, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        yield process


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A session with one finished attempt and one that was killed."""
    path = tmp_path / "results" / "small" / "20260101-000000"
    for attempt in (1, 2):
        (path / "trials" / "0001-a" / f"attempt-{attempt}" / "load").mkdir(parents=True)
    (path / "session.json").write_text("{}")
    finished = path / "trials" / "0001-a" / "attempt-1"
    (finished / "manifest.json").write_text("{}")
    (finished / "load" / "raw.part").write_text("counts, since the manifest names it")
    return path


def leave(session: Path) -> list[Path]:
    """What kills at several moments leave in a session."""
    killed = session / "trials" / "0001-a" / "attempt-2"
    parts = [session, session / "trials" / "0001-a", killed, killed / "load"]
    found = [folder / "x.json.part" for folder in parts]
    for path in found:
        path.write_text("{")
    (session / ".derived-abc" / "new").mkdir(parents=True)
    return [session / ".derived-abc", *found]


def tree(path: Path) -> set[str]:
    return {str(one.relative_to(path)) for one in path.rglob("*")}


def test_what_killed_runs_left_is_removed_and_nothing_else(session: Path, tmp_path: Path) -> None:
    before = tree(tmp_path)
    left = leave(session)
    (session.parent / ".begun-20260101-000001-x").mkdir()
    removed = leftovers.remove(tmp_path / "results")
    assert set(removed) == {*left, session.parent / ".begun-20260101-000001-x"}
    assert tree(tmp_path) - {"results/small/20260101-000000/lock"} == before
    assert leftovers.remove(tmp_path / "results") == []


def test_a_running_sessions_files_are_left_alone(session: Path, tmp_path: Path) -> None:
    left = leave(session)
    script = "with SessionFolder(Path(sys.argv[1])).hold(): ready()"
    with another(script, session):
        assert leftovers.remove(tmp_path / "results") == []
    assert set(leftovers.remove(tmp_path / "results")) == set(left)


def test_a_folder_that_another_process_fills_is_left_alone(session: Path, tmp_path: Path) -> None:
    script = "with files.scratch(files.DERIVED_SCRATCH, Path(sys.argv[1])) as made: ready()"
    with another(script, session):
        (made,) = session.glob(".derived-*")
        assert leftovers.remove(tmp_path / "results") == []
        with SessionFolder(session).hold():
            assert leftovers.remove_from(session) == []
        assert made.is_dir()
    assert list(session.glob(".derived-*")) == []


def test_what_a_killed_process_filled_is_removed(session: Path, tmp_path: Path) -> None:
    script = "with files.scratch(files.DERIVED_SCRATCH, Path(sys.argv[1])) as made: ready()"
    with another(script, session) as process:
        (made,) = session.glob(".derived-*")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert leftovers.remove(tmp_path / "results") == [made]


def test_a_folder_that_is_no_results_folder_keeps_everything(tmp_path: Path) -> None:
    for name in ("a/b/notes.part", "a/.derived-x/y", "b.part", "a/b/c/session.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    before = tree(tmp_path)
    assert leftovers.remove(tmp_path) == []
    assert leftovers.remove(tmp_path / "nowhere") == []
    assert tree(tmp_path) == before


@as_root
def test_a_session_of_another_user_is_left_alone(session: Path, tmp_path: Path) -> None:
    leave(session)
    os.chown(session, STRANGER, STRANGER)
    assert leftovers.remove(tmp_path / "results") == []


def test_links_lead_to_nothing_that_is_removed(session: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "a.part").touch()
    (session / "trials" / "0002-b").symlink_to(tmp_path / "precious")
    (session / ".derived-x").symlink_to(tmp_path / "precious")
    (session / "b.part").symlink_to(tmp_path / "precious" / "a.part")
    leftovers.remove(tmp_path / "results")
    assert (tmp_path / "precious" / "a.part").exists()


@as_root
def test_scratch_of_another_user_is_roots_to_remove(tmp_path: Path) -> None:
    (tmp_path / "x-1").mkdir()
    os.chown(tmp_path / "x-1", STRANGER, STRANGER)
    assert files.remove_left_behind("x-", tmp_path) == [tmp_path / "x-1"]


def test_where_a_session_began_goes_with_its_own_litter_and_no_other(tmp_path: Path) -> None:
    session, other = tmp_path / "20240101-000000", tmp_path / ".begun-20240102-000000-x"
    for folder in (session, tmp_path / ".begun-20240101-000000-x", other):
        folder.mkdir()
    assert leftovers.remove_from(session) == [tmp_path / ".begun-20240101-000000-x"]
    assert other.exists()
