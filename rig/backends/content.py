"""A target's own files: those that decide what its commands make, and a copy for these to change.

Without what is no part of a project: version control, environments, caches.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from rig.disk.files import create, sha256
from rig.model import StackError
from rig.plan import Plan, Target

MOST_FILES = 100_000
"""Files of one folder that are looked at."""

IGNORED = frozenset(
    {
        *(".git", ".hg", ".svn"),
        *(".venv", "venv", "node_modules", "bower_components"),
        *("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".cache"),
        *(".tox", ".nox", ".eggs", "htmlcov", ".idea", ".vscode"),
    }
)
"""Folders that are left out, wherever they stand in a project."""
_OF_ENVIRONMENT = "pyvenv.cfg"


class ContentHashes:
    """Hashes of targets' contents, each taken once: a session does not change what it measures."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, ...], list[list[str]]] = {}

    def of(self, target: Target) -> list[list[str]]:
        """`hashes`, as they were when first asked for."""
        name = target.folder, target.code_folder, *target.content
        if name not in self._taken:
            self._taken[name] = hashes(target)
        return self._taken[name]


def hashes(target: Target) -> list[list[str]]:
    """Path and SHA-256 (hex) of each file of a target's content. StackError, DamagedFile."""
    return [
        [os.path.relpath(path, root), sha256(path)]
        for entry in target.content or (target.code_folder,)
        for root, path in _below((Path(target.folder) / entry).resolve())
    ]


def _below(root: Path) -> Iterator[tuple[Path, Path]]:
    if not root.is_dir():
        yield root.parent, root
        return
    found = [path for path in files(root) if path.is_file()]
    yield from ((root, path) for path in sorted(found))


def files(root: Path) -> Iterator[Path]:
    """What a project's folder holds beside folders, links and all. StackError for too many."""
    return (path for path in parts(root) if path.is_symlink() or not path.is_dir())


def parts(root: Path) -> Iterator[Path]:
    """What a project's folder holds, folders too. StackError for too many."""
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(kept(Path(folder), folders))
        count += len(names)
        if count > MOST_FILES:
            what = f"{root} has more than {MOST_FILES} files"
            raise StackError(what, "name what decides the posts in the target's `content`")
        yield from (Path(folder) / name for name in (*folders, *names))


def kept(folder: Path, names: Sequence[str]) -> list[str]:
    """The subfolders that are part of a project."""
    return [
        name
        for name in names
        if name not in IGNORED and not (folder / name / _OF_ENVIRONMENT).exists()
    ]


def copy(project: Path, to: Path) -> None:
    """Copies a project to a new folder that all may read. Links stay links. StackError, OSError."""
    to.mkdir(mode=0o755)
    for path in files(project):
        target = to / path.relative_to(project)
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if path.is_symlink():
            target.symlink_to(os.readlink(path))
        elif path.is_file():
            _copy_file(path, target)


def _copy_file(path: Path, to: Path) -> None:
    with opened(path) as (read, executable), create(to) as written:
        shutil.copyfileobj(read, written)
        os.fchmod(written.fileno(), 0o755 if executable else 0o644)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """A regular file of a project, and whether it may be executed. StackError, OSError.

    Whose project it is may be somebody else than who reads: no link is followed.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(path, flags), "rb") as read:
        mode = os.fstat(read.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise StackError(f"{path} is no regular file")
        yield read, bool(mode & stat.S_IXUSR)


class Copies:
    """Copies of targets' projects for the commands before their start: one each a session."""

    def __init__(self, scratch: Path, hand_over: Callable[[Path], None]) -> None:
        """`hand_over` makes a copy the roles' user's."""
        self._scratch, self._hand_over = scratch, hand_over
        self._made: dict[str, str] = {}

    def placed(self, plan: Plan) -> Plan:
        """The plan with its target's code in a copy, where its commands may change it."""
        target = plan.target
        if not target.before_start:
            return plan
        if target.code_folder not in self._made:
            made = self._scratch / f"project-{len(self._made) + 1}"
            copy(Path(target.code_folder), made)
            self._hand_over(made)
            self._made[target.code_folder] = str(made)
        code = self._made[target.code_folder]
        folder = target.folder if target.project else code
        return replace(plan, target=replace(target, folder=folder, project=code))
