"""Ends this very process at its n-th file operation below a folder, by SIGKILL.

Counts what Python code asks of the system: creating, writing, syncing, renaming, removing. A
write is two moments: before it, and with its first half on disk. May know nothing of the rig.
"""

from __future__ import annotations

import builtins
import io
import os
import signal
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

_BY_PATH = (
    *("mkdir", "rmdir", "unlink", "remove", "rename", "replace", "link", "symlink"),
    *("truncate", "chmod", "chown", "utime", "mkfifo", "mknod"),
)
_BY_DESCRIPTOR = ("fsync", "fdatasync", "ftruncate", "fchmod", "fchown")
_CREATING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_REAL: dict[str, Any] = {
    name: getattr(os, name)
    for name in (*_BY_PATH, *_BY_DESCRIPTOR, "open", "write", "pwrite", "sendfile")
}


@dataclass
class Disk:
    """The operations so far, and the one at which to end."""

    folder: str
    kill_at: int = 0
    """0: never."""
    power_cut: bool = False
    """Whether what was not synced is lost, too."""
    operations: int = 0
    names: list[str] = field(default_factory=list)
    unsynced: dict[tuple[int, int], int] = field(default_factory=dict)
    """Device and inode of each file written to, and how long it surely is on disk."""

    def moment(self, name: str, path: str) -> bool:
        """Counts; whether to end now."""
        self.operations += 1
        self.names.append(f"{name} {path.removeprefix(self.folder)}")
        return self.operations == self.kill_at

    def before(self, name: str, path: str) -> None:
        """A moment before an operation, if it is below the folder."""
        if self.holds(path) and self.moment(name, path):
            self.end()

    def holds(self, path: str) -> bool:
        """Whether a path is below the folder."""
        return path == self.folder or path.startswith(f"{self.folder}/")

    def written(self, descriptor: int) -> None:
        """A file is about to be written to: what it holds already counts as synced."""
        found = os.fstat(descriptor)
        self.unsynced.setdefault((found.st_dev, found.st_ino), found.st_size)

    def synced(self, descriptor: int) -> None:
        """All of a file is on disk."""
        found = os.fstat(descriptor)
        self.unsynced.pop((found.st_dev, found.st_ino), None)

    def end(self) -> NoReturn:
        """SIGKILL; after a power cut, files are as long as they were when they were synced."""
        if self.power_cut:
            self._lose()
        while True:
            os.kill(os.getpid(), signal.SIGKILL)

    def _lose(self) -> None:
        for below, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(below, name)
                found = os.lstat(path)
                kept_bytes = self.unsynced.get((found.st_dev, found.st_ino), found.st_size)
                if stat.S_ISREG(found.st_mode) and kept_bytes < found.st_size:
                    _REAL["truncate"](path, kept_bytes)


def _path_of(path: Any, dir_fd: int | None = None) -> str:
    """An absolute path; "" of what is none."""
    try:
        if isinstance(path, int):
            return os.readlink(f"/proc/self/fd/{path}")
        text = os.fsdecode(path)
        at = os.readlink(f"/proc/self/fd/{dir_fd}") if isinstance(dir_fd, int) else os.getcwd()
    except OSError:
        return ""
    return os.path.normpath(os.path.join(at, text))


class _Raw(io.FileIO):
    """A file whose writes are counted, and can be cut in the middle."""

    disk: Disk

    def write(self, data: Any) -> int:
        return _written(self.disk, self.fileno(), data, super().write) or 0

    def truncate(self, size: int | None = None) -> int:
        self.disk.before("truncate", _path_of(self.fileno()))
        return super().truncate(size)


def _written(disk: Disk, descriptor: int, data: Any, write: Callable[[Any], Any]) -> Any:
    path = _path_of(descriptor)
    if not disk.holds(path):
        return write(data)
    disk.before("write", path)
    disk.written(descriptor)
    view = memoryview(data).cast("B")
    if len(view) > 1 and disk.moment("half a write", path):
        write(view[: len(view) // 2])
        disk.end()
    return write(data)


def watch(disk: Disk) -> None:
    """From here on every operation of this process goes through `disk`."""
    _Raw.disk = disk
    for name in _BY_PATH:
        setattr(os, name, _counted_by_path(disk, name))
    for name in _BY_DESCRIPTOR:
        setattr(os, name, _counted_by_descriptor(disk, name))

    def opened(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & _CREATING:
            disk.before("open", _path_of(path, dir_fd))
        descriptor: int = _REAL["open"](path, flags, mode, dir_fd=dir_fd)
        if flags & _CREATING and disk.holds(_path_of(descriptor)):
            disk.written(descriptor)
        return descriptor

    def write(descriptor: int, data: Any) -> Any:
        return _written(disk, descriptor, data, lambda part: _REAL["write"](descriptor, part))

    def pwrite(descriptor: int, data: Any, offset: int) -> Any:
        return _written(
            disk, descriptor, data, lambda part: _REAL["pwrite"](descriptor, part, offset)
        )

    def sendfile(out: int, *rest: Any, **named: Any) -> Any:
        path = _path_of(out)
        disk.before("sendfile", path)
        if disk.holds(path):
            disk.written(out)
        return _REAL["sendfile"](out, *rest, **named)

    for function in (write, pwrite, sendfile):
        setattr(os, function.__name__, function)
    os.open = opened
    real_open = io.open

    def open_(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
        return _opened(disk, real_open, file, mode, *rest, **named)

    builtins.open = io.open = open_


def _counted_by_path(disk: Disk, name: str) -> Callable[..., Any]:
    def call(path: Any, *rest: Any, **named: Any) -> Any:
        at = named.get("dir_fd", named.get("src_dir_fd"))
        disk.before(name, _path_of(path, at))
        return _REAL[name](path, *rest, **named)

    return call


def _counted_by_descriptor(disk: Disk, name: str) -> Callable[..., Any]:
    def call(file: Any, *rest: Any) -> Any:
        descriptor = file if isinstance(file, int) else file.fileno()
        disk.before(name, _path_of(descriptor))
        done = _REAL[name](descriptor, *rest)
        if "sync" in name:
            disk.synced(descriptor)
        return done

    return call


def _opened(
    disk: Disk,
    real_open: Callable[..., Any],
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """As `open`, over a file that counts."""
    path = _path_of(file)
    if not (set(mode) & set("wax+")) or not disk.holds(path):
        return real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    if not isinstance(file, int):
        disk.before("open", path)
    kept_bytes = 0 if "w" in mode or not os.path.exists(path) else os.path.getsize(path)
    raw = _Raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
    found = os.fstat(raw.fileno())
    disk.unsynced.setdefault((found.st_dev, found.st_ino), kept_bytes)
    if buffering == 0:
        return raw
    size = io.DEFAULT_BUFFER_SIZE if buffering in (-1, 1) else buffering
    buffered = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw, size)
    if "b" in mode:
        return buffered
    text = io.TextIOWrapper(buffered, encoding, errors, newline, line_buffering=buffering == 1)
    text.mode = mode  # type: ignore[misc]
    return text
