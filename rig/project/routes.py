"""Which of a project's URLs make a first experiment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

MOST = 6
_NOT_LOADED = ("__debug__", "static", "media", "silk", "schema", "swagger", "redoc")
"""First parts of paths that nobody's users ask for."""
_NOT_ASKED = re.compile(
    r"logout|delete|remove|jsi18n|set_?lang|robots|favicon|sitemap|error|exception|callback|oauth"
    r"|admin|(?<!\d)[45]\d\d(?!\d)"
)
_ENTRY = re.compile(r"log_?in|sign_?(in|up)|regist|passw")


class Answered(TypedDict, total=False):
    """What `stack/around/bench_routes.py` prints."""

    routes: list[tuple[str, str, bool]]
    """Name, path, and whether anybody may ask."""
    django: str
    error: str


@dataclass(frozen=True)
class Route:
    """A GET route under its name."""

    name: str
    path: str


def chosen(answered: Answered, most: int = MOST) -> tuple[Route, ...]:
    """The first of its routes that ordinary users ask for, short paths first.

    Those where one logs in come after the others; those for which one has to, last.
    """
    found: dict[str, str] = {}
    closed: set[str] = set()
    for name, path, is_open in answered.get("routes", ()):
        first = path.strip("/").split("/")[0]
        if first not in _NOT_LOADED and not _NOT_ASKED.search(f"{name} {path}".lower()):
            found.setdefault(path, name)
            closed |= set() if is_open else {path}
    entries = {path for path in found if _ENTRY.search(f"{found[path]} {path}".lower())}

    def later(path: str) -> tuple[bool, bool, int, int]:
        return path in closed, path in entries, path.count("/"), len(path)

    paths = sorted(found, key=later)
    return _named([(found[path], path) for path in paths[:most]])


def _named(routes: Sequence[tuple[str, str]]) -> tuple[Route, ...]:
    names: Mapping[str, Route] = {}
    for name, path in routes:
        for called in (name and _word(name), _word(path), f"{_word(path)}-{len(names) + 1}"):
            if called and called not in names:
                names = {**names, called: Route(called, path)}
                break
    return tuple(names.values())


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[:40] or "home"
