"""What a file system refuses, on file systems that do."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.backends.fake import FakeBackend
from rig.disk.refusals import LEAST_BYTES, is_full, refusal, takes_files, writing
from rig.evidence.verify import verify
from rig.model import SCHEMA, ExitCode, StorageError, Verdict
from rig.plan import Trial
from rig.record import Record
from rig.store.creation import new_session
from rig.store.session_folder import SessionFolder, sessions
from tests.disks import Disk, disk
from tests.shares import every
from tests.unit.test_session import ALL, Told, walk

SIZES_KIB = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 448, 512)
ENOUGH_KIB = 16 << 10


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "results cannot be written: no space left on device\n  make room"),
        (errno.EROFS, "results cannot be written: read-only file system\n  choose another folder"),
        (errno.EACCES, "results cannot be used: permission denied\n  let this user read and"),
        (errno.ENAMETOOLONG, "results cannot be used: file name too long\n  choose shorter names"),
        (errno.ENOTDIR, "results cannot be used: not a directory\n  move the file that stands"),
    ],
)
def test_a_refusal_says_what_where_and_what_to_do(number: int, said: str) -> None:
    told = refusal(OSError(number, os.strerror(number)), "results")
    assert told is not None
    assert str(told).startswith(said)
    assert told.exit_code is ExitCode.STORAGE


def test_an_error_s_own_file_is_the_one_that_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone") as caught:
        (tmp_path / "gone" / "file").write_text("")
    told = refusal(caught.value, "results")
    assert told is not None
    assert told.what == f"{tmp_path}/gone/file cannot be used: no such file or directory"


def test_what_no_file_system_says_is_no_refusal() -> None:
    assert refusal(ConnectionRefusedError(errno.ECONNREFUSED, "refused")) is None
    assert refusal(OSError("encoder error")) is None


def test_a_file_that_is_only_on_the_way_is_not_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught, writing(Path("derived")):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), ".derived-x")
    assert is_full(caught.value)
    assert caught.value.filename == "derived"


# before a session begins


def test_a_folder_that_can_be_made_is_fine_and_is_not_made(tmp_path: Path) -> None:
    takes_files(tmp_path / "results" / "small")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["", "small", "small/more"])
def test_a_file_in_its_place_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "results").touch()
    with pytest.raises(NotADirectoryError) as caught:
        takes_files(tmp_path / "results" / below)
    assert caught.value.filename == str(tmp_path / "results")


@pytest.mark.parametrize("name", ["n" * 256, "there/" + "n" * 256, "n/" * 2100])
def test_names_that_are_too_long_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match="File name too long"):
        takes_files(tmp_path / name)


def test_a_disk_with_little_room_is_refused(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", (LEAST_BYTES >> 10) + 64) as small:
        takes_files(small.path)
        small.resize((LEAST_BYTES >> 10) - 64)
        with pytest.raises(StorageError, match=r"it has room for 40.. KiB, and a session takes"):
            takes_files(small.path / "results")
        small.fill()
        with pytest.raises((StorageError, OSError)):
            takes_files(small.path / "results")


def test_a_disk_with_few_files_is_refused(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", ENOUGH_KIB) as small:
        small.limit_files(20)
        with pytest.raises(StorageError, match=r"it has room for 1. more files"):
            takes_files(small.path)


# meanwhile


def begun(out: Path) -> SessionFolder:
    with new_session(
        out / "small", None, lambda name: {"session": name, "schema": SCHEMA}, ""
    ) as folder:
        return folder


def refused(error: OSError | StorageError) -> bool:
    """Whether that is what a full disk says, with its advice."""
    told = refusal(error) if isinstance(error, OSError) else error
    return told is not None and told.do == "make room" and "no space left" in told.what


def ends_full(folder: SessionFolder, told: Told) -> bool:
    """Whether a session ends because its disk takes no more."""
    try:
        walk(folder, FakeBackend(), told)
    except (OSError, StorageError) as error:
        return refused(error)
    return False


def assert_goes_on(folder: SessionFolder, first: Told) -> None:
    """All trials are there in the end, and none that was told of runs again."""
    second = Told()
    walk(folder, FakeBackend(), second)
    assert not set(first.ended_trials) & set(second.ended_trials)
    assert [row["trial"] for row in folder.scheduled()] == ALL
    for name in ALL:
        assert [record.verdict for record in folder.records(name)] == [Verdict.VALID]
    assert list(verify(folder)) == []
    assert not list(folder.path.rglob("*.part"))


@pytest.mark.parametrize("kib", every(8, SIZES_KIB))
def test_a_session_on_a_disk_of_any_size_goes_on_where_it_ended(tmp_path: Path, kib: int) -> None:
    told = Told()
    with disk(tmp_path / "disk", kib) as small:
        folder = None
        try:
            folder = begun(small.path)
        except OSError as error:
            full = refused(error)
        if folder is None:
            assert full
            assert sessions(small.path) == []
            small.resize(ENOUGH_KIB)
            folder = begun(small.path)
            assert list(folder.path.parent.iterdir()) == [folder.path]
        assert ends_full(folder, told) is (small.free_kib() < 64)
        small.resize(ENOUGH_KIB)
        assert_goes_on(folder, told)


@dataclass
class Filling(Told):
    """A watch that lets the disk fill up in the trial after the second."""

    small: Disk | None = None
    more_kib: int = 0

    def began(self, trial: Trial) -> None:
        if self.small and len(self.ended_trials) == 2:
            self.small.resize(self.small.used_kib() + self.more_kib)


@pytest.mark.parametrize("more_kib", every(8, range(0, 136, 8)))
def test_one_whose_disk_fills_up_in_a_trial_goes_on_later(tmp_path: Path, more_kib: int) -> None:
    with disk(tmp_path / "disk", ENOUGH_KIB) as small:
        folder = begun(small.path)
        told = Filling(small=small, more_kib=more_kib)
        assert ends_full(folder, told)
        assert len(told.ended_trials) >= 2
        small.resize(ENOUGH_KIB)
        assert_goes_on(folder, told)


def test_nothing_comes_again_of_a_session_that_was_removed(tmp_path: Path) -> None:
    @dataclass
    class Removing(Told):
        def ended(self, trial: Trial, record: Record) -> None:
            super().ended(trial, record)
            shutil.rmtree(folder.path)

    folder = begun(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        walk(folder, FakeBackend(), Removing())
    assert refusal(caught.value) is not None
    assert not folder.path.exists()
