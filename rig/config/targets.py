"""`target.yaml` files and the catalogue of routes to Targets.

May not know PyYAML (`document` does), experiments, nor how a target is started.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.config.discovery import TARGET_YAML, Root, folders
from rig.config.document import Entry, Items, Map, Node, Scalar, read
from rig.config.findings import (
    Finding,
    Findings,
    Place,
    ReadError,
    did_you_mean,
    one_of,
    shortened,
)
from rig.config.readers import (
    Keys,
    Reader,
    expected,
    json_map,
    level,
    levels_of,
    list_of,
    map_of,
    matching,
    name,
    sentence,
    text,
    whole,
    word,
)
from rig.factors import FACTORS
from rig.model import Level
from rig.plan import Ledger, Plan, Route, Target, Unsupported

PLACEHOLDERS = (
    "python",
    "stack",
    "project",
    "folder",
    "host",
    "port",
    "posts",
    "cpu_n",
    "data_access",
    "connections",
    "pool_size",
    "app_workers",
    "app_threads",
    "wsgi_worker",
    "pooler",
    "database_host",
    "database_port",
    "database_name",
    "database_user",
    "database_password_file",
    "database_url",
    "prepared_statements",
)
"""What `{...}` may name in a target's start, env, migrate and seed."""

Levels = dict[str, tuple[Level, ...]]

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_PLACEHOLDER = re.compile(r"\{([\w.-]+)\}")
_SUPPORTED = tuple(
    field.name
    for field in dataclasses.fields(Plan)
    if field.name in FACTORS and field.name not in ("target", "route")
)
"""Factors whose level stands in the Plan under the factor's own name, as `bind` reads it."""

_path = matching(
    re.compile(r"/[^\s]{0,1999}"), "a path that begins with /, without spaces, 2000 long at most"
)
_identifier = matching(
    re.compile(r"[a-z_][a-z0-9_]{0,62}"),
    "a table's or column's name in lower case, 63 long at most",
)
_member = matching(
    re.compile(r"[\w-]+(\.[\w-]+)*"), "members of the answer, such as id or posts.id"
)
_fact = matching(
    re.compile(r"(app|answer|route)(\.[\w-]+)+"),
    "facts by dotted path, such as app.driver, answer.server or route.path",
)
_variable = matching(re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), "a variable's name")


@dataclass(frozen=True)
class Targets:
    """The targets of some roots, by name, in order of roots and folders."""

    by_name: Mapping[str, Target]
    doubts: tuple[Finding, ...]
    """What is wrong with files that nobody asked for by name; one that is missed may be in them."""


def read_targets(roots: Sequence[Path], routes_file: Path) -> Mapping[str, Target]:
    """Every target in the direct subfolders of `roots`, whoever's they are.

    `routes_file` is the catalogue that a target's routes take from. BadYaml with every
    problem of every file.
    """
    return find_targets([Root(path) for path in roots], routes_file, None).by_name


def find_targets(
    roots: Sequence[Root], routes_file: Path, named: Collection[str] | None
) -> Targets:
    """The targets of `roots`. BadYaml with every problem of those that are `named` (None: all).

    A name that two folders give is a problem of both.
    """
    findings = Findings()
    catalogue = _catalogue(routes_file, findings)
    targets: dict[str, Target] = {}
    places: dict[str, Place] = {}
    doubts: list[Finding] = []
    for folder in _folders(roots):
        if isinstance(folder, Finding):
            doubts.append(folder)
            continue
        called, wrong = None, list[Finding]()
        try:
            document = read(folder / TARGET_YAML)
            called, place = _called(document.root)
            wrong += document.findings
            target = _target(document.root, folder, catalogue, routes_file.name)
            if target.name in targets:
                what = f"target `{target.name}` is there already, in {places[target.name]}"
                wrong.append(Finding(place, what, "give it another name"))
            targets.setdefault(target.name, target)
            places.setdefault(target.name, place)
        except ReadError as error:
            wrong += error.findings
        if named is None or called in named:
            findings.add(wrong)
        else:
            doubts += wrong
    if named is None:
        findings.add(doubts)
    findings.raise_any()
    return Targets(targets, tuple(doubts))


