"""One session at a time on a machine."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rig.cli import lock
from rig.model import UsageError


@pytest.fixture(autouse=True)
def own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Not the machine's: a session may be running on it."""
    path = tmp_path / "rig.lock"
    monkeypatch.setattr(lock, "LOCK", path)
    return path


def test_a_second_session_is_refused_naming_the_first() -> None:
    with (
        lock.alone("results/small/one"),
        pytest.raises(UsageError, match="session results/small/one is running"),
        lock.alone("two"),
    ):
        pass


def test_the_holder_can_name_itself_later() -> None:
    with lock.alone("(starting)"):
        lock.name("a")
        with pytest.raises(UsageError, match="session a is running"), lock.alone("two"):
            pass


def test_the_one_refused_does_not_rename_the_holder() -> None:
    with lock.alone("one"):
        for _ in range(2):
            with pytest.raises(UsageError, match="session one is running"), lock.alone("two"):
                pass


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_the_next_session_may_run_however_the_first_ended(
    error: type[BaseException] | None,
) -> None:
    if error:
        with pytest.raises(error), lock.alone("one"):
            raise error
    else:
        with lock.alone("one"):
            pass
    with lock.alone("two"):
        pass


def test_every_user_of_the_machine_can_take_it(own_lock: Path) -> None:
    with lock.alone("one"):
        assert stat.S_IMODE(own_lock.stat().st_mode) == 0o666


def test_who_holds_nothing_names_nothing(own_lock: Path) -> None:
    lock.name("one")
    assert not own_lock.exists()
