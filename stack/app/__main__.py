"""Becomes the target's command: its web server, its migration or its seeding.

    python -m stack.app SPEC.json OUT/

SPEC: `AppSpec`. OUT: the target's own files.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from stack.app.spec import PASSWORD, read_spec


def own_password_file(environment: dict[str, str]) -> None:
    """Copies the password file where others may read it: libpq would not take it then."""
    given = environment.get("PGPASSFILE")
    if given and os.stat(given).st_mode & 0o077:
        descriptor, own = tempfile.mkstemp(prefix="pgpass-")  # mode 600
        with os.fdopen(descriptor, "w") as copy:
            copy.write(Path(given).read_text())
        environment["PGPASSFILE"] = own


def main() -> None:
    """The role: one JSON file in, one folder out."""
    spec, out = read_spec(Path(sys.argv[1])), Path(sys.argv[2])
    beside_python = os.path.dirname(sys.executable)
    others = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if spec.path:  # a program that its own Python lacks is missing, and not taken from the rig's
        others = [folder for folder in others if folder != beside_python]
    path = os.pathsep.join([spec.path or beside_python, *others])
    own = {"PATH": path, "HOME": str(out), "LANG": "C.UTF-8", "BENCH_COUNTERS": str(out)}
    password = Path(spec.password_file).read_text().strip()
    told = {name: value.replace(PASSWORD, password) for name, value in spec.env.items()}
    environment = {**own, **told}
    own_password_file(environment)
    os.chdir(spec.folder)
    os.environ["PATH"] = path  # where execvpe looks
    os.execvpe(spec.command[0], list(spec.command), environment)


if __name__ == "__main__":
    main()
