"""An answer beside what its route expects: the one line that says how they differ. Pure."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rig.load.words import Filling, fill
from rig.plan import Route

TITLE_CHARS, SAID_CHARS = 4000, 200
_TITLE = re.compile(r"<title>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Response:
    """Status 0: nobody answered, and `body` says why."""

    status: int
    body: bytes
    location: str = ""
    """Where it leads, as it says so."""

    @property
    def begins(self) -> str:
        """The beginning of the body, on one line; of a page its title."""
        text = self.body[:TITLE_CHARS].decode(errors="replace")
        title = _TITLE.search(text)
        return " ".join((html.unescape(title[1]) if title else text).split())[:SAID_CHARS]

    def json(self) -> Any:
        """The body as JSON; ValueError where it is none."""
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("it is nested too deep") from error


def wrong_with(route: Route, answer: Response, headers: Mapping[str, str], filling: Filling) -> str:
    """What the route does not expect of its answer; empty for nothing.

    `headers`: the answer's, their names in lower case. `filling`: what the words stand for.
    """
    if answer.status not in route.statuses:
        said = f"it leads to {answer.location}" if answer.location else answer.begins
        right = " or ".join(map(str, route.statuses))
        return f"status {answer.status} instead of {right}: {said}"
    wrong = [
        *_headers(route, headers, filling),
        *_text(route, answer, filling),
        *_under_load(route, answer),
    ]
    if route.answer:
        try:
            found = answer.json()
        except ValueError:
            return "; ".join([*wrong, f"no JSON: {answer.body[:200]!r}"])
        wrong += _differs("", route.answer, found, filling)
    return "; ".join(wrong)


def _headers(route: Route, headers: Mapping[str, str], filling: Filling) -> Iterator[str]:
    for name, wanted in route.answer_headers.items():
        value, wanted = headers.get(name.lower()), str(fill(wanted, filling))
        if value is None:
            yield f"no header {name}"
        elif value != wanted:
            yield f"header {name} is {value!r} instead of {wanted!r}"


def _text(route: Route, answer: Response, filling: Filling) -> Iterator[str]:
    text = answer.body.decode(errors="replace") if route.answer_text or route.answer_pattern else ""
    if route.answer_text and (wanted := str(fill(route.answer_text, filling))) not in text:
        yield f"its text has no {wanted!r}: {answer.begins}"
    if route.answer_pattern and not re.search(route.answer_pattern, text):
        yield f"nothing in it matches {route.answer_pattern!r}: {answer.begins}"


def _under_load(route: Route, answer: Response) -> Iterator[str]:
    if route.always_text and route.always_text.encode() not in answer.body:
        yield f"its text has no {route.always_text!r}: {answer.begins}"
    if route.never_text and route.never_text.encode() in answer.body:
        yield f"its text has {route.never_text!r}: {answer.begins}"


def _differs(name: str, wanted: Any, found: Any, filling: Filling) -> Iterator[str]:
    """Members at any depth; those of a map that nobody names may be what they like."""
    if isinstance(wanted, Mapping) and wanted:
        for key, inner in wanted.items():
            path = f"{name}.{key}" if name else key
            if not isinstance(found, Mapping) or key not in found:
                yield f"no member {path!r}"
            else:
                yield from _differs(path, inner, found[key], filling)
        return
    if isinstance(wanted, str) and wanted.startswith("{length:"):
        length = int(wanted.removeprefix("{length:").rstrip("}"))
        if not (isinstance(found, list) and len(found) == length):
            yield f"{name} is not {length} long"
        return
    if isinstance(wanted, list | tuple) and isinstance(found, list) and len(wanted) == len(found):
        for index, (inner, value) in enumerate(zip(wanted, found, strict=True)):
            yield from _differs(f"{name}[{index}]", inner, value, filling)
        return
    filled = fill(wanted, filling)
    if found != filled:
        yield f"{name or 'the answer'} is {found!r} instead of {filled!r}"
