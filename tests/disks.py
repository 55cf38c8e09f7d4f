"""File systems of their own, to be filled, made read-only and taken away."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Disk:
    """A file system in memory."""

    path: Path

    def used_kib(self) -> int:
        """What stands on it."""
        found = os.statvfs(self.path)
        return (found.f_blocks - found.f_bfree) * found.f_frsize >> 10

    def free_kib(self) -> int:
        """What it still takes."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize >> 10

    def resize(self, kib: int) -> None:
        """Also to less than it was, as far as it is free."""
        _mount("-o", f"remount,size={kib}k", self.path)

    def limit_files(self, most: int) -> None:
        """How many files and folders it may have."""
        _mount("-o", f"remount,nr_inodes={most}", self.path)

    def fill(self) -> None:
        """With one file, until it takes no more."""
        self.resize(max(self.used_kib(), 4))


@contextmanager
def disk(path: Path, kib: int) -> Iterator[Disk]:
    """A disk of that size at a new folder. Skips the test where nothing may be mounted."""
    path.mkdir()
    if _failed("-t", "tmpfs", "-o", f"size={kib}k", "none", path):
        pytest.skip("nothing may be mounted here: run as root")
    try:
        yield Disk(path)
    finally:
        _unmount(path)


@contextmanager
def read_only(folder: Path, path: Path) -> Iterator[Path]:
    """A folder at another place, where nothing can be written. Skips as `disk` does."""
    path.mkdir()
    if _failed("--bind", folder, path):
        pytest.skip("nothing may be mounted here: run as root")
    try:
        _mount("-o", "remount,bind,ro", path)
        yield path
    finally:
        _unmount(path)


def _failed(*arguments: str | Path) -> bool:
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False)
    return done.returncode != 0


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def _unmount(path: Path) -> None:
    # lazily: a command that still runs may have files there
    subprocess.run(["umount", "-l", str(path)], check=True)
