"""How a session's folder comes to be: all at once, under a name that nobody else has.

It is put together in a hidden folder beside the sessions and then given its name, so that a run
that is killed meanwhile leaves no session without its `session.json`.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rig.files import locked, sync
from rig.store import SessionFolder

_HIDDEN = ".begun-"
Facts = Callable[[str], Mapping[str, Any]]
"""The contents of session.json, given the session's name."""


@contextlib.contextmanager
def new_session(
    experiment: Path, profile: str | None, facts: Facts, yaml_text: str
) -> Iterator[SessionFolder]:
    """Begins a session in an experiment's folder, and holds it. Its name sorts by time."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    first = f"{stamp}-{profile}" if profile else stamp
    experiment.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        with _hidden(experiment, first) as hidden:
            for name in _names(first):
                made = SessionFolder(hidden / name)
                made.begin(facts(name), yaml_text)
                held.enter_context(made.hold())
                if _moved(made.path, experiment / name):
                    break
        sync(experiment)
        yield SessionFolder(experiment / name)


def killed_since(out: Path, session: str) -> bool:
    """Whether a run later than that session was killed before it had a session."""
    return any(path.name > f"{_HIDDEN}{session}" for path in out.glob(f"*/{_HIDDEN}*"))


def _names(first: str) -> Iterator[str]:
    yield first
    yield from (f"{first}-{number}" for number in itertools.count(2))


def _moved(made: Path, path: Path) -> bool:
    """Gives a folder its name; False where another one has it."""
    try:
        made.rename(path)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        shutil.rmtree(made)
        return False
    return True


@contextlib.contextmanager
def _hidden(experiment: Path, name: str) -> Iterator[Path]:
    """A hidden folder, locked while it is ours. Those that killed runs have left are removed."""
    for left in experiment.glob(f"{_HIDDEN}*"):
        with contextlib.suppress(OSError):
            descriptor = _open(left)
            if locked(descriptor):
                shutil.rmtree(left, ignore_errors=True)
            os.close(descriptor)
    path, descriptor = _made(experiment, name)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def _made(experiment: Path, name: str) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=f"{_HIDDEN}{name}-", dir=experiment))
        # another run may take it for left behind before it is locked
        with contextlib.suppress(FileNotFoundError):
            descriptor = _open(path)
            if locked(descriptor) and path.exists():
                return path, descriptor
            os.close(descriptor)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
