"""How a session's folder comes to be: all at once, under a name that nobody else has.

It is put together in a hidden folder beside the sessions and then given its name, so that a run
that is killed meanwhile leaves no session without its `session.json`.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rig.disk import files
from rig.store.session_folder import SessionFolder

HIDDEN = ".begun-"
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
    files.remove_left_behind(HIDDEN, experiment)
    free = (name for name in _names(first) if not (experiment / name).exists())
    wanted = next(free)
    with contextlib.ExitStack() as held:
        with files.scratch(f"{HIDDEN}{wanted}-", experiment) as hidden:
            for name in itertools.chain([wanted], free):
                made = SessionFolder(hidden / name)
                made.begin(facts(name), yaml_text)
                held.enter_context(made.hold())
                if _moved(made.path, experiment / name):
                    break
        files.sync(experiment)
        yield SessionFolder(experiment / name)


def killed_since(session: SessionFolder) -> bool:
    """Whether a run later than that session was killed before it had a session.

    The session's own hidden folder may be left too, but then with nothing in it.
    """
    experiment = session.path.parent
    for hidden in experiment.parent.glob(f"*/{HIDDEN}*"):
        name = hidden.name.removeprefix(HIDDEN).rpartition("-")[0]
        own = hidden.parent == experiment and not any(hidden.iterdir())
        if name > session.name or (name == session.name and not own):
            return True
    return False


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
