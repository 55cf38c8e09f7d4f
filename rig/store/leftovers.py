"""What killed runs leave in a results folder: found, and removed where nobody uses it."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from rig.disk import files
from rig.model import RigError
from rig.store import creation, names, session_folder


def remove(out: Path) -> list[Path]:
    """Removes it from a results folder, but for sessions that are running; which."""
    removed = []
    for experiment in sorted(path for path in out.glob("*") if path.is_dir()):
        removed += files.remove_left_behind(creation.HIDDEN, experiment)
    for session in filter(_ours, session_folder.sessions(out)):
        # only where there is something to hold it for
        if any(_parts(session.path)) or any(session.path.glob(f"{files.DERIVED_SCRATCH}*")):
            with contextlib.suppress(RigError, OSError), session.hold():
                removed += remove_from(session.path)
    return removed


def remove_from(session: Path) -> list[Path]:
    """Removes it from a session that this process holds, and where that began; which. OSError."""
    removed = files.remove_left_behind(files.DERIVED_SCRATCH, session)
    removed += files.remove_left_behind(f"{creation.HIDDEN}{session.name}-", session.parent)
    for path in _parts(session):
        path.unlink()
        removed.append(path)
    return removed


def _ours(session: session_folder.SessionFolder) -> bool:
    """Whether nobody else can have put links into it."""
    found = session.path.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _parts(session: Path) -> list[Path]:
    """Files that were never finished; of a finished attempt every file counts."""
    return [
        path
        for path in files.regular_files(session)
        if path.suffix == ".part"
        and not any((above / names.MANIFEST).exists() for above in path.parents)
    ]
