"""Looks at somebody's own Locust file before a session: `python -m rig.load.looking SPEC.json OUT`.

Imports it as a load process does, and writes what it found, or what is wrong, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from rig.disk.typed import fitted
from rig.load.users_file import UsersFile


@dataclass(frozen=True)
class LookedAt:
    """What a file holds. `wrong`: why it cannot be run, in a line; else empty."""

    user_classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    wrong: str = ""


def look(file: UsersFile) -> LookedAt:
    """Imports a file, with all that it does then."""
    # patches the standard library: not before it is due
    from rig.load.users.users_loading import BadUsersFile, loaded

    try:
        found = loaded(file)
    except BadUsersFile as error:
        return LookedAt(wrong=str(error))
    return LookedAt(tuple(one.__name__ for one in found.user_classes), tuple(found.notes))


def main() -> None:
    """Ends the process at once, whatever threads the file has started."""
    told, out = Path(sys.argv[1]), Path(sys.argv[2])
    seen = look(fitted(UsersFile, json.loads(told.read_text())))
    out.write_text(json.dumps(asdict(seen)))
    os._exit(0)


if __name__ == "__main__":
    main()
