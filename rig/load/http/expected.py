"""What a right answer holds beyond its status, and how another one differs from it. Pure.

The same code says it before a load and under it. May not know who asked, nor what is counted.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rig.load.http.words import Filling, fill, words_in

TITLE_CHARS, SAID_CHARS = 4000, 200
_TITLE = re.compile(r"<title>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Expected:
    """What an answer holds; words in it stand for what the request has for them."""

    answer: Any = field(default_factory=dict)
    """What JSON holds: members of a map, at any depth, or items of a list, all of them."""
    text: str = ""
    """Stands somewhere in it."""
    no_text: str = ""
    """Stands nowhere in it."""
    pattern: str = ""
    """A regular expression that matches somewhere in it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Its headers, with their whole values."""

    @cached_property
    def words(self) -> frozenset[str]:
        """What something has to stand for."""
        said = (self.answer, self.text, self.no_text, self.headers)
        return frozenset(word for one in said for word in words_in(one))


def differences(
    expected: Expected, headers: Mapping[str, str], body: bytes, filling: Filling
) -> Iterator[str]:
    """How an answer differs from what is expected, in words. `headers`: by names in lower case."""
    yield from _of_headers(expected, headers, filling)
    if expected.text and (wanted := str(fill(expected.text, filling))).encode() not in body:
        yield f"its text has no {wanted!r}: {beginning(body)}"
    if expected.no_text and (unwanted := str(fill(expected.no_text, filling))).encode() in body:
        yield f"its text has {unwanted!r}: {beginning(body)}"
    if expected.pattern and not re.search(expected.pattern, body.decode(errors="replace")):
        yield f"nothing in it matches {expected.pattern!r}: {beginning(body)}"
    if expected.answer:
        try:
            found = json_of(body)
        except ValueError:
            yield f"no JSON: {body[:SAID_CHARS]!r}"
        else:
            yield from _of_members("", expected.answer, found, filling)


def json_of(body: bytes) -> Any:
    """A body as JSON; ValueError where it is none."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def beginning(body: bytes) -> str:
    """The beginning of a body, on one line; of a page its title."""
    text = body[:TITLE_CHARS].decode(errors="replace")
    title = _TITLE.search(text)
    return " ".join((html.unescape(title[1]) if title else text).split())[:SAID_CHARS]


def _of_headers(expected: Expected, headers: Mapping[str, str], filling: Filling) -> Iterator[str]:
    for name, said in expected.headers.items():
        value, wanted = headers.get(name.lower()), str(fill(said, filling))
        if value is None:
            yield f"no header {name}"
        elif value != wanted:
            yield f"header {name} is {value!r} instead of {wanted!r}"


def _of_members(name: str, wanted: Any, found: Any, filling: Filling) -> Iterator[str]:
    """Members at any depth; those of a map that nobody names may be what they like."""
    if isinstance(wanted, Mapping) and wanted:
        for key, inner in wanted.items():
            path = f"{name}.{key}" if name else key
            if not isinstance(found, Mapping) or key not in found:
                yield f"no member {path!r}"
            else:
                yield from _of_members(path, inner, found[key], filling)
        return
    if isinstance(wanted, str) and wanted.startswith("{length:"):
        length = int(wanted.removeprefix("{length:").rstrip("}"))
        if not (isinstance(found, list) and len(found) == length):
            yield f"{name} is not {length} long"
        return
    if isinstance(wanted, list | tuple) and isinstance(found, list) and len(wanted) == len(found):
        for index, (inner, value) in enumerate(zip(wanted, found, strict=True)):
            yield from _of_members(f"{name}[{index}]", inner, value, filling)
        return
    filled = fill(wanted, filling)
    if found != filled:
        yield f"{name or 'the answer'} is {found!r} instead of {filled!r}"
