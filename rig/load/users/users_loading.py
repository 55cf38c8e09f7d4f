"""Loads a user's own Locust file: its user classes, and what of it the rig does not use.

For the process that runs it, and for the one that looks at it before a session. What is wrong with
the file is one line, which names it and the place. May not know loads.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from locust import LoadTestShape, User
from locust.user.task import filter_tasks_by_tags
from locust.util.load_locustfile import load_locustfile

from rig.load.users_file import UsersFile

MOST_CHARS = 300
"""Of what an error of the file's says."""


class BadUsersFile(Exception):
    """The file cannot be run: where, and why, in one line."""


@dataclass(frozen=True)
class Loaded:
    """A file that was imported."""

    user_classes: Sequence[type[User]]
    """Those that are run: chosen, and with a task left."""
    notes: Sequence[str]
    """What of it is not used, each in a line."""


def loaded(file: UsersFile) -> Loaded:
    """Imports the file as Locust does, from its folder. BadUsersFile.

    Its folder becomes the working folder: files that it opens stand beside it, as a rule.
    """
    folder = os.path.dirname(file.path)
    try:
        os.chdir(folder)
    except OSError as error:
        raise BadUsersFile(f"{file.name}: {folder}: {error.strerror}") from error
    os.environ.update(file.env)
    # behind the rig's own, which they may not take the place of
    behind = (*file.import_folders, *([file.packages] if file.packages else ()))
    sys.path.extend(path for path in behind if path not in sys.path)
    try:
        found, shapes = load_locustfile(file.path)
    except BaseException as error:  # whatever its code does
        if isinstance(error, KeyboardInterrupt):
            raise
        raise BadUsersFile(_why(file, error)) from error
    return _chosen(file, dict(found), shapes)


def _why(file: UsersFile, error: BaseException) -> str:
    """What went wrong as the file was imported, with the last line of it that was reached."""
    where = place_of(file, error)
    if isinstance(error, SystemExit):
        return f"{where}: it ends the program as it is imported: sys.exit({_of_exit(error)})"
    if isinstance(error, SyntaxError):
        name = called(file, error.filename or file.path) or file.name
        return f"{name}:{error.lineno}: it is no Python: {error.msg}"
    if isinstance(error, ModuleNotFoundError):
        need = "name its package in a requirements.txt beside the file"
        return f"{where}: there is no module {error.name}: {need}"
    return f"{where}: {said_by(error)}"


def _of_exit(error: SystemExit) -> str:
    return "" if error.code is None else repr(error.code)[:MOST_CHARS]


def said_by(error: BaseException) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())[:MOST_CHARS]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def place_of(file: UsersFile, error: BaseException) -> str:
    """The last place in the user's own files that an error passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [(called(file, one.filename), one.lineno) for one in frames]
    found = [(name, line) for name, line in inside if name]
    return "{}:{}".format(*found[-1]) if found else file.name


def called(file: UsersFile, path: str) -> str:
    """What messages call a path in the user's folders; empty for one elsewhere."""
    if path == file.path:
        return file.name
    for folder in (os.path.dirname(file.path), *file.import_folders):
        if path.startswith(f"{folder}/") and "/site-packages/" not in path:
            return os.path.relpath(path, folder)
    return ""


def _chosen(
    file: UsersFile, found: dict[str, type[User]], shapes: Sequence[LoadTestShape]
) -> Loaded:
    if not found:
        raise BadUsersFile(f"{file.name}: there is no User class in it: it needs one with tasks")
    for name in file.user_classes:
        if name not in found:
            there = ", ".join(sorted(found))
            raise BadUsersFile(f"{file.name}: there is no user class {name}, only {there}")
    chosen = [found[name] for name in file.user_classes] or list(found.values())
    known = sorted({tag for one in chosen for tag in _tags_in(one.tasks)})
    without = [one for one in chosen if not one.tasks]
    for one in chosen:
        filter_tasks_by_tags(one, set(file.tags) or None, set(file.exclude_tags) or None)
    able = [one for one in chosen if one.tasks]
    if not able:
        raise BadUsersFile(f"{file.name}: {_no_task(file, without == chosen, known)}")
    running = [one for one in able if one.weight > 0 or one.fixed_count > 0]
    if not running:
        raise BadUsersFile(f"{file.name}: no user class in it has a weight above 0")
    left = [*_left_out(file, [one for one in chosen if not one.tasks], "no task left")]
    left += _left_out(file, [one for one in able if one not in running], "a weight of 0")
    return Loaded(running, [*_unused(file, running, shapes), *left])


def _no_task(file: UsersFile, never_any: bool, known: Sequence[str]) -> str:
    if never_any:
        return "no user class in it has a task"
    asked = [f"tags {', '.join(file.tags)}"] * bool(file.tags)
    asked += [f"exclude_tags {', '.join(file.exclude_tags)}"] * bool(file.exclude_tags)
    return f"{' and '.join(asked)} leave no task; it has the tags {', '.join(known) or '(none)'}"


def _tags_in(tasks: Iterable[Any]) -> Iterator[str]:
    for task in tasks:
        yield from getattr(task, "locust_tag_set", ())
        if isinstance(task, type):
            yield from _tags_in(getattr(task, "tasks", ()))


def _unused(
    file: UsersFile, running: Sequence[type[User]], shapes: Sequence[LoadTestShape]
) -> Iterator[str]:
    """What of the file is the rig's business."""
    if hosts := [one.__name__ for one in running if one.host]:
        yield f"{file.name}: the host of {', '.join(hosts)} is not used: the target is asked"
    if shapes:
        names = ", ".join(sorted({type(one).__name__ for one in shapes}))
        why = "how many users there are, the experiment's `load` says"
        yield f"{file.name}: the load shape {names} is not used: {why}"


def _left_out(file: UsersFile, classes: Sequence[type[User]], has: str) -> Iterator[str]:
    if classes:
        names = ", ".join(one.__name__ for one in classes)
        yield f"{file.name}: {names} has {has}, and no users"
