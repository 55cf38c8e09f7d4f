"""Elements of a page, built so that text from outside cannot become markup.

Children are escaped when they are written; attributes that could run or fetch anything are
refused when they are made. May not know what a page says.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rig.model import printable

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")
_INSIDE = re.compile(r"(#[A-Za-z0-9_-]+|[A-Za-z0-9_.~%/-]+)\Z")
_NEVER_TAGS = frozenset({"script", "iframe", "object", "embed", "base", "form", "foreignObject"})
_VOID = frozenset({"meta", "link", "br", "hr", "img"})


@dataclass(frozen=True, slots=True)
class Element:
    """A tag, its attributes, its children. Made by `el`, which checks the names."""

    tag: str
    attributes: tuple[tuple[str, str], ...]
    children: tuple[Node, ...]


Node = Element | str


def el(tag: str, *children: Node | None, **attributes: object) -> Element:
    """An element; `class_` stands for class, other underscores for dashes, None for no attribute.

    ValueError for a tag or an attribute that could run or fetch something.
    """
    if not _NAME.match(tag) or tag in _NEVER_TAGS:
        raise ValueError(f"no element {tag!r} on this page")
    kept = tuple(
        (_attribute(name.rstrip("_").replace("_", "-"), str(value)), str(value))
        for name, value in attributes.items()
        if value is not None
    )
    return Element(tag, kept, tuple(child for child in children if child is not None))


def _attribute(name: str, value: str) -> str:
    if not _NAME.match(name) or name.lower().startswith("on") or name in ("style", "srcdoc"):
        raise ValueError(f"no attribute {name!r} on this page")
    if name in ("href", "src", "action") and not (value == "data:," or _INSIDE.match(value)):
        raise ValueError(f"{name} leads out of the session: {value!r}")
    return name


def write(node: Node) -> str:
    """The markup of a node and all below it."""
    return "".join(_pieces(node))


def _pieces(node: Node) -> Iterator[str]:
    if isinstance(node, str):
        yield html.escape(printable(node), quote=False)
        return
    said = "".join(f' {name}="{html.escape(printable(value))}"' for name, value in node.attributes)
    yield f"<{node.tag}{said}>"
    for child in node.children:
        yield from _pieces(child)
    if node.tag not in _VOID:
        yield f"</{node.tag}>"


def each(tag: str, nodes: Iterable[Node], **attributes: object) -> tuple[Element, ...]:
    """One element of a tag around each node."""
    return tuple(el(tag, node, **attributes) for node in nodes)
