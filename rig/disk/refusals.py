"""What a file system's refusals mean, and whether a folder will take a session at all.

May know nothing of sessions. Every errno that a user can do something about has its advice here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rig.model import StorageError

LEAST_BYTES, LEAST_FILES = 4 << 20, 100
"""Free before a session begins: what a small one takes."""
_ELSEWHERE = "choose another folder: --out DIR"
_FULL = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "allow larger files: ulimit -f",
    errno.EROFS: _ELSEWHERE,
    errno.EIO: "see what the kernel says of the disk: dmesg",
}
_ADVICE = {
    **_FULL,
    errno.EACCES: f"let this user read and write it, or {_ELSEWHERE}",
    errno.EPERM: f"let this user read and write it, or {_ELSEWHERE}",
    errno.ENOENT: "it was removed meanwhile, or was never there",
    errno.ENOTDIR: f"move the file that stands in its way, or {_ELSEWHERE}",
    errno.EISDIR: "move the folder that stands there",
    errno.EEXIST: "move what stands there",
    errno.ENOTEMPTY: "move what stands there",
    errno.ENAMETOOLONG: "choose shorter names",
    errno.ELOOP: "its links lead in a circle",
    errno.EBUSY: "something is mounted there",
    errno.ENXIO: "it is no regular file",
    errno.ESTALE: "its file server has changed it meanwhile",
    errno.EMFILE: "allow more open files: ulimit -n",
    errno.ENFILE: "the machine has too many open files",
}


def is_full(error: OSError) -> bool:
    """Whether a device took no more: it would take nothing of another trial either."""
    return error.errno in _FULL


def refusal(error: OSError, where: object = "a file") -> StorageError | None:
    """What the error means, in one line and with advice; None for one that no file system gives.

    `where`: what was written or read, for errors that name no file.
    """
    if error.filename is None and error.errno not in _ADVICE:
        return None
    if error.filename is None and error.errno == errno.ENOENT:
        return StorageError(str(error.strerror).lower(), "TMPDIR=DIR names another")
    verb = "written" if is_full(error) else "used"
    why = (error.strerror or str(error)).lower()
    what = f"{error.filename or where} cannot be {verb}: {why}"
    return StorageError(what, _ADVICE.get(error.errno or 0, ""))


@contextlib.contextmanager
def writing(where: Path) -> Iterator[None]:
    """What a file system refuses within it is told of `where`, not of some scratch file there."""
    try:
        yield
    except OSError as error:
        if error.filename is None or is_full(error):
            error.filename = str(where)
        raise


def takes_files(folder: Path) -> None:
    """Whether the folder can be made and has room; changes nothing. OSError, StorageError."""
    there = _nearest(folder)
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(there))
    # a name that is too long is refused in a folder that is there
    for part in folder.relative_to(there).parts:
        with contextlib.suppress(FileNotFoundError):
            (there / part).lstat()
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"takes it")
    except OSError as error:
        # not the name that it tried
        raise OSError(error.errno, error.strerror, str(there)) from error
    free = os.statvfs(there)
    free_bytes = free.f_bavail * free.f_frsize
    if free_bytes < LEAST_BYTES:
        _too_little(folder, f"{free_bytes >> 10} KiB", f"{LEAST_BYTES >> 10} KiB")
    # some file systems count no files
    if free.f_files and free.f_favail < LEAST_FILES:
        _too_little(folder, f"{free.f_favail} more files", str(LEAST_FILES))


def _too_little(folder: Path, free: str, least: str) -> None:
    what = f"{folder} cannot be written: it has room for {free}, and a session takes {least}"
    raise StorageError(what, _FULL[errno.ENOSPC])


def _nearest(folder: Path) -> Path:
    while True:
        try:
            folder.stat()
        except (FileNotFoundError, NotADirectoryError):
            folder = folder.parent
        else:
            return folder
