"""YAML text to a tree of nodes that know their line; the only place that imports PyYAML.

Refuses what YAML would let slip by: duplicate keys, anchors and aliases, tags, a second
document, characters that no command line or file can carry. Numbers are read as people write them:
no octal, no sexagesimal. Bounded in every direction, so that whatever stands in a file is read or
refused in a second. May not know what any key means.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rig.config.findings import Finding, Place, ReadError, shortened
from rig.disk.files import read_bytes
from rig.model import DamagedFile

MOST_BYTES = 256 << 10
MOST_VALUES = 10_000
"""Of one document: words, lists and maps, and the keys of these."""
LONGEST_TEXT = 100_000
"""In characters: below what an argument, or a field of a CSV file, may have."""
_DEEPEST = 20
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_WHOLE = re.compile(r"[-+]?(0|[1-9](_?[0-9]){0,17})")
_FRACTION = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_REFUSED = "!refused"


@dataclass(frozen=True)
class Node:
    """A value and the key it stands under (an item of a list: the list's key).

    On its own: a node that was refused, which is reported already.
    """

    name: str
    place: Place


@dataclass(frozen=True)
class Scalar(Node):
    """A single value; `text` is how it was written."""

    value: bool | int | float | str | None
    text: str


@dataclass(frozen=True)
class Items(Node):
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Entry:
    """A key's place and its value."""

    place: Place
    node: Node


@dataclass(frozen=True)
class Map(Node):
    """A map. After a merge its place is where it was first written, its entries' the last."""

    entries: Mapping[str, Entry]


@dataclass(frozen=True)
class Document:
    """A file as read: its text, its tree, and what was refused in it."""

    text: str
    root: Node
    findings: tuple[Finding, ...]


def read(path: Path) -> Document:
    """The one YAML document in a file; ReadError where there is none to speak of."""
    file = shown(path)
    try:
        data = read_bytes(path, MOST_BYTES)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        finding = Finding(Place(file), f"cannot be read: {reason}", "check the path")
        raise ReadError(finding) from None
    except DamagedFile as error:
        what = error.what.removeprefix(f"{path} ")
        raise ReadError(Finding(Place(file), what, "check the path")) from None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        place = Place(file, data.count(b"\n", 0, error.start) + 1)
        raise ReadError(Finding(place, "is no UTF-8", "save the file as UTF-8")) from None
    return parse(text, file)


def parse(text: str, file: str) -> Document:
    """The document in `text`; `file` is only what places are called by."""
    findings: list[Finding] = []
    try:
        composer = _Composer(text, file, findings)
        node = composer.document()
    except yaml.YAMLError as error:
        raise ReadError(*findings, _syntax(error, text, file)) from None
    if node is None or _is_null(node):
        raise ReadError(*findings, Finding(Place(file, 1), "the file is empty, expected a map"))
    root = _tree(node, "", None, file, findings)
    return Document(text, root, tuple(findings))


def merge(base: Node, over: Node) -> Node:
    """`over` laid on `base`: maps merge, lists and single values replace."""
    if not (isinstance(base, Map) and isinstance(over, Map)):
        return over
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        under = entries.get(key)
        node = merge(under.node, entry.node) if under else entry.node
        entries[key] = Entry(entry.place, node)
    return Map(base.name, base.place, entries)


def scalar(text: str) -> int | float | str | None:
    """What an unquoted word stands for: nothing, a number, or the word itself."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if _WHOLE.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


class _Composer(yaml.SafeLoader):
    """Composes nodes, refusing anchors, aliases and tags as it meets them."""

    def __init__(self, text: str, file: str, findings: list[Finding]) -> None:
        self._file, self._findings, self._depth, self._values = file, findings, 0, 0
        super().__init__(text)

    def document(self) -> yaml.Node | None:
        """The first document; notes that there is a second."""
        try:
            node = self.get_node() if self.check_node() else None
            if self.check_node():
                line = _next_event(self).start_mark.line + 1
                what, do = (
                    "a second document begins here, expected a single one",
                    "remove the `---`",
                )
                self._findings.append(
                    Finding(Place(self._file, line), what, f"{do} or what follows")
                )
        except (ValueError, OverflowError) as error:  # of a `\\U` or a version beyond all numbers
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=self._mark()) from None
        return node

    def _mark(self) -> Any:
        return self.get_mark()

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        event = _next_event(self)
        mark = event.start_mark
        place = Place(self._file, mark.line + 1)
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]
            what = f"alias `*{shortened(str(event.anchor))}` is not allowed"
            self._findings.append(Finding(place, what, "write the value out"))
            return yaml.ScalarNode(_REFUSED, "", mark, mark)
        if event.anchor is not None:
            what = f"anchor `&{shortened(event.anchor)}` is not allowed"
            self._findings.append(Finding(place, what, "remove it"))
            event.anchor = None
        if event.tag is not None:
            what = f"tag `{shortened(str(event.tag))}` is not allowed"
            self._findings.append(Finding(place, what, "remove it"))
            event.tag, event.implicit = None, _untagged(event)
        if self._depth >= _DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=mark)
        self._values += 1
        if self._values > MOST_VALUES:
            problem = f"more than {MOST_VALUES} values"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        self._depth += 1
        node = super().compose_node(parent, index)  # type: ignore[arg-type]
        self._depth -= 1
        return node


def _next_event(composer: yaml.SafeLoader) -> Any:
    return composer.peek_event()  # type: ignore[no-untyped-call]


def _untagged(event: yaml.Event) -> object:
    return (True, False) if isinstance(event, yaml.ScalarEvent) else True


def _tree(
    node: yaml.Node, name: str, key: Place | None, file: str, findings: list[Finding]
) -> Node:
    """The node under `name`; lists and maps stand at their key's place, words at their own."""
    own = Place(file, node.start_mark.line + 1)
    if node.tag == _REFUSED:
        return Node(name, own)
    if isinstance(node, yaml.SequenceNode):
        items = (_tree(item, name, None, file, findings) for item in node.value)
        return Items(name, key or own, tuple(items))
    if isinstance(node, yaml.MappingNode):
        return Map(name, key or own, _entries(node, file, findings))
    assert isinstance(node, yaml.ScalarNode)
    if _unfit(node.value, own, findings):
        return Node(name, own)
    return Scalar(name, own, _value(node), node.value)


def _entries(node: yaml.MappingNode, file: str, findings: list[Finding]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for key, value in node.value:
        place = Place(file, key.start_mark.line + 1)
        if key.tag == _REFUSED:
            continue
        if not isinstance(key, yaml.ScalarNode):
            findings.append(Finding(place, "a key must be a word, not a list or a map"))
            continue
        if _unfit(key.value, place, findings):
            continue
        tree = _tree(value, key.value, place, file, findings)
        if key.value in entries:
            first = entries[key.value].place.line
            what = f"duplicate key `{shortened(key.value)}`, first in line {first}"
            findings.append(Finding(place, what, "remove one of them"))
            continue
        entries[key.value] = Entry(place, tree)
    return entries


def _unfit(text: str, place: Place, findings: list[Finding]) -> bool:
    """Notes why a text can be no value."""
    found = _UNFIT.search(text)
    if found:
        what = f"a text has the character U+{ord(found[0]):04X}, which is none to print or to send"
        findings.append(Finding(place, what, "remove it, or write the character itself"))
    if len(text) > LONGEST_TEXT:
        what = f"a text of {len(text)} characters, expected at most {LONGEST_TEXT}"
        findings.append(Finding(place, what, "shorten it"))
    return bool(found) or len(text) > LONGEST_TEXT


def _value(node: yaml.ScalarNode) -> bool | int | float | str | None:
    if node.style is not None:
        return str(node.value)
    if node.tag == "tag:yaml.org,2002:bool":
        return node.value.lower() in ("yes", "true", "on")
    return scalar(node.value)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag != _REFUSED and _value(node) is None


def _syntax(error: yaml.YAMLError, text: str, file: str) -> Finding:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        return Finding(Place(file, mark.line + 1 if mark else 1), f"is no valid YAML: {problem}")
    position = getattr(error, "position", 0)
    what = "is no valid YAML: a character that may not stand in a text file"
    return Finding(Place(file, text.count("\n", 0, position) + 1), what, "remove it")


def shown(path: Path) -> str:
    """The path as people know it: from where they are, if it is below."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
