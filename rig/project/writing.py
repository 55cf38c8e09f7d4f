"""The two files of a first experiment, as text."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rig.project.found import Found
from rig.project.routes import Route

WIDTH = 34
"""Where comments begin."""


@dataclass(frozen=True)
class Written:
    """Where the files stand, and their texts."""

    target_file: Path
    target: str
    experiment_file: Path
    experiment: str


def name_of(folder: Path, taken: Collection[str] = ()) -> str:
    """A name for a project, from its folder's: letters, digits and dashes.

    With the name of the folder above, where it is `taken`.
    """
    name = _word(folder.name)
    return _word(f"{folder.parent.name}-{folder.name}") if name in taken else name


def _word(text: str) -> str:
    word = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return word[:40].strip("-") or "project"


def written(
    found: Found,
    name: str,
    out: Path,
    schemas: Path,
    variables: Mapping[str, str],
    routes: Sequence[Route],
    why_none: str,
) -> Written:
    """The files for a project, in folder `out`; `why_none` says why there are no routes."""
    folder = out / name
    if folder.resolve() == found.folder.resolve():
        folder = out / f"{name}-bench"  # a project's own folder stays as it is
    target = _target(found, name, folder, schemas, variables, routes, why_none)
    experiment = _experiment(found, name, out, schemas, routes)
    return Written(
        *(folder / "target.yaml", "".join(f"{line}\n" for line in target)),
        *(out / f"{name}.yaml", "".join(f"{line}\n" for line in experiment)),
    )


def _target(
    found: Found,
    name: str,
    folder: Path,
    schemas: Path,
    variables: Mapping[str, str],
    routes: Sequence[Route],
    why_none: str,
) -> Iterator[str]:
    yield f"# yaml-language-server: $schema={_relative(schemas, folder)}/target.schema.json"
    yield "# Written by `runner.py init`. docs/extending.md lists every key."
    yield f"name: {name}"
    yield f"project: {_text(_relative(found.folder, folder))}"
    yield _line("django:", "the rig serves it; each cell lays over its settings")
    yield f"  settings: {found.settings}"
    for key, value in (("wsgi", found.wsgi), ("asgi", found.asgi)):
        if value:
            yield f"  {key}: {value}"
    if found.python:
        yield _line(
            f"python: {_text(found.python)}", "its packages, in an environment of their own"
        )
    if variables:
        yield _line("env:", "its settings need these: stand-ins, no real secrets")
        yield from (f"  {key}: {_text(value)}" for key, value in variables.items())
    if found.env_file:
        yield _line(f"env_file: {found.env_file}", "`env` wins over it")
    collect = "before_start: [[python, manage.py, collectstatic, --no-input]]"
    yield collect if found.collects_static else f"# {collect}"
    yield _line('# seed: ["{python}", manage.py, loaddata, NAME]', "rows to measure with")
    yield from _routes(routes, why_none)


def _routes(routes: Sequence[Route], why_none: str) -> Iterator[str]:
    if not routes:
        yield f"# No routes could be read: {why_none[:80]}"
        yield "# more: `home: {method: GET, path: /, status: 302}`, or a POST with `form` or `json`"
        yield "routes:"
        yield "  home: {method: GET, path: /}"
        return
    yield _line("routes:", "status 200 unless said: `status: 302` for a login")
    for one in routes:
        yield f"  {one.name}: {{method: GET, path: {_text(one.path)}}}"


def _experiment(
    found: Found, name: str, out: Path, schemas: Path, routes: Sequence[Route]
) -> Iterator[str]:
    first, second = _servers(found)
    route = routes[0].name if routes else "home"
    yield f"# yaml-language-server: $schema={_relative(schemas, out)}/experiment.schema.json"
    yield f"# Written by `runner.py init`. Run it: python runner.py {name}.yaml --no-calibrate"
    yield f"experiment: {name}"
    yield "claim:"
    yield f"  says: {second} serves more than {first}."
    yield f"  ratio: {{of: goodput_rps, server: [{second}, {first}]}}"
    yield "  at_least: 1"
    yield _line(f"setup: {{target: {name}, route: {route}}}", "one route; `vary` may have several")
    yield "vary:"
    yield _line(f"  server: [{first}, {second}]", "docs/extending.md lists the others")
    if found.wsgi:
        yield _line("  connections: [per_request, persistent]", "ASGI keeps none: skipped there")
    yield _line("  delay_ms: [0, 50]", "one way, to users and to the database")
    if found.wsgi:
        yield "also:"
        yield "  threads:"
        yield "    because: do threads do the same?"
        yield f"    only: {{server: [{first}]}}"
        yield "    set: {server: gunicorn-gthread, app_threads: 8}"
    yield _line(
        "load: {users: {from: 5, per_s: 10, to: 20}, steady: 8s, timeout: 60s}", "a first look"
    )
    yield _line("data: {posts: 100, cpu_n: 1000}", "`seed` may use {posts}")


def _servers(found: Found) -> tuple[str, str]:
    match bool(found.wsgi), bool(found.asgi):
        case True, True:
            return "gunicorn-sync", "gunicorn-uvicorn"
        case True, False:
            return "gunicorn-sync", "granian-wsgi"
    return "gunicorn-uvicorn", "granian-asgi"


def _line(text: str, comment: str) -> str:
    return f"{text:<{WIDTH}} # {comment}"


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path.resolve(), folder.resolve())


def _text(value: str) -> str:
    """As YAML reads it back."""
    plain = re.fullmatch(r"[A-Za-z./][\w./-]*", value) and value.lower() not in _NO_TEXT
    return value if plain else json.dumps(value, ensure_ascii=False)


_NO_TEXT = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