def _folders(roots: Sequence[Root]) -> Iterator[Path | Finding]:
    """What the roots hold, each folder once."""
    seen: set[Path] = set()
    for root in roots:
        for found in folders(root):
            if isinstance(found, Finding):
                yield found
            elif found.resolve() not in seen:
                seen.add(found.resolve())
                yield found


def _called(root: Node) -> tuple[str | None, Place]:
    """The name that a target's file gives, and where; None where it cannot be told."""
    entry = root.entries.get("name") if isinstance(root, Map) else None
    if entry is None or not isinstance(entry.node, Scalar):
        return None, root.place
    return entry.node.text, entry.place


def _catalogue(file: Path, findings: Findings) -> Map | None:
    """The catalogue as nodes, checked; None where it cannot be told what is in it."""
    try:
        document = read(file)
        findings.add(document.findings)
        Keys(document.root)
    except ReadError as wrong:
        findings.add(wrong.findings)
        return None
    try:
        map_of(_route)(document.root)
    except ReadError as wrong:
        findings.add(wrong.findings)
    assert isinstance(document.root, Map)
    return document.root


def _target(node: Node, folder: Path, catalogue: Map | None, catalogue_name: str) -> Target:
    keys = Keys(node)
    called = keys.need("name", name)
    title = keys.get("title", sentence, called)
    start = keys.need("start", list_of(_template))
    routes = keys.need("routes", _routes(catalogue, catalogue_name))
    env: dict[str, str] = keys.get("env", map_of(lambda _: _template, _variable), {})
    migrate: tuple[str, ...] = keys.get("migrate", list_of(_template, empty=True), ())
    seed: tuple[str, ...] = keys.get("seed", list_of(_template, empty=True), ())
    content: tuple[str, ...] = keys.get("content", list_of(_content(folder), empty=True), ())
    ready = keys.get("ready", _path, Target.ready)
    facts = keys.get("facts", _path, None)
    ledger = keys.get("ledger", _ledger, None)
    supports: Levels = keys.get("supports", levels_of(_levels({}), _SUPPORTED), {})
    names = {"target": (called or "",), "route": tuple(routes or ())}
    refuses: tuple[Unsupported, ...] = keys.get("refuses", list_of(_refusal(names), empty=True), ())
    inherent: tuple[str, ...] = keys.get("inherent", list_of(_fact, distinct=True, empty=True), ())
    keys.close()
    return Target(
        name=called,
        folder=str(folder.resolve()),
        title=title,
        start=start,
        routes=routes,
        env=env,
        migrate=migrate,
        seed=seed,
        content=content,
        ready=ready,
        facts=facts,
        ledger=ledger,
        supports=supports,
        refuses=refuses,
        inherent=inherent,
    )


def _ledger(node: Node) -> Ledger:
    keys = Keys(node)
    table = keys.need("table", _identifier)
    column = keys.need("column", _identifier)
    keys.close()
    return Ledger(table, column)


def _content(folder: Path) -> Reader[str]:
    """A file or a folder that is there, as seen from the target's own."""

    def read_content(node: Node) -> str:
        entry = text(node)
        with contextlib.suppress(OSError):  # a name that no file can have
            path = folder / entry
            if path.is_file() or path.is_dir():
                return entry
        raise expected(node, f"files and folders that are there, seen from {folder.name}/")

    return read_content


def _answer(node: Node) -> Mapping[str, Any]:
    """Members of an answer; a length that is asked for is a number."""
    wanted = json_map(node)
    wrong = [Finding(place, what) for place, what in _lengths(node)]
    if wrong:
        raise ReadError(*wrong)
    return wanted


def _lengths(node: Node) -> Iterator[tuple[Place, str]]:
    if isinstance(node, Map):
        for entry in node.entries.values():
            yield from _lengths(entry.node)
    elif isinstance(node, Items):
        for item in node.items:
            yield from _lengths(item)
    elif isinstance(node, Scalar) and re.match(r"\{length:(?![0-9]{1,9}\}\Z)", node.text):
        what = f"`{shortened(node.name)}` expects a length such as {{length:25}}"
        yield node.place, f"{what}, not `{shortened(node.text)}`"


