"""One session at a time on a machine, whoever starts it and whatever strangers have put there."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.backends import processes
from rig.cli import lock
from rig.model import UsageError

STRANGER = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

HOLD = """
import fcntl, os, sys
fcntl.flock(int(sys.argv[1]), fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Not the machine's: a session may be running on it."""
    notes = tmp_path / "notes"
    notes.mkdir()
    monkeypatch.setattr(lock, "MACHINE", tmp_path)
    monkeypatch.setattr(lock, "NOTES", notes)
    monkeypatch.delenv(lock.HANDED_ON, raising=False)
    return notes


@contextlib.contextmanager
def held_by(uid: int, folder: Path, script: str = HOLD) -> Iterator[int]:
    """Another process of that user holds the lock; its number."""
    way = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    command = [*(way if uid != os.geteuid() else []), "/usr/bin/python3", "-c", script]
    # inherited, since a stranger has no way into the tests' own folders
    place = os.open(folder, os.O_RDONLY)
    try:
        holder = subprocess.Popen(
            [*command, str(place)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[place],
        )  # fmt: skip
    finally:
        os.close(place)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield holder.pid


def refusal() -> str:
    with pytest.raises(UsageError) as caught, lock.alone("two"):
        pass
    return str(caught.value)


def test_a_second_session_is_refused_naming_the_first() -> None:
    with lock.alone("results/small/one"):
        assert "session results/small/one is running on this machine" in refusal()


def test_the_one_refused_is_told_the_process_to_end() -> None:
    with lock.alone("one"):
        said = refusal()
    assert f"as process {os.getpid()} of " in said
    assert f"kill -INT {os.getpid()}" in said


def test_the_holder_can_name_itself_later() -> None:
    with lock.alone("(starting)"):
        lock.name("a")
        assert "session a is running" in refusal()


def test_the_one_refused_does_not_rename_the_holder() -> None:
    with lock.alone("one"):
        for _ in range(2):
            assert "session one is running" in refusal()


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_the_next_session_may_run_however_the_first_ended(
    error: type[BaseException] | None, own_lock: Path
) -> None:
    with contextlib.suppress(KeyboardInterrupt), lock.alone("one"):
        if error:
            raise error
    assert list(own_lock.iterdir()) == []
    with lock.alone("two"):
        pass


def test_who_holds_nothing_names_nothing(own_lock: Path) -> None:
    lock.name("one")
    assert list(own_lock.iterdir()) == []


def test_what_is_started_with_the_lock_keeps_it_when_the_first_holder_is_gone(
    tmp_path: Path,
) -> None:
    waits = "print('ready', flush=True); import sys; sys.stdin.read()"
    with lock.alone("one") as held:
        inner = subprocess.Popen(
            [sys.executable, "-c", waits],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[held],
        )  # fmt: skip
        assert inner.stdout is not None
        inner.stdout.readline()
    with inner:
        assert "is running on this machine" in refusal()
    with lock.alone("two"):
        pass


def test_a_runner_inside_shares_in_the_lock_of_the_one_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = (
        "from pathlib import Path; from rig.cli import lock; import sys\n"
        "lock.MACHINE, lock.NOTES = Path(sys.argv[1]), Path(sys.argv[1]) / 'notes'\n"
        "with lock.alone('inside'): pass"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with lock.alone("outside") as held:
        assert processes.relay(command, dict(os.environ)) != 0
        environment = {**os.environ, lock.HANDED_ON: str(held)}
        assert processes.relay(command, environment, [held]) == 0
        assert "is running on this machine" in refusal()


@pytest.mark.parametrize("told", ["x", "0", "-1", "999", "9" * 30])
def test_a_descriptor_that_is_none_of_the_lock_is_not_taken_for_it(
    told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(lock.HANDED_ON, told)
    with lock.alone("one"):
        assert "session one is running" in refusal()


@as_root
def test_sessions_of_different_users_exclude_each_other(tmp_path: Path) -> None:
    with held_by(STRANGER, tmp_path) as pid:
        said = refusal()
    assert f"as process {pid} of nobody" in said
    assert f"kill -INT {pid}" in said


@as_root
def test_a_note_of_somebody_else_is_not_believed(tmp_path: Path, own_lock: Path) -> None:
    note = own_lock / f"async-django-rig-{STRANGER}.session"
    note.write_text("made up by root for nobody")
    with held_by(STRANGER, tmp_path):
        assert "made up" not in refusal()
        os.chown(note, STRANGER, STRANGER)
        assert "session made up by root for nobody is running" in refusal()


def test_what_a_note_says_cannot_steer_the_terminal() -> None:
    with lock.alone("one\x1b]0;owned\x07\u202e\nerror: all is lost"):
        said = refusal()
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\\x1b]0;owned\\x07\\u202e error: all is lost is running" in said
    assert len(said.splitlines()) == 2


def test_a_commands_name_cannot_steer_the_terminal(tmp_path: Path) -> None:
    with held_by(os.geteuid(), tmp_path, HOLD + "# \x1b[2J"):
        said = refusal()
    assert "\x1b" not in said
    assert len(said) < 2500


def test_a_holder_whose_process_has_ended_is_still_told_how_to_be_found(tmp_path: Path) -> None:
    hidden = HOLD.replace("print(", "if os.fork(): os._exit(0)\nprint(")
    with held_by(os.geteuid(), tmp_path, hidden):
        said = refusal()
    assert "another session is running on this machine" in said
    assert "grep -l FLOCK" in said


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "unreadable", "huge"])
def test_whatever_stands_in_the_notes_place_is_neither_followed_nor_waited_for(
    kind: str, own_lock: Path, tmp_path: Path
) -> None:
    note, precious = own_lock / f"async-django-rig-{os.geteuid()}.session", tmp_path / "precious"
    precious.write_text("precious")
    with lock.alone("one"):
        note.unlink()
        if kind == "link":
            note.symlink_to(precious)
        elif kind == "fifo":
            os.mkfifo(note)
        elif kind == "folder":
            note.mkdir()
        else:
            note.write_bytes(b"x" * (10 << 20 if kind == "huge" else 1))
            note.chmod(0 if kind == "unreadable" else 0o644)
        said = refusal()
        assert f"as process {os.getpid()} of" in said
        assert "precious is" not in said
        lock.name("two")
        if kind != "folder":
            assert "session two is running" in refusal()
    assert precious.read_text() == "precious"
