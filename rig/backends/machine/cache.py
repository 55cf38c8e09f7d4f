"""Seeded clusters in the user's cache folder: taken only from this user, bounded in size.

The folder may stand where others can write (XDG_CACHE_HOME), and several sessions may share it.
It is opened once and judged as opened, and everything is done below that descriptor; one lock
file keeps those who use it apart. Whatever goes wrong is a DamagedFile (it is not this user's
alone) or a StorageError.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rig.backends import cache_bound
from rig.backends.cache_bound import CacheEntry
from rig.backends.machine import trees
from rig.backends.processes import run, until
from rig.model import DamagedFile, StorageError

LOCK, COMPLETE, CLUSTER = "lock", "complete", "cluster"
ENVIRONMENTS, PYTHONS = "environments", "pythons"
"""Folders in it: `rig.backends.environment` keeps what it makes, and what uv fetches for it."""
WAIT_S = 60.0
KEY = re.compile(r"[0-9a-f]{64}")
PART = re.compile(r"[0-9a-f]{64}\..*part")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_folder() -> Path:
    """Where clusters are kept between sessions."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "async-django-rig"


def get(key: str, target: Path, give_to: int) -> bool:
    """Copies a kept cluster to a new folder; False without one."""
    with opened(fcntl.LOCK_SH) as here:
        if not here or not (here / key / COMPLETE).exists():
            return False
        judge(here / key, (here / key).lstat())
        trees.copy(here / key / CLUSTER, target, os.geteuid(), give_to)
        os.utime(here / key / COMPLETE)
    return True


def commit(key: str, source: Path, owner: int) -> None:
    """Copies a cluster of user `owner` into the cache, whole or not at all, and keeps its bound."""
    most_bytes = cache_bound.most_bytes()
    with opened(fcntl.LOCK_EX, make=True) as here:
        assert here
        _remove_parts(here)
        part = Path(tempfile.mkdtemp(prefix=f"{key}.", suffix=".part", dir=here))
        try:
            trees.copy(source, part / CLUSTER, owner, os.geteuid())
            (part / COMPLETE).touch()
            # what a power cut tears would be taken for whole
            run(["sync", "--file-system", str(part.resolve())], 600)
            remove(here / key)
            part.rename(here / key)
        finally:
            remove(part)
        for one in cache_bound.surplus(sizes(here), most_bytes):
            remove(here / one.key)


def listed() -> list[CacheEntry]:
    """What is kept."""
    with opened(fcntl.LOCK_SH) as here:
        return sizes(here) if here else []


def summary() -> str:
    """What is kept, in a few words. UsageError for a bound that is none."""
    return cache_bound.summary(listed(), cache_bound.most_bytes(), str(cache_folder()))


def clear() -> list[str]:
    """Removes every kept cluster and environment; which."""
    with opened(fcntl.LOCK_EX) as here:
        if not here:
            return []
        pythons = [str(cache_folder() / PYTHONS)] * os.path.lexists(here / PYTHONS)
        remove(here / PYTHONS)
        return _remove_all(here) + pythons


def remove_left_behind() -> list[str]:
    """Removes what a killed session was about to keep; which."""
    with opened(fcntl.LOCK_EX) as here:
        return _remove_parts(here) if here else []


@contextlib.contextmanager
def opened(how: int, make: bool = False) -> Iterator[Path | None]:
    """The folder, locked, by its descriptor: nobody can put another one in its place.

    None where there is none. A folder that others could write is made this user's alone, and
    emptied, by who has it alone.
    """
    folder, here = cache_folder(), ""
    try:
        if make:
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        if folder.is_symlink() and folder.lstat().st_uid != os.geteuid():
            raise DamagedFile(f"{folder} is a link of another user's")
        if not folder.exists():
            yield None
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            here = f"/proc/self/fd/{descriptor}"
            alone = how == fcntl.LOCK_EX
            judge(folder, os.fstat(descriptor), _OTHERS_WRITE * (not alone))
            with _locked(Path(here, LOCK), how):
                if alone and os.fstat(descriptor).st_mode & _OTHERS_WRITE:
                    os.fchmod(descriptor, 0o700)
                    _remove_all(Path(here))
                yield Path(here)
        finally:
            os.close(descriptor)
    except DamagedFile as error:
        raise DamagedFile(error.what.replace(here or "\0", str(folder))) from error
    except OSError as error:
        where = str(error.filename or folder).replace(here or "\0", str(folder))
        raise StorageError(f"{where}: {error.strerror}") from error


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    lock = os.open(path, flags, 0o600)
    try:
        for _ in until(WAIT_S, every_s=0.1):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, how | fcntl.LOCK_NB)
                break
        else:
            raise StorageError(f"{cache_folder()} is in use by another session")
        yield
    finally:
        os.close(lock)


def judge(path: Path, found: os.stat_result, refused_mode: int = _OTHERS_WRITE) -> None:
    """DamagedFile where it is no folder of this user's alone."""
    if not stat.S_ISDIR(found.st_mode):
        raise DamagedFile(f"{path} is no folder")
    if found.st_uid != os.geteuid():
        raise DamagedFile(f"{path} belongs to user {found.st_uid}")
    if found.st_mode & refused_mode:
        raise DamagedFile(f"{path} can be written by others")


def sizes(here: Path) -> list[CacheEntry]:
    """What stands there under a key."""
    found = []
    for path in sorted(here.iterdir()):
        if KEY.fullmatch(path.name) and stat.S_ISDIR(path.lstat().st_mode):
            complete = path / COMPLETE
            used = complete.lstat() if complete.exists() else path.lstat()
            found.append(CacheEntry(path.name, trees.size_bytes(path), used.st_mtime))
    return found


def _remove_all(here: Path) -> list[str]:
    return _remove_parts(here) + _remove_named(here, KEY)


def _remove_parts(here: Path) -> list[str]:
    return _remove_named(here, PART)


def _remove_named(here: Path, pattern: re.Pattern[str]) -> list[str]:
    """Removes what is called so, clusters and environments; which."""
    gone = []
    for below in ("", ENVIRONMENTS):
        found = sorted((here / below).iterdir()) if (here / below).is_dir() else ()
        named = [path for path in found if pattern.fullmatch(path.name)]
        gone += [str(cache_folder() / below / path.name) for path in named if remove(path)]
    return gone


def remove(path: Path) -> bool:
    """Removes whatever is there, if this user may; whether it is gone."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
    return not os.path.lexists(path)
