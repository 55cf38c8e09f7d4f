"""Environments in the user's cache folder, beside the seeded clusters and bounded as they are."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from rig.backends import cache_bound
from rig.backends.cache_bound import CacheEntry
from rig.backends.machine import cache
from rig.backends.processes import run


def folder() -> Path:
    """Where they stand."""
    return cache.cache_folder() / cache.ENVIRONMENTS


def found(key: str) -> Path | None:
    """A whole environment of this user's alone; None without one. RigError."""
    with cache.opened(fcntl.LOCK_SH) as here:
        if not here or not (here / cache.ENVIRONMENTS / key / cache.COMPLETE).exists():
            return None
        for path in (here / cache.ENVIRONMENTS, here / cache.ENVIRONMENTS / key):
            cache.judge(path, path.lstat())
        os.utime(here / cache.ENVIRONMENTS / key / cache.COMPLETE)
    return folder() / key


def pythons() -> Path:
    """Where uv puts a Python that it fetches."""
    return cache.cache_folder() / cache.PYTHONS


@contextlib.contextmanager
def new(key: str) -> Iterator[Path]:
    """An empty folder to make one in. It stands under its key once the context ends well.

    Else nothing of it is left.
    """
    with cache.opened(fcntl.LOCK_EX, make=True) as here:
        assert here
        place = here / cache.ENVIRONMENTS
        place.mkdir(mode=0o755, exist_ok=True)
        cache.judge(place, place.lstat())
    part = Path(tempfile.mkdtemp(prefix=f"{key}.", suffix=".part", dir=folder()))
    try:
        part.chmod(0o755)
        yield part
        (part / cache.COMPLETE).touch()
        # what a power cut tears would be taken for whole
        run(["sync", "--file-system", str(part)], 600)
        with cache.opened(fcntl.LOCK_EX):
            cache.remove(folder() / key)
            part.rename(folder() / key)
    finally:
        cache.remove(part)


def prune(spared: Collection[str]) -> None:
    """Removes the least recently used ones beyond the bound; those in use stay. UsageError."""
    most_bytes = cache_bound.most_bytes()
    with cache.opened(fcntl.LOCK_EX) as here:
        if here and (here / cache.ENVIRONMENTS).is_dir():
            for one in cache_bound.surplus(_entries(here), most_bytes, spared):
                cache.remove(here / cache.ENVIRONMENTS / one.key)


def _entries(here: Path) -> list[CacheEntry]:
    return cache.sizes(here / cache.ENVIRONMENTS)


def summary() -> str:
    """What is kept, in a few words. UsageError for a bound that is none."""
    with cache.opened(fcntl.LOCK_SH) as here:
        there = here and (here / cache.ENVIRONMENTS).is_dir()
        listed = _entries(here) if here and there else []
    return cache_bound.summary(listed, cache_bound.most_bytes(), str(folder()), "environment")
