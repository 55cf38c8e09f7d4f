"""An experiment together with the targets it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rig.config.discovery import Root, root_next_to
from rig.config.document import Items, Map, Node, Scalar, read
from rig.config.experiment import matrix_of
from rig.config.findings import Findings, ReadError, did_you_mean
from rig.config.matrix import Matrix
from rig.config.targets import find_targets
from rig.model import BadYaml, UsageError
from rig.plan import Target


def read_experiment(
    path: Path,
    *,
    profile: str | None,
    own: Sequence[Path],
    others: Sequence[Path],
    routes_file: Path,
) -> Matrix:
    """The experiment in a file, with a profile, and its targets.

    They are looked for below the rig's `own` folders and below `others`, in which a stranger's
    are not read. BadYaml with every problem of the experiment and of the targets it names, but for
    their routes that it does not name; where one is missing, also with those of files that may
    hold it.
    """
    try:
        document = read(path)
    except ReadError as wrong:
        Findings(wrong.findings).raise_any()
        raise
    named = frozenset(_named(document.root))
    roots = [*map(Root, own), *(root_next_to(folder, path) for folder in others)]
    targets = find_targets(roots, routes_file, named, frozenset(_words(document.root)))
    try:
        return matrix_of(document, profile=profile, targets=targets.by_name)
    except BadYaml as wrong:
        doubts = () if named <= targets.by_name.keys() else targets.doubts
        more = Findings([*targets.unasked, *doubts]).problems()
        raise BadYaml([*wrong.problems, *more]) from None


def find_target(
    name: str, *, own: Sequence[Path], others: Sequence[Path], routes_file: Path
) -> Target:
    """The target of that name below the rig's `own` folders or `others`, as an experiment finds it.

    BadYaml with its file's problems; UsageError where there is none.
    """
    roots = [*map(Root, own), *(root_next_to(folder, folder) for folder in others)]
    targets = find_targets(roots, routes_file, frozenset({name}))
    found = targets.by_name.get(name)
    if found is not None:
        return found
    doubts = Findings(targets.doubts).problems()
    if doubts:
        raise BadYaml(doubts)
    near = did_you_mean(name, targets.by_name)
    raise UsageError(
        f"there is no target `{name}`; found: {', '.join(targets.by_name)}",
        near or "a target is a folder with a target.yaml in this one: docs/extending.md",
    )


def names_taken(own: Sequence[Path], routes_file: Path, new: Path) -> frozenset[str]:
    """The targets' names below the rig's `own` folders, but for one whose folder is in `new`."""
    targets = find_targets([Root(path) for path in own], routes_file, frozenset()).by_name
    folder = str(new.resolve())
    return frozenset(
        name for name, one in targets.items() if str(Path(one.folder).parent) != folder
    )


def _named(node: Node) -> Iterator[str]:
    """Every word under a key `target`, wherever in the experiment or its profiles."""
    if isinstance(node, Items):
        for item in node.items:
            yield from _named(item)
    if isinstance(node, Map):
        for key, entry in node.entries.items():
            if key == "target":
                levels = entry.node.items if isinstance(entry.node, Items) else (entry.node,)
                yield from (level.text for level in levels if isinstance(level, Scalar))
            yield from _named(entry.node)


def _words(node: Node) -> Iterator[str]:
    """Every word of the experiment, key or value: a route among them is asked for."""
    if isinstance(node, Scalar):
        yield node.text
    if isinstance(node, Items):
        for item in node.items:
            yield from _words(item)
    if isinstance(node, Map):
        for key, entry in node.entries.items():
            yield key
            yield from _words(entry.node)
