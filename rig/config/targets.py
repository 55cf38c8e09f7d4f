"""Target folders and the catalogue of routes to Targets.

May not know PyYAML (`document` does), experiments, nor how a target is started.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rig.config.discovery import TARGET_YAML, Root, folders
from rig.config.document import Entry, Map, Node, Scalar, read
from rig.config.findings import Finding, Findings, Place, ReadError, did_you_mean, shortened
from rig.config.route import Route
from rig.config.sections import Context, validated
from rig.config.services import by_name
from rig.config.target import Catalogue
from rig.config.target import Target as TargetFile
from rig.plan import Target


@dataclass(frozen=True)
class Targets:
    """The targets of some roots, by name, in order of roots and folders."""

    by_name: Mapping[str, Target]
    doubts: tuple[Finding, ...]
    """What is wrong with files that nobody asked for by name; one that is missed may be in them."""
    unasked: tuple[Finding, ...] = ()
    """What is wrong with routes that nobody asked for, of targets that somebody did."""


def read_targets(roots: Sequence[Path], routes_file: Path) -> Mapping[str, Target]:
    """Every target in the direct subfolders of `roots`, whoever's they are.

    `routes_file` is the catalogue that a target's routes take from. BadYaml with every
    problem of every file.
    """
    return find_targets([Root(path) for path in roots], routes_file, None).by_name


def find_targets(
    roots: Sequence[Root],
    routes_file: Path,
    named: Collection[str] | None,
    asked: Collection[str] | None = None,
) -> Targets:
    """The targets of `roots`. BadYaml with every problem of those that are `named` (None: all).

    They have no route that is wrong and not `asked` for (None: all are). A name that two folders
    give is a problem of both.
    """
    findings = Findings()
    catalogue = _catalogue(routes_file, findings)
    targets: dict[str, Target] = {}
    places: dict[str, Place] = {}
    doubts: list[Finding] = []
    unasked: list[Finding] = []
    for folder in _folders(roots):
        if isinstance(folder, Finding):
            doubts.append(folder)
            continue
        called, wrong = None, list[Finding]()
        try:
            document = read(folder / TARGET_YAML)
            called, place = _called(document.root)
            wrong += document.findings
            target, left_out = _target(document.root, folder, catalogue, routes_file.name, asked)
            unasked += left_out if named is None or called in named else ()
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
    return Targets(targets, tuple(doubts), tuple(unasked))


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
    root: Node | None = None
    try:
        document = read(file)
        findings.add(document.findings)
        root = document.root
        validated(Catalogue, root, Context())
    except ReadError as wrong:
        findings.add(wrong.findings)
    return root if isinstance(root, Map) else None


def _target(
    root: Node,
    folder: Path,
    catalogue: Map | None,
    catalogue_name: str,
    asked: Collection[str] | None,
) -> tuple[Target, Sequence[Finding]]:
    """A target, and what is wrong with routes that it is left without."""
    called, _ = _called(root)
    entries = dict(root.entries) if isinstance(root, Map) else {}
    findings: list[Finding] = []
    routes = entries.get("routes")
    if routes and isinstance(routes.node, Map):
        laid = _over_catalogue(routes.node, catalogue, catalogue_name, findings)
        entries["routes"] = Entry(routes.place, laid)
    service_names: tuple[str, ...] = ()
    if services := entries.get("services"):
        helpers = by_name(services.node)
        entries["services"] = Entry(services.place, helpers)
        service_names = tuple(helpers.entries) if isinstance(helpers, Map) else ()
    names = {
        "service": service_names,
        "target": (called or "",),
        "route": tuple(routes.node.entries) if routes and isinstance(routes.node, Map) else (),
    }
    node = Map(root.name, root.place, entries) if isinstance(root, Map) else root
    context = Context(names, folder)
    try:
        target, left_out = _read(node, context, asked)
    except ReadError as wrong:
        raise ReadError(*findings, *wrong.findings) from None
    if findings:
        raise ReadError(*findings)
    return target.planned(str(folder.resolve())), left_out


def _read(
    node: Node, context: Context, asked: Collection[str] | None
) -> tuple[TargetFile, Sequence[Finding]]:
    try:
        return validated(TargetFile, node, context), ()
    except ReadError:
        if asked is None or not isinstance(node, Map) or "routes" not in node.entries:
            raise
        without, left_out = _without_wrong(node.entries["routes"], context, asked)
        with contextlib.suppress(ReadError):
            rest = Map(node.name, node.place, {**node.entries, "routes": without})
            return validated(TargetFile, rest, context), left_out
        raise


def _without_wrong(
    routes: Entry, context: Context, asked: Collection[str]
) -> tuple[Entry, Sequence[Finding]]:
    """Without each route that is wrong by itself and not asked for; and what is wrong with it."""
    if not isinstance(routes.node, Map):
        return routes, ()
    kept, left_out = dict(routes.node.entries), list[Finding]()
    for name in routes.node.entries.keys() - asked:
        try:
            validated(Route, kept[name].node, context)
        except ReadError as wrong:
            left_out += wrong.findings
            del kept[name]
    return Entry(routes.place, Map(routes.node.name, routes.node.place, kept)), left_out


def _over_catalogue(
    routes: Map, catalogue: Map | None, catalogue_name: str, findings: list[Finding]
) -> Node:
    """A target's routes, each its own keys over the catalogue's; refused where that cannot be."""
    if catalogue is None:
        return Node(routes.name, routes.place)
    entries = {}
    for route, entry in routes.entries.items():
        own, under = entry.node, catalogue.entries.get(route)
        if under:
            own = _over(under.node, own)
        elif isinstance(own, Map) and not own.entries:
            what = (
                f"unknown route `{shortened(route)}`: it is not in {catalogue_name}, "
                "so it needs at least `method` and `path`"
            )
            findings.append(Finding(entry.place, what, did_you_mean(route, catalogue.entries)))
            own = Node(own.name, own.place)
        entries[route] = Entry(entry.place, own)
    return Map(routes.name, routes.place, entries)


def _over(under: Node, own: Node) -> Node:
    """The catalogue's entry with a target's keys in place; one kind of body ousts the other."""
    if not (isinstance(under, Map) and isinstance(own, Map)):
        return own
    entries = dict(under.entries)
    kinds = ({"form", "files"}, {"json"}, {"body"})
    for kind in [kind for kind in kinds if kind & own.entries.keys()]:
        others = set().union(*kinds) - kind
        entries = {key: entry for key, entry in entries.items() if key not in others}
    return Map(own.name, own.place, {**entries, **own.entries})
