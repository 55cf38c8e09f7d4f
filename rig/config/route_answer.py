"""What a right answer is: the keys that a route has for it before the load, and under it.

May not know what is sent, nor PyYAML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from rig.config.document import Node
from rig.config.findings import one_of
from rig.config.sections import Context, Location, Section, at, expected, together, wrong
from rig.config.values import Keywords, Optional, Text, Written
from rig.load.http.expected import Expected

_LENGTH = re.compile(r"\{length:(?![0-9]{1,9}\}\Z)")
OF_DATA = ("posts", "cpu_sum")
"""Words that an answer has beside those of its request."""


def leaves(value: Any, loc: Location = ()) -> Iterator[tuple[Location, Any]]:
    """Every single value, and where it is."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*loc, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*loc, index))
    else:
        yield loc, value


def _json(value: Any) -> Any:
    """What has a refused node in it is no JSON."""
    refused = [at(loc, wrong("")) for loc, leaf in leaves(value) if isinstance(leaf, Node)]
    if refused:
        raise together(refused)
    return value


def _answer(value: Any) -> Any:
    """What an answer holds; a length that is asked for is a number."""
    if not isinstance(value, dict | list):
        raise expected(
            "a map or a list", do="for text there is `answer_text`, or `text` in `always`"
        )
    problems = [
        at(loc, expected("a length such as {length:25}"))
        for loc, leaf in leaves(value)
        if isinstance(leaf, str) and _LENGTH.match(leaf)
    ]
    if problems:
        raise together(problems)
    return value


class _Pattern(Written):
    """A regular expression."""

    def read(self, value: Any, context: Context) -> str:
        pattern = super().read(value, context)
        try:
            re.compile(pattern)
        except re.error as error:
            raise wrong(f"`{{name}}` is no regular expression: {error}") from None
        return pattern


Json = Annotated[Any, AfterValidator(_json)]
Members = Annotated[Json, AfterValidator(_answer), Keywords({"type": ["object", "array"]})]
Pattern = Annotated[str, _Pattern()]


class Always(Section):
    """What every answer is looked at for, under load, too."""

    answer: Members = Field(default_factory=dict)
    text: Optional[Text] = None
    no_text: Optional[Text] = None
    pattern: Optional[Pattern] = None
    headers: dict[Text, Text] = Field(default_factory=dict)

    def planned(self) -> Expected:
        """As a plan has it."""
        return Expected(
            answer=self.answer,
            text=self.text or "",
            no_text=self.no_text or "",
            pattern=self.pattern or "",
            headers=self.headers,
        )


def _looks(always: Always) -> Always:
    if always.planned() == Expected():
        raise wrong(f"`{{name}}` looks at nothing, expected {one_of(list(Always.model_fields))}")
    return always


AnAlways = Annotated[Always, AfterValidator(_looks)]
