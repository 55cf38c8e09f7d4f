"""Where targets stand, and whose they are.

A `target.yaml` says which commands run, so a folder beside an experiment is looked at before
anything in it is read: in a shared place anybody can put one there. May not know what stands in it.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from rig.config.document import MOST_BYTES, shown
from rig.config.findings import Finding, Place

TARGET_YAML = "target.yaml"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class Root:
    """A folder whose direct subfolders may hold targets.

    `owners`: the users whose files are read; None: everybody's, as of the rig's own folders.
    """

    path: Path
    owners: frozenset[int] | None = None


def root_next_to(folder: Path, experiment: Path) -> Root:
    """The root of targets beside an experiment: the runner's, root's, the experiment's owner's.

    The folder's owner counts where nobody else can put anything there.
    """
    owners = {os.geteuid(), 0}
    for path in (experiment, folder):
        try:
            found = path.stat()
        except OSError:  # said when it is read
            continue
        if path == experiment or not found.st_mode & _OTHERS_WRITE:
            owners.add(found.st_uid)
    return Root(folder, frozenset(owners))


def folders(root: Root) -> Iterator[Path | Finding]:
    """Subfolders with a target.yaml that may be read, and what is wrong with the others."""
    try:
        names = sorted(os.listdir(root.path))
    except OSError as error:
        gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        what = "is no folder" if gone else f"cannot be listed: {(error.strerror or '').lower()}"
        yield Finding(Place(str(root.path)), what, "check the path")
        return
    for name in names:
        file = root.path / name / TARGET_YAML
        try:
            wrong = _wrong(file, root.owners)
        except OSError:
            # no folder, no such file, or a private folder of somebody else's
            if not os.path.islink(file):
                continue
            wrong = "is a link that leads nowhere", "correct it"
        yield Finding(Place(shown(file)), *wrong) if wrong else file.parent


def _wrong(file: Path, owners: Collection[int] | None) -> tuple[str, str] | None:
    """Why a target.yaml is not read, and what to do; None where it is. OSError."""
    of_file, of_folder = file.stat(), file.parent.stat()
    if not stat.S_ISREG(of_file.st_mode):
        return "is no regular file", "remove it"
    if of_file.st_size > MOST_BYTES:
        return f"has {of_file.st_size} bytes, and {MOST_BYTES} are the most that is read", ""
    if owners is None:
        return None
    # the links on the way, too: whoever made one chose what it leads to
    for found in (file.lstat(), file.parent.lstat(), of_file, of_folder):
        if found.st_uid not in owners:
            problem = f"belongs to {_user(found.st_uid)}, so it is not read"
            return problem, "copy that folder, or run the experiment from a folder of your own"
    if (of_file.st_mode | of_folder.st_mode) & stat.S_IWOTH:
        return "can be written by everybody, so it is not read", f"chmod -R o-w {file.parent}"
    return None


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
