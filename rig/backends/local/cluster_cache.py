"""Seeded clusters for one session: copied from the user's cache into its scratch, and back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from rig.backends.machine import cache
from rig.backends.processes import remove
from rig.model import RigError, StackError


class LocalClusterCache:
    """Clusters in the cache; the session works on copies that belong to the roles' user.

    A cache that cannot be used is no error: `say` gets a line, and the cluster is made anew.
    """

    def __init__(self, scratch: Path, uid: int, say: Callable[[str], None]) -> None:
        self._scratch, self._uid, self._say = scratch, uid, say

    def _place(self, key: str) -> Path:
        return self._scratch / f"template-{key[:12]}"

    def _cleared(self, key: str) -> Path:
        """The place, without what a try that failed has left there."""
        path = self._place(key)
        if path.exists():
            shutil.rmtree(path)
        return path

    def get(self, key: str) -> str:
        """A copy of the kept cluster; "" without one, or with one that is not ours alone."""
        path = self._cleared(key)
        try:
            return str(path) if cache.get(key, path, self._uid) else ""
        except RigError as error:
            self._say(f"a seeded cluster is not taken but made anew: {error.what}")
            return ""

    def allocate(self, key: str, wanted_bytes: int) -> str:
        """An empty folder. StackError where there is no room for what will be made of it."""
        free_bytes = shutil.disk_usage(self._scratch).free
        if free_bytes < wanted_bytes:
            raise StackError(
                f"{self._scratch.parent} has {free_bytes >> 20} MiB free, and these posts need "
                f"about {wanted_bytes >> 20} MiB",
                "make room there, or ask for fewer posts",
            )
        path = self._cleared(key)
        path.mkdir(mode=0o700)
        if self._uid != os.geteuid():
            os.chown(path, self._uid, -1)
        return str(path)

    def discard(self, key: str) -> None:
        """Removes the folder; the session's end would, too."""
        remove(self._place(key))

    def commit(self, key: str) -> None:
        """Copies it into the cache, whole or not at all."""
        try:
            cache.commit(key, self._place(key), self._uid)
        except RigError as error:
            self._say(f"the seeded cluster is not kept for later: {error.what}")
