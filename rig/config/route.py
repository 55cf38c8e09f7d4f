"""A route of a target: what is sent, and what a right answer is.

May not know the rest of a target, nor PyYAML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self
from urllib.parse import quote_plus

from pydantic import Field, model_validator
from pydantic_core import InitErrorDetails

from rig import plan
from rig.config.findings import nearest, one_of
from rig.config.route_answer import OF_DATA, AnAlways, Json, Members, Pattern, leaves
from rig.config.route_files import FileBeside
from rig.config.route_values import Source, ValueWord
from rig.config.sections import (
    Context,
    Location,
    Section,
    at,
    expected,
    together,
    wrong,
)
from rig.config.values import (
    Distinct,
    Fits,
    Matching,
    Name,
    Optional,
    Text,
    UrlPath,
    Value,
    Written,
)
from rig.factors import Choice, Natural
from rig.load.http.request import cookie_problem, header_problem
from rig.load.http.words import OWN_WORDS, WORD
from rig.route import File, ValueSource

TABLE = re.compile("[a-z_][a-z0-9_]{0,62}")
_ALIKE = 0.75
_LOOSE = ("json", "body", "answer", "answer_text", "text", "no_text")
"""Where braces may be somebody's own language: only what is almost a word is one misspelt."""


class _HeaderValue(Written):
    """A header's value; an empty one takes the header away."""

    def read(self, value: Any, context: Context) -> str:
        return "" if value == "" else super().read(value, context)

    def schema(self) -> Mapping[str, object]:
        return {"type": "string", "maxLength": self.longest}


class _Statuses(Value):
    """A status, or a list of several."""

    one = Fits(Natural(100, 599))

    def read(self, value: Any, context: Context) -> int | tuple[int, ...]:
        if not isinstance(value, list):
            return int(self.one.read(value, context))
        if not value or len(set(map(str, value))) < len(value):
            raise expected("different statuses")
        found = tuple(int(self.one.read(one, context)) for one in value)
        return found if len(found) > 1 else found[0]

    def schema(self) -> Mapping[str, object]:
        one = dict(self.one.schema())
        several = {"type": "array", "items": one, "minItems": 1, "uniqueItems": True}
        return {"anyOf": [one, several]}


class _FormValue(Written):
    """A field's text, which may be empty, or a list of them."""

    def read(self, value: Any, context: Context) -> Any:
        if isinstance(value, list) and value:
            return tuple(self._one(one, context) for one in value)
        return self._one(value, context)

    def _one(self, value: Any, context: Context) -> str:
        return "" if value == "" else super().read(value, context)

    def schema(self) -> Mapping[str, object]:
        one = {"type": "string", "maxLength": self.longest}
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


class _QueryValue(_FormValue):
    """As a form's field, or where its values come from."""

    def read(self, value: Any, context: Context) -> Any:
        if isinstance(value, dict):
            return Source.model_validate(value, context=context)
        return super().read(value, context)

    def schema(self) -> Mapping[str, object]:
        return {}


class _Writes(Value):
    """True or false, or the tables."""

    def read(self, value: Any, context: Context) -> bool | tuple[str, ...]:
        if isinstance(value, bool):
            return value
        tables = value if isinstance(value, list) else []
        if not tables or not all(isinstance(one, str) and TABLE.fullmatch(one) for one in tables):
            raise expected("true, false, or a list of tables in lower case")
        if len(set(tables)) < len(tables):
            raise expected("different tables")
        return tuple(tables)

    def schema(self) -> Mapping[str, object]:
        one = {"type": "string", "pattern": f"^{TABLE.pattern}$"}
        several = {"type": "array", "items": one, "minItems": 1, "uniqueItems": True}
        return {"anyOf": [{"type": "boolean"}, several]}


