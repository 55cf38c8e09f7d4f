"""Keeps seeded clusters in the user's cache folder, and copies them into a session's scratch."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rig.backends.processes import run
from rig.model import StackError

_COMPLETE = "complete"


def cache_folder() -> Path:
    """Where templates are kept between sessions."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "async-django-rig"


class LocalShelf:
    """Clusters in the cache; the session works on copies that belong to the roles' user."""

    def __init__(self, scratch: Path, uid: int) -> None:
        self._scratch, self._uid = scratch, uid

    def _place(self, key: str) -> Path:
        return self._scratch / f"template-{key[:12]}"

    def _cleared(self, key: str) -> Path:
        """The place, without what a try that failed has left there."""
        path = self._place(key)
        if path.exists():
            shutil.rmtree(path)
        return path

    def fetch(self, key: str) -> str:
        """A copy of the kept cluster; "" without one."""
        kept = cache_folder() / key
        if not (kept / _COMPLETE).exists():
            return ""
        path = self._cleared(key)
        run(["cp", "-r", "--reflink=auto", str(kept / "cluster"), str(path)], 600)
        path.chmod(0o700)
        self._own(path)
        return str(path)

    def blank(self, key: str, wanted_bytes: int) -> str:
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
        self._own(path)
        return str(path)

    def keep(self, key: str) -> None:
        """Copies it into the cache, whole or not at all."""
        kept = cache_folder() / key
        scratch = kept.with_name(f"{key}.{os.getpid()}.part")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True, mode=0o700)
        run(["cp", "-r", "--reflink=auto", str(self._place(key)), str(scratch / "cluster")], 600)
        (scratch / _COMPLETE).touch()
        shutil.rmtree(kept, ignore_errors=True)
        scratch.rename(kept)

    def _own(self, path: Path) -> None:
        if self._uid != os.geteuid():
            run(["chown", "-R", str(self._uid), str(path)], 120)
