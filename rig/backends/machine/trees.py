"""Copies whole folders in which somebody else might have planted something.

Every file is opened without following links and judged as opened, so that nothing can be put in
its place between the look and the copy.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from rig.disk.files import create
from rig.model import DamagedFile

MOST_ENTRIES, DEEPEST = 200_000, 32


def copy(source: Path, target: Path, owner: int, give_to: int) -> None:
    """Copies a folder of user `owner` to a new one of user `give_to`, for that user alone.

    It may hold folders and regular files of one name each, all of that owner's, that nobody else
    can write. DamagedFile, naming what is not so; OSError. What was copied by then stays.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    top = os.open(source, flags)
    try:
        _judge(source, os.fstat(top), owner)
        left = MOST_ENTRIES
        for below, folders, names, folder in os.fwalk(".", dir_fd=top, onerror=_fail):
            (target / below).mkdir(mode=0o700)
            left -= len(folders) + len(names)
            if left < 0 or below.count("/") >= DEEPEST:
                raise DamagedFile(f"{source} holds more than a cluster does")
            for name in folders:
                path = source / below / name
                _judge(path, os.stat(name, dir_fd=folder, follow_symlinks=False), owner)
            for name in names:
                _copy_file(folder, source / below / name, target / below / name, owner, give_to)
    finally:
        os.close(top)
    if give_to != os.geteuid():
        # from below, and only now: whoever has a folder can put links into it
        for below, _, _ in os.walk(target, topdown=False):
            os.chown(below, give_to, -1)


def _fail(error: OSError) -> None:
    raise error


def size_bytes(folder: Path) -> int:
    """What a folder takes up on disk; no link is followed."""
    total = 0
    for below, _, names in os.walk(folder):
        paths = (below, *(os.path.join(below, name) for name in names))
        total += sum(os.lstat(path).st_blocks * 512 for path in paths)
    return total


def _judge(path: Path, found: os.stat_result, owner: int, a_folder: bool = True) -> None:
    wrong = ""
    if not (stat.S_ISDIR if a_folder else stat.S_ISREG)(found.st_mode):
        wrong = f"is no {'folder' if a_folder else 'regular file'}"
    elif found.st_uid != owner:
        wrong = f"belongs to user {found.st_uid}, not to user {owner}"
    elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        wrong = "can be written by others"
    elif not a_folder and found.st_nlink != 1:
        wrong = "has a second name"
    if wrong:
        raise DamagedFile(f"{path} {wrong}")


def _copy_file(folder: int, source: Path, target: Path, owner: int, give_to: int) -> None:
    # without O_NONBLOCK a FIFO would hold this up; with it, one is opened and refused
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    if not stat.S_ISREG(os.stat(source.name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise DamagedFile(f"{source} is no regular file")
    with open(os.open(source.name, flags, dir_fd=folder), "rb") as read, create(target) as written:
        found = os.fstat(read.fileno())
        _judge(source, found, owner, a_folder=False)
        _transfer(read.fileno(), written.fileno(), found.st_size)
        os.fchmod(written.fileno(), found.st_mode & 0o700)
        if give_to != os.geteuid():
            os.fchown(written.fileno(), give_to, -1)


def _transfer(source: int, target: int, length: int) -> None:
    """By reference where the file system can; to another one, byte by byte."""
    try:
        while length > 0 and (done := os.copy_file_range(source, target, length)):
            length -= done
    except OSError:
        while length > 0 and (done := os.sendfile(target, source, None, length)):
            length -= done