Writes = Annotated[bool | tuple[str, ...], _Writes()]
HeaderValue = Annotated[str, _HeaderValue()]
FormValue = Annotated[str | tuple[str, ...], _FormValue()]
QueryValue = Annotated[str | tuple[str, ...] | Source, _QueryValue()]
Statuses = Annotated[int | tuple[int, ...], _Statuses()]
Member = Annotated[
    str, Matching(r"[\w-]+(\.[\w-]+)*", "members of the answer, such as id or posts.id")
]
Method = Annotated[str, Fits(Choice(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")))]


class Sent(Section):
    """A request as it is sent, and its right statuses: a route's, or a session's step."""

    method: Method
    path: UrlPath
    form: dict[Text, FormValue] = Field(default_factory=dict)
    json_body: Json = Field(None, alias="json")
    status: Statuses = plan.Route.status
    headers: dict[Text, HeaderValue] = Field(default_factory=dict)
    cookies: dict[Text, HeaderValue] = Field(default_factory=dict)
    body: Optional[Text] = None
    files: dict[Text, FileBeside] = Field(default_factory=dict)
    query: dict[Text, QueryValue] = Field(default_factory=dict)
    values: dict[ValueWord, Source] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _queried(self) -> Self:
        for name, said in self.query.items():
            if isinstance(said, Source) and (
                name in self.values or not WORD.fullmatch(f"{{{name}}}")
            ):
                do = "write it under `values`, by a word of its own, and `{word}` here"
                raise together([at(("query", name), wrong("`{name}` is no new word", do))])
        return self

    @model_validator(mode="after")
    def _sendable(self) -> Self:
        sent = (
            ("headers", self.headers, header_problem),
            ("cookies", self.cookies, cookie_problem),
        )
        problems = [
            at((key, name), wrong(f"{problem} in `{key}`"))
            for key, said, judge in sent
            for name, value in said.items()
            if (problem := judge(name, WORD.sub("x", value)))
        ]
        if problems:
            raise together(problems)
        if self.cookies and any(name.lower() == "cookie" for name in self.headers):
            raise wrong("route `{name}` has `cookies` and a header Cookie", "leave one of them")
        return self

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        bodies = {"form": self.form or None, "files": self.files or None, "body": self.body}
        bodies["json"] = self.json_body
        said = [key for key, body in bodies.items() if body is not None]
        if len(said) > 1 and said != ["form", "files"]:
            kinds = " and a ".join(f"`{key}`" for key in said)
            raise wrong(f"route `{{name}}` has a {kinds} body", "leave one of them")
        return self

    def sent_path(self) -> str:
        """The path with its query string; words stay as they are."""
        pairs = [
            f"{quoted(name)}={quoted(text)}"
            for name, said in self.query.items()
            for text in _query_texts(name, said)
        ]
        joint = "&" if "?" in self.path else "?"
        return f"{self.path}{joint}{'&'.join(pairs)}" if pairs else self.path

    def all_values(self) -> dict[str, ValueSource]:
        """What stands for its own words, those of the query among them."""
        inline = {name: said for name, said in self.query.items() if isinstance(said, Source)}
        return {word: source.planned() for word, source in {**self.values, **inline}.items()}

    def texts(self) -> Iterator[tuple[Location, str]]:
        """Every text in which words may stand, and where it is."""
        for key in ("path", "query", "form", "json", "headers", "cookies", "body"):
            for loc, leaf in leaves(getattr(self, _NAMES.get(key, key))):
                if isinstance(leaf, str):
                    yield (key, *loc), leaf


class Route(Sent):
    """A request that a target serves, and what a correct answer is."""

    answer: Members = Field(default_factory=dict)
    statements: Optional[Annotated[int, Fits(Natural(0, 1_000_000))]] = None
    varying: Distinct[Member] = ()
    answer_text: Optional[Text] = None
    answer_pattern: Optional[Pattern] = None
    answer_headers: dict[Text, Text] = Field(default_factory=dict)
    always: Optional[AnAlways] = None
    session: Optional[Name] = None
    writes: Optional[Writes] = None

    def unknown_words(
        self, loc: Location, more: Sequence[str] = (), others: Mapping[str, str] | None = None
    ) -> Iterator[InitErrorDetails]:
        """A problem for each word in braces that nothing stands for.

        `more`: beside its own; `others`: by word, a session that its users do not begin with.
        """
        known = (*OWN_WORDS, *self.all_values(), *more)
        yield from unknown_words(self.texts(), loc, known, others)
        said: list[tuple[Location, Any]] = [
            ((key,), getattr(self, key)) for key in ("answer", "answer_text", "answer_headers")
        ]
        if self.always:
            keys = ("answer", "text", "no_text", "headers")
            said += [(("always", key), getattr(self.always, key)) for key in keys]
        texts = [
            ((*above, *inner), leaf)
            for above, value in said
            for inner, leaf in leaves(value)
            if isinstance(leaf, str)
        ]
        yield from unknown_words(texts, loc, (*known, *OF_DATA), others)

    def planned(self, name: str, session: str) -> plan.Route:
        """The route under its name, with the session that its users begin with."""
        return plan.Route(
            name=name,
            method=self.method,
            path=self.sent_path(),
            form=self.form,
            json=self.json_body,
            status=self.status,
            answer=self.answer,
            statements=self.statements,
            varying=self.varying,
            headers=self.headers,
            cookies=self.cookies,
            body=self.body or "",
            files={field: File(*one) for field, one in self.files.items()},
            answer_text=self.answer_text or "",
            answer_pattern=self.answer_pattern or "",
            answer_headers=self.answer_headers,
            always=self.always.planned() if self.always else None,
            values=self.all_values(),
            session=session,
            writes=self.writes,
        )


_NAMES = {"json": "json_body"}
"""How a section calls what pydantic has a name of its own for."""


def quoted(text: str) -> str:
    """As a query string has it; words stay as they are."""
    parts, end = [], 0
    for found in WORD.finditer(text):
        parts += [quote_plus(text[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*parts, quote_plus(text[end:])])


def _query_texts(name: str, said: str | tuple[str, ...] | Source) -> tuple[str, ...]:
    if isinstance(said, Source):
        return (f"{{{name}}}",)
    return said if isinstance(said, tuple) else (said,)


def unknown_words(
    texts: Iterator[tuple[Location, str]] | Sequence[tuple[Location, str]],
    above: Location,
    known: Sequence[str],
    others: Mapping[str, str] | None = None,
) -> Iterator[InitErrorDetails]:
    """A problem for each word in braces that is none of these. `others`: of a session each."""
    for loc, text in texts:
        for found in WORD.findall(text):
            if found in known:
                continue
            if session := (others or {}).get(found):
                what = f"`{{{{{{found}}}}}}` in `{{name}}` is a word of session `{session}`"
                do = f"say `session: {session}`, or call its word otherwise"
                yield at((*above, *loc), wrong(what, do, found=found))
                continue
            near = nearest(found, known, _ALIKE)
            key = loc[1] if loc[0] == "always" else loc[0]
            if not near and key in _LOOSE:
                continue
            what = f"unknown word `{{{{{{found}}}}}}` in `{{name}}`, expected {one_of(known)}"
            do = f"did you mean `{{{near}}}`?" if near else ""
            yield at((*above, *loc), wrong(what, do, found=found))
