"""Only regular files of bounded size are read; nothing planted is followed or replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rig.disk import files
from rig.model import DamagedFile, printable


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for name in ("fifo", "endless", "."):
        with pytest.raises(DamagedFile, match="no regular file"):
            files.read_bytes(tmp_path / name)


def test_a_link_is_followed_only_where_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("1")
    (tmp_path / "link").symlink_to("real")
    assert files.read_text(tmp_path / "link") == "1"
    with pytest.raises(DamagedFile, match="is a link"):
        files.read_text(tmp_path / "link", follow=False)


def test_a_file_above_the_bound_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 11)
    assert len(files.read_bytes(tmp_path / "large", 11)) == 11
    with pytest.raises(DamagedFile, match="11 bytes"):
        files.read_bytes(tmp_path / "large", 10)


@pytest.mark.parametrize("text", ["", "{", "[NaN]", "[Infinity]", "[" * 100_000, "\x00"])
def test_json_that_is_none_names_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DamagedFile, match=r"a\.json"):
        files.read_json(tmp_path / "a.json")


def test_bytes_that_are_no_utf_8_name_their_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'"\xff"')
    with pytest.raises(DamagedFile, match=r"a\.json is no UTF-8"):
        files.read_json(tmp_path / "a.json")


def test_writing_does_not_follow_what_was_planted(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("kept")
    (tmp_path / "a.json.part").symlink_to(secret)
    (tmp_path / "a.json").symlink_to(secret)
    files.write_atomically(tmp_path / "a.json", "new")
    assert (tmp_path / "a.json").read_text() == "new"
    assert not (tmp_path / "a.json").is_symlink()
    assert secret.read_text() == "kept"


def test_a_copy_is_of_a_regular_file_and_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    files.copy_regular(tmp_path / "one", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "1"
    with pytest.raises(FileExistsError):
        files.copy_regular(tmp_path / "one", tmp_path / "copy")
    (tmp_path / "link").symlink_to("one")
    with pytest.raises(DamagedFile):
        files.copy_regular(tmp_path / "link", tmp_path / "other")


def test_only_regular_files_are_listed(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    assert list(files.regular_files(tmp_path)) == [tmp_path / "below" / "a"]
    files.sync_tree(tmp_path)


def test_what_would_steer_a_terminal_is_spelt_out() -> None:
    shown = printable("a\x1b[2J\x9b\u202eb\r\udc80\tö\n")
    assert shown == "a\\x1b[2J\\x9b\\u202eb\\r\\udc80\tö\n"


def test_a_file_with_a_second_name_may_be_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("secret")
    os.link(tmp_path / "theirs", tmp_path / "mine")
    with pytest.raises(DamagedFile, match="second name"):
        files.read_text(tmp_path / "mine", follow=False)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A folder with two files, and all that somebody could put between them."""
    folder = tmp_path / "planted"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    (folder / "a.csv").write_text("1")
    (folder / "z.csv").write_text("22")
    (folder / "link.csv").symlink_to(tmp_path / "secret")
    os.link(tmp_path / "secret", folder / "second.csv")
    os.mkfifo(folder / "fifo.csv")
    (folder / "folder.csv").mkdir()
    (folder / "\x1b[2J.csv").touch()
    (folder / os.fsdecode(b"\xff.csv")).touch()
    with (folder / "giant.csv").open("wb") as giant:
        giant.truncate(1 << 43)
    return folder


def test_of_a_folder_that_others_write_only_regular_files_are_copied(
    planted: Path, tmp_path: Path
) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(DamagedFile, match="planted"):
        files.copy_folder(planted, tmp_path / "copy")
    copied = {path.name: path.read_text() for path in (tmp_path / "copy").iterdir()}
    assert copied == {"a.csv": "1", "z.csv": "22"}


def test_a_copied_folder_has_a_bound_in_bytes_and_in_number(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    for name in "abcd":
        (tmp_path / "source" / name).write_text("12345")
    for most_bytes, most_files, wrong in ((12, 9, "2 are the most"), (99, 3, "more than 3")):
        copy = tmp_path / wrong[0]
        copy.mkdir()
        with pytest.raises(DamagedFile, match=wrong):
            files.copy_folder(tmp_path / "source", copy, lambda _: True, most_bytes, most_files)
        assert sum(path.stat().st_size for path in copy.iterdir()) <= 15


def test_a_folder_that_is_a_link_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "secret").write_text("secret")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "copy").mkdir()
    with pytest.raises(OSError, match="Not a directory"):
        files.copy_folder(tmp_path / "link", tmp_path / "copy")
    assert list((tmp_path / "copy").iterdir()) == []


def test_of_a_log_of_any_size_both_ends_are_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("first line\nlast line\n")
    assert files.read_ends(log, 100, 100) == b"first line\nlast line\n"
    with log.open("ab") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe end\n")
    said = files.read_ends(log, 10, 9).decode()
    assert said.startswith("first line\n… ")
    assert said.endswith("left out …\n\nthe end\n")
    (tmp_path / "link").symlink_to(log)
    with pytest.raises(DamagedFile, match="is a link"):
        files.read_ends(tmp_path / "link", 10, 10)
