"""What a user does before its first request, as data; and what an answer gives it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any, Literal

from rig.load.http.answer import Answer, NoAnswer
from rig.load.http.asked import RouteRequest

TakenFrom = Literal["cookie", "header", "json", "input", "pattern"]
KINDS: tuple[TakenFrom, ...] = ("cookie", "header", "json", "input", "pattern")
MOST_TAKEN_BYTES = 4 << 20
"""Of a step's answer; what a user needs of it stands in no longer one."""


@dataclass(frozen=True)
class Take:
    """A word, and where in a step's answer it stands.

    `name`: the cookie's, the header's, the HTML input's; a dotted path into JSON; a pattern, whose
    first group is taken, or all of it where it has none.
    """

    word: str
    kind: TakenFrom
    name: str


@dataclass(frozen=True)
class Step:
    """A request of a session, and what is taken from its answer."""

    request: RouteRequest
    takes: tuple[Take, ...] = ()


@dataclass(frozen=True)
class Session:
    """Every user does it once, before its first request; its cookies stay."""

    name: str
    steps: tuple[Step, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """What its users have for words once it is done."""
        values = (one.word for step in self.steps for one in step.request.values)
        return (*values, *(take.word for step in self.steps for take in step.takes))

    def with_rows(self, rows: Mapping[str, tuple[str | int, ...]]) -> Session:
        """The same, with what the database gave for each query."""
        steps = (replace(step, request=step.request.with_rows(rows)) for step in self.steps)
        return replace(self, steps=tuple(steps))

    @property
    def most_users(self) -> int:
        """How many users find values of their own."""
        return min(step.request.most_users for step in self.steps)

    def endless(self) -> Session:
        """The same, with values that begin again."""
        steps = (replace(step, request=step.request.endless()) for step in self.steps)
        return replace(self, steps=tuple(steps))


class SessionFailed(Exception):
    """A session came to an end before its last step; its text says at which, and with what."""


def taken(take: Take, answer: Answer, cookies: Mapping[str, str]) -> str | None:
    """What the answer gives; None where it has none of it. `cookies`: all that the user has."""
    match take.kind:
        case "cookie":
            return cookies.get(take.name)
        case "header":
            return answer.fields().get(take.name.lower())
    text = _text(answer)
    match take.kind:
        case "json":
            return _member(text, take.name)
        case "input":
            return _input(text, take.name)
    found = re.search(take.name, text)
    return found[min(1, found.re.groups)] if found else None


def _text(answer: Answer) -> str:
    try:
        return answer.body().decode(errors="replace")
    except NoAnswer:  # it is not what its head says
        return ""


def _member(text: str, path: str) -> str | None:
    try:
        found: Any = json.loads(text)
        for key in path.split("."):
            found = found[int(key)] if isinstance(found, list) else found[key]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str) else json.dumps(found)


class _Inputs(HTMLParser):
    """The values of a page's inputs, by name; of several the first."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "input" and (name := said.get("name")):
            self.values.setdefault(name, said.get("value") or "")


def _input(text: str, name: str) -> str | None:
    parser = _Inputs()
    parser.feed(text)
    return parser.values.get(name)
