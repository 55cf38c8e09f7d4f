"""Reading, writing and copying files that somebody else may have put there, or may be changing.

May know nothing of sessions, trials or roles. Whatever is read is a regular file of bounded size,
so that no FIFO holds a command up and no endless device fills the memory; what an unprivileged
process may have planted is opened without following links.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from rig.model import DamagedFile, printable

MOST_BYTES = 1 << 30
"""Of a raw file. The largest that a session has is a line per request."""
MOST_JSON_BYTES = 64 << 20
MOST_NESTED = 64
MOST_DIGITS = 18
"""Of a number in JSON, before its point."""
MOST_FILES = 10_000
"""Of one folder that is copied."""
DERIVED_SCRATCH, VERIFY_SCRATCH = ".derived-", "async-django-verify-"
"""How scratch folders are called in a session's folder, and among temporary files."""
_CHUNK_BYTES = 1 << 20
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def open_regular(
    path: Path, most_bytes: int = MOST_BYTES, follow: bool = True, folder: int | None = None
) -> int:
    """A descriptor to read a regular file from.

    DamagedFile for anything else and for a file above `most_bytes`; OSError as `os.open` has it.
    `follow=False` is for what others may have planted: it also refuses a link in the last place,
    and a file with a second name, which may be somebody else's. With `folder`, an open one, the
    path's last part is looked for there.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path if folder is None else path.name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise DamagedFile(f"{path} is a link, where a file should be") from error
        if error.errno == errno.ENXIO:
            raise DamagedFile(f"{path} is no regular file") from error
        raise
    found = os.fstat(descriptor)
    wrong = ""
    if not stat.S_ISREG(found.st_mode):
        wrong = "is no regular file"
    elif not follow and found.st_nlink > 1:
        wrong = "has a second name: whose file it is cannot be known"
    elif found.st_size > most_bytes:
        wrong = f"has {found.st_size} bytes, and {most_bytes} are the most that is read"
    if wrong:
        os.close(descriptor)
        raise DamagedFile(f"{path} {wrong}")
    return descriptor


def read_bytes(path: Path, most_bytes: int = MOST_BYTES, follow: bool = True) -> bytes:
    """All of a regular file. DamagedFile, OSError."""
    with open(open_regular(path, most_bytes, follow), "rb") as file:
        # one byte more than allowed shows a file that grew meanwhile
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise DamagedFile(f"{path} grows while it is read")
    return data


def read_text(path: Path, most_bytes: int = MOST_BYTES, follow: bool = True) -> str:
    """All of a regular file, which must be UTF-8. DamagedFile, OSError."""
    try:
        return read_bytes(path, most_bytes, follow).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedFile(f"{path} is no UTF-8: {error}") from error


def read_json(path: Path, most_bytes: int = MOST_JSON_BYTES, follow: bool = True) -> Any:
    """The value in a JSON file. DamagedFile, OSError.

    Numbers are bounded, as nesting is; `NaN` and `Infinity`, which are no JSON, are refused.
    """
    return json_of(read_text(path, most_bytes, follow), str(path))


def json_of(text: str, where: str) -> Any:
    """The value that a JSON text stands for. DamagedFile, which names `where` it came from."""
    try:
        value = json.loads(text, parse_constant=_no_number, parse_int=_whole, parse_float=_fraction)
        if not is_flat(value):
            raise ValueError(f"it is nested more than {MOST_NESTED} deep")
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{where} is no JSON: {error}") from error
    return value


def is_flat(value: Any, deep: int = MOST_NESTED) -> bool:
    """Whether a value of JSON is nested at most so deep."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return deep > 0 and all(is_flat(one, deep - 1) for one in inner)


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _whole(text: str) -> int:
    # Python refuses thousands of digits by itself, in words that help nobody
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits, and {MOST_DIGITS} are the most")
    return int(text)


def _fraction(text: str) -> float:
    number = float(text)
    if not abs(number) < 10.0**MOST_DIGITS:
        raise ValueError(f"{text[:40]} is larger than any number here")
    return number


def write_atomically(path: Path, text: str) -> None:
    """A reader sees all of it or nothing, even after a power cut. OSError."""
    scratch = path.with_name(f"{path.name}.part")
    # what a crash left there may be a link
    with contextlib.suppress(FileNotFoundError):
        scratch.unlink()
    try:
        with create(scratch) as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise
    sync(path.parent)


