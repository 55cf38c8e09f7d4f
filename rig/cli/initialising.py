"""`runner.py init`: looks at a Django project and writes a target and a first experiment for it.

Asks nothing. What it took for granted is said, and stands in the files it writes.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from rig.backends import environment as environments
from rig.backends.environment import Environment
from rig.backends.specs import PROJECT
from rig.cli import lock, roots
from rig.cli.terminal import Screen
from rig.config import NoEnvFile, names_taken, read_env_file
from rig.disk.files import create
from rig.factors.servers import SERVERS
from rig.model import ExitCode, RigError, UsageError, one_line
from rig.plan import PLACEHOLDER
from rig.project import Answered, Found, Written, chosen, look, missing, stand_ins, written
from rig.project.variables import OFF
from rig.project.writing import name_of

SCRIPT = PROJECT / "stack" / "around" / "bench_routes.py"
MOST_LACKED = 20
"""Variables that settings are helped out with, one after the other."""
ERROR_CHARS = 300

_NOWHERE = {
    "database_url": "postgresql://app:none@localhost:5432/bench",
    "database_host": "localhost",
    "database_port": "5432",
    "database_name": "bench",
    "database_user": "app",
    "database_password": "none",
}
"""What stands for placeholders while settings are loaded, with no database."""


def init(folder: Path, out: Path, force: bool, screen: Screen) -> int:
    """Writes `NAME/target.yaml` and `NAME.yaml` into `out`. UsageError where they are there."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", "name the project's folder")
    taken = names_taken(roots.OWN, roots.ROUTES_FILE, out)
    found, name = look(folder.resolve()), name_of(folder.resolve(), taken)
    variables, answered = _environment_and_routes(found, name, screen)
    routes = chosen(answered)
    why_none = one_line(answered.get("error", "it has no GET routes without parameters"))
    files = written(found, name, out, PROJECT / "schemas", variables, routes, why_none)
    _write(files, force)
    _say(found, files, variables, answered, screen)
    screen.say(f"next: python runner.py try {name}")
    return ExitCode.OK


def _environment_and_routes(
    found: Found, name: str, screen: Screen
) -> tuple[Mapping[str, str], Answered]:
    """The variables that its settings need, and what its own code says of its routes."""
    variables = stand_ins(found.needed, found.variables, found.examples)
    variables |= dict.fromkeys(found.debugging, OFF)
    try:
        with lock.alone("(init)"):
            environment = _environment(found, name, screen)
            for _ in range(MOST_LACKED):
                answered = _routes(environment, found, variables)
                lacked = missing(
                    answered.get("error", ""), found.variables.keys() - variables.keys()
                )
                if not lacked or lacked in variables:
                    break
                variables |= stand_ins([lacked], found.variables, found.examples)
    except RigError as error:
        if isinstance(error, UsageError):  # another session has the machine
            raise
        return variables, {"error": error.what}
    return variables, answered


def _environment(found: Found, name: str, screen: Screen) -> Environment:
    if not found.python:
        folders = (sys.prefix, sys.base_prefix)
        return Environment(sys.executable, os.path.dirname(sys.executable), folders, "")
    # the one that `try` takes
    servers = SERVERS["gunicorn-sync" if found.wsgi else "gunicorn-uvicorn"].distributions
    return environments.of_project(name, found.folder / found.python, servers, screen.say_line)


def _routes(environment: Environment, found: Found, variables: Mapping[str, str]) -> Answered:
    filled = {
        name: PLACEHOLDER.sub(lambda one: _NOWHERE.get(one[1], one[0]), value)
        for name, value in variables.items()
    }
    try:
        own = read_env_file(found.folder / found.env_file) if found.env_file else {}
    except (NoEnvFile, OSError) as error:
        return {"error": f"{found.env_file}: {error}"}
    said = environments.script_output(
        environment, found.folder, SCRIPT, [found.settings], {**own, **filled}
    )
    try:
        answered: Answered = json.loads(said.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {"error": "its code printed something else than its routes"}
    return answered


def _write(files: Written, force: bool) -> None:
    texts = {files.target_file: files.target, files.experiment_file: files.experiment}
    there = [path for path in texts if os.path.lexists(path)]
    if there and not force:
        raise UsageError(f"{there[0]} is there already", "--force writes it anew, --out elsewhere")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with create(path) as file:
            file.write(text.encode())


def _say(
    found: Found,
    files: Written,
    variables: Mapping[str, str],
    answered: Answered,
    screen: Screen,
) -> None:
    """What was written, and what was taken for granted."""
    for path in (files.target_file, files.experiment_file):
        screen.say_line(f"wrote {os.path.relpath(path)}")
    callables = ", ".join(one for one in (found.wsgi, found.asgi) if one)
    screen.say_line(f"settings {found.settings}; callables {callables}")
    django = f", Django {answered['django']}" if "django" in answered else ""
    screen.say_line(f"packages: {found.python or 'those of the rig'}{django}")
    screen.say_line(f"database: {found.database}; the rig lays its own over it")
    if found.env_file:
        screen.say_line(f"variables of {found.env_file} are given to it")
    if stand_in := [name for name in variables if name not in found.debugging]:
        screen.say_line(f"stand-ins for variables without a default: {', '.join(stand_in)}")
    if found.debugging:
        screen.say_line(f"DEBUG is off, and what its settings make of it: {found.debugging[0]}")
    if found.collects_static:
        screen.say_line("collectstatic runs before the start: its pages need its manifest")
    for note in found.notes:
        screen.say_line(f"taken for granted: {note}")
    if "error" in answered:
        error = re.sub(r"\s+", " ", one_line(answered["error"]))[:ERROR_CHARS]
        screen.say_line(f"its routes could not be read: {error}")
    else:
        listed, count = len(chosen(answered)), len(answered["routes"])
        screen.say_line(f"routes: {listed} of the {count} that take GET and no parameter")
