"""What killed runs leave in a results folder: found, and removed where nobody uses it."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from rig import beginning, files, store
from rig.model import RigError


def remove(out: Path) -> list[Path]:
    """Removes it from a results folder, but for sessions that are running; which."""
    removed = []
    for experiment in sorted(path for path in out.glob("*") if path.is_dir()):
        removed += files.remove_left_behind(beginning.HIDDEN, experiment)
    for session in filter(_ours, store.sessions(out)):
        # only where there is something to hold it for
        if any(_parts(session.path)) or any(session.path.glob(f"{files.DERIVED_SCRATCH}*")):
            with contextlib.suppress(RigError, OSError), session.hold():
                removed += remove_from(session.path)
    return removed


def remove_from(session: Path) -> list[Path]:
    """Removes it from a session that this process holds, and where that began; which. OSError."""
    removed = files.remove_left_behind(files.DERIVED_SCRATCH, session)
    removed += files.remove_left_behind(f"{beginning.HIDDEN}{session.name}-", session.parent)
    for path in _parts(session):
        path.unlink()
        removed.append(path)
    return removed


def _ours(session: store.SessionFolder) -> bool:
    """Whether nobody else can have put links into it."""
    found = session.path.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _parts(session: Path) -> list[Path]:
    """Files that were never finished; of a finished attempt every file counts."""
    return [
        path
        for path in files.regular_files(session)
        if path.suffix == ".part"
        and not any((above / store.MANIFEST).exists() for above in path.parents)
    ]