def create(path: Path, mode: int = 0o644) -> IO[bytes]:
    """A new file to write, which nobody had put there. FileExistsError otherwise; OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return open(os.open(path, flags, mode), "wb")


def make_folder(path: Path) -> None:
    """A new folder, with those above it that are missing, all on disk. FileExistsError; OSError."""
    made = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(parents=True)
    for one in made:
        # a folder may let us write names that it does not let us read
        with contextlib.suppress(PermissionError):
            sync(one.parent)


def sync(path: Path) -> None:
    """Waits until a file or a folder (its names, not its files) is on disk. OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # some file systems have no such call for folders
        if error.errno not in (errno.EINVAL, errno.ENOTSUP) or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def locked(descriptor: int) -> bool:
    """Takes the lock on an open file or folder; False where another process has it. OSError.

    The kernel lets go of it when the descriptor is closed, and so when the process ends.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def scratch(prefix: str, folder: Path | None = None) -> Iterator[Path]:
    """A new folder, gone afterwards: in `folder`, or where temporary files go. OSError.

    It is locked until then, which tells it from what a killed process has left.
    """
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
        # another process may take it for left behind before it is locked
        with contextlib.suppress(FileNotFoundError):
            descriptor = _open_folder(path)
            if locked(descriptor) and path.exists():
                break
            os.close(descriptor)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def remove_left_behind(prefix: str, folder: Path | None = None) -> list[Path]:
    """Removes scratch folders of killed processes, this user's (root: everyone's); which."""
    removed = []
    for path in sorted((folder or Path(tempfile.gettempdir())).glob(f"{prefix}*")):
        with contextlib.suppress(OSError):
            descriptor = _open_folder(path)
            mine = os.geteuid() in (0, os.fstat(descriptor).st_uid)
            if mine and locked(descriptor):
                shutil.rmtree(path, ignore_errors=True)
                removed += [] if path.exists() else [path]
            os.close(descriptor)
    return removed


def _open_folder(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def sync_tree(folder: Path) -> None:
    """Waits until a folder and all that is in it is on disk. OSError."""
    for path in regular_files(folder):
        sync(path)
    for below, _, _ in os.walk(folder):
        sync(Path(below))


def regular_files(folder: Path) -> Iterator[Path]:
    """Every regular file below a folder, in order; no link is followed."""
    for below, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(below, name)
            if stat.S_ISREG(path.lstat().st_mode):
                yield path


def copy_regular(
    source: Path, target: Path, most_bytes: int = MOST_BYTES, folder: int | None = None
) -> int:
    """Copies a regular file, not a link, to a name that is free; its size. DamagedFile, OSError."""
    with (
        open(open_regular(source, most_bytes, follow=False, folder=folder), "rb") as read,
        create(target) as written,
    ):
        left_bytes = most_bytes
        while data := read.read(_CHUNK_BYTES):
            left_bytes -= len(data)
            if left_bytes < 0:
                raise DamagedFile(f"{source} grows while it is copied")
            written.write(data)
    return most_bytes - left_bytes


def copy_folder(
    source: Path,
    target: Path,
    wanted: Callable[[str], bool] = lambda _: True,
    most_bytes: int = MOST_BYTES,
    most_files: int = MOST_FILES,
) -> None:
    """Copies the files of a folder that others can write, even while they do. OSError.

    Regular files alone, of plain names, that have `most_bytes` together. Whatever else is there
    is left out, and named by a DamagedFile once the rest is copied.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder, left_bytes, refused = os.open(source, flags), most_bytes, ""
    try:
        names = _names(folder, most_files + 1)
        if len(names) > most_files:
            refused = f"{source} holds more than {most_files} files"
        for name in filter(wanted, sorted(names[:most_files])):
            try:
                if not _PLAIN_NAME.fullmatch(name):
                    raise DamagedFile(f"{source / name} has a name that no role gives")
                left_bytes -= copy_regular(source / name, target / name, left_bytes, folder)
            except FileNotFoundError:  # it has gone meanwhile
                continue
            except DamagedFile as error:
                (target / name).unlink(missing_ok=True)
                refused = refused or printable(error.what)
    finally:
        os.close(folder)
    if refused:
        raise DamagedFile(refused)


def _names(folder: int, most: int) -> list[str]:
    """The first names in an open folder."""
    with os.scandir(folder) as entries:
        return [entry.name for entry, _ in zip(entries, range(most), strict=False)]


def read_ends(path: Path, first_bytes: int, last_bytes: int) -> bytes:
    """A file of any size: all of it, or its beginning and its end. No link is followed.

    DamagedFile, OSError.
    """
    with open(open_regular(path, sys.maxsize, follow=False), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= first_bytes + last_bytes:
            return file.read(first_bytes + last_bytes)
        head = file.read(first_bytes)
        file.seek(size - last_bytes)
        left_out = f"\n… {size - first_bytes - last_bytes} bytes are left out …\n" if head else ""
        return head + left_out.encode() + file.read(last_bytes)


def sha256(path: Path) -> str:
    """SHA-256 (hex) of a regular file. DamagedFile, OSError."""
    digest = hashlib.sha256()
    with open(open_regular(path), "rb") as file:
        while data := file.read(_CHUNK_BYTES):
            digest.update(data)
    return digest.hexdigest()