def _template(node: Node) -> str:
    """Text with none but known placeholders; they stay as they are."""
    template = text(node)
    wants = one_of(PLACEHOLDERS)
    unknown = [found for found in _PLACEHOLDER.findall(template) if found not in PLACEHOLDERS]
    wrong = (
        Finding(
            node.place,
            f"unknown placeholder `{{{shortened(found)}}}` in `{node.name}`, expected {wants}",
            did_you_mean(found, PLACEHOLDERS),
        )
        for found in unknown
    )
    if unknown:
        raise ReadError(*wrong)
    return template


def _routes(catalogue: Map | None, catalogue_name: str) -> Reader[dict[str, Route]]:
    """The routes a target serves: each its own keys over the catalogue's."""

    def read_routes(node: Node) -> dict[str, Route]:
        if catalogue is None or not isinstance(node, Map):
            Keys(node)
            raise ReadError()
        known = catalogue.entries
        findings = []
        entries = {}
        for route, entry in node.entries.items():
            own = entry.node
            if isinstance(own, Map) and not own.entries and route not in known:
                what = (
                    f"unknown route `{shortened(route)}`: it is not in {catalogue_name}, "
                    "so it needs at least `method` and `path`"
                )
                findings.append(Finding(entry.place, what, did_you_mean(route, known)))
            else:
                under = known.get(route)
                entries[route] = Entry(entry.place, _over(under.node, own) if under else own)
        try:
            routes = map_of(_route)(Map(node.name, node.place, entries))
        except ReadError as wrong:
            raise ReadError(*findings, *wrong.findings) from None
        if findings or not routes:
            raise ReadError(*(findings or [Finding(node.place, "`routes` expects at least one")]))
        return routes

    return read_routes


def _over(under: Node, own: Node) -> Node:
    """The catalogue's entry with a target's keys in place; one kind of body ousts the other."""
    if not (isinstance(under, Map) and isinstance(own, Map)):
        return own
    entries = dict(under.entries)
    for key, other in (("form", "json"), ("json", "form")):
        if key in own.entries:
            entries.pop(other, None)
    return Map(own.name, own.place, {**entries, **own.entries})


def _route(called: str) -> Reader[Route]:
    def read_route(node: Node) -> Route:
        keys = Keys(node)
        method = keys.need("method", word(_METHODS))
        path = keys.need("path", _path)
        form: dict[str, str] = keys.get("form", map_of(lambda _: text, text), {})
        json = keys.get("json", json_map, None)
        status = keys.get("status", whole(100, 599), Route.status)
        answer: Mapping[str, Any] = keys.get("answer", _answer, {})
        statements = keys.get("statements", whole(0, 1_000_000), None)
        varying: tuple[str, ...] = keys.get(
            "varying", list_of(_member, distinct=True, empty=True), ()
        )
        keys.close()
        if form and json is not None:
            what = f"route `{shortened(called)}` has a `form` and a `json` body"
            raise ReadError(Finding(node.place, what, "leave one of them"))
        return Route(called, method, path, form, json, status, answer, statements, varying)

    return read_route


def _levels(names: Mapping[str, Sequence[str]]) -> Callable[[str], Reader[tuple[Level, ...]]]:
    return lambda factor: list_of(level(factor, names.get(factor, ())), distinct=True)


def _refusal(names: Mapping[str, Sequence[str]]) -> Reader[Unsupported]:
    def read_refusal(node: Node) -> Unsupported:
        keys = Keys(node)
        because = keys.need("because", sentence)
        when: Levels = keys.get("when", levels_of(_levels(names)), {})
        unless: Levels = keys.get("unless", levels_of(_levels(names)), {})
        keys.close()
        if not when and not unless:
            what = "a refusal expects levels under `when` or `unless`"
            raise ReadError(Finding(node.place, what))
        return Unsupported(because, when, unless)

    return read_refusal
