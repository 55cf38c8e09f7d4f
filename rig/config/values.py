"""The single values, lists and maps of factors that sections are made of.

What a factor's level is stands in its registration alone; here it becomes a pydantic type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, TypeVar, cast, get_args

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    ValidationError,
    WrapValidator,
)
from pydantic_core import CoreSchema, core_schema

from rig.config.document import LONGEST_TEXT
from rig.config.sections import (
    Context,
    at,
    context_of,
    details,
    expected,
    together,
    with_words,
    wrong,
)
from rig.factors import FACTORS, Choice, Levels, Natural
from rig.factors.retired import RETIRED
from rig.model import LONGEST_S, Level, plain, seconds

T = TypeVar("T")

LONGEST_SENTENCE = 1000
LARGEST = 10**12


class Value:
    """Metadata of a single value: how it is read, and what editors are told of it."""

    def read(self, value: Any, context: Context) -> Any:
        """What stands for the value; an error where it is none of these."""
        raise NotImplementedError

    def schema(self) -> Mapping[str, object]:
        """In JSON Schema's keywords."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: Any, _: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            lambda value, info: self.read(value, context_of(info))
        )

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, _: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self.schema())


@dataclass(frozen=True)
class Fits(Value):
    """One of these levels, whoever's they are."""

    levels: Levels
    called: str = ""
    """Under which the context has names for them."""

    def read(self, value: Any, context: Context) -> Any:
        names = context.names.get(self.called, ())
        if self.levels.accepts(value, names):
            return value
        raise expected(self.levels.wants(names), self.levels.words(names))

    def schema(self) -> Mapping[str, object]:
        return self.levels.schema()


@dataclass(frozen=True)
class FitsFactor(Fits):
    """A level of the factor of that name, in its one form."""

    def read(self, value: Any, context: Context) -> Level:
        if isinstance(value, list):
            raise expected("one level", do="several levels stand under `vary`")
        names = context.names.get(self.called, ())
        if isinstance(self.levels, Choice) and not self.levels.words(names):
            raise expected(f"a {self.called}, but no target was found")
        return plain(super().read(value, context))


@dataclass(frozen=True)
class Matching(Value):
    """A text, all of which matches a pattern."""

    pattern: str
    wants: str

    def read(self, value: Any, context: Context) -> str:
        if isinstance(value, str) and re.fullmatch(self.pattern, value):
            return value
        raise expected(self.wants, text=True)

    def schema(self) -> Mapping[str, object]:
        return {"type": "string", "pattern": f"^{self.pattern}$"}


@dataclass(frozen=True)
class Written(Value):
    """Text that is not empty."""

    longest: int = LONGEST_TEXT

    def read(self, value: Any, context: Context) -> str:
        if not (isinstance(value, str) and value.strip()):
            raise expected("text", text=True)
        if len(value) > self.longest:
            what = f"`{{name}}` has {len(value)} characters, expected at most {self.longest}"
            raise wrong(what)
        return value

    def schema(self) -> Mapping[str, object]:
        return {"type": "string", "pattern": r"\S", "maxLength": self.longest}


@dataclass(frozen=True)
class Lasting(Value):
    """A duration such as 81s, in seconds."""

    zero: bool
    """Whether it may be 0s."""

    def read(self, value: Any, context: Context) -> float:
        wants = "a duration such as 81s or 2m" + ("" if self.zero else ", above 0s")
        try:
            length_s = seconds(value if isinstance(value, str) else "")
        except ValueError:
            raise expected(wants, unit="s") from None
        if length_s > LONGEST_S or (length_s == 0 and not self.zero):
            raise expected(f"{wants}, up to {LONGEST_S / 3600:g}h")
        return length_s

    def schema(self) -> Mapping[str, object]:
        return {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|m|h)\s*$"}


@dataclass(frozen=True)
class AboveZero(Value):
    """A number within bounds that no sensible one comes near."""

    least: float
    most: float

    def read(self, value: Any, context: Context) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and self.least <= value <= self.most:
            return float(value)
        bounds = f", from {self.least:g} to {self.most:,.0f}" if number and value > 0 else ""
        raise expected(f"a number above 0{bounds}")

    def schema(self) -> Mapping[str, object]:
        return {"type": "number", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Keywords:
    """Metadata: what JSON Schema can say of a value, and is checked elsewhere."""

    keywords: Mapping[str, Any]

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(core), **self.keywords}


Text = Annotated[str, Written()]
Sentence = Annotated[str, Written(LONGEST_SENTENCE)]
Name = Annotated[
    str, Matching("[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "a name of letters, digits, `_`, `.` and `-`")
]
UrlPath = Annotated[
    str,
    Matching(r"/[^\s]{0,1999}", "a path that begins with /, without spaces, 2000 long at most"),
]
Seed = Annotated[int, Fits(Natural(0, LARGEST))]
Size = Annotated[int, Fits(Natural(1, LARGEST))]
Rate = Annotated[float, AboveZero(1e-6, 1e6)]
Wait = Annotated[float, Lasting(zero=True)]
Duration = Annotated[float, Lasting(zero=False)]


class _NoNull:
    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        (given,) = (one for one in get_args(source) if one is not NoneType)
        return handler.generate_schema(given)


Optional = Annotated[T | None, _NoNull()]
"""What may be left out, and is None then; a null in the file is a mistake."""


def _distinct(values: Any, handler: Callable[[Any], T]) -> T:
    problems, valid = [], None
    try:
        valid = handler(values)
    except ValidationError as error:
        problems = list(details(error))
    if isinstance(values, list):
        amiss = {one["loc"][0] for one in problems if one["loc"]}
        seen = set()
        for index, value in enumerate(values):
            if index in amiss:
                continue
            if value in seen:
                what = "`{name}` lists {value} twice"
                shown = str(plain(value))
                problems.append(at((index,), wrong(what, value=shown), value))
            seen.add(value)
    if problems:
        raise together(problems)
    return cast(T, valid)


Several = Annotated[tuple[T, ...], Strict(False)]
Some = Annotated[tuple[T, ...], Strict(False), Field(min_length=1)]
Distinct = Annotated[Several[T], WrapValidator(_distinct)]
SomeDistinct = Annotated[Some[T], WrapValidator(_distinct)]


def of_factor(factor: str) -> FitsFactor:
    """Metadata of a factor's level."""
    return FitsFactor(FACTORS[factor].levels, factor)


def level(factor: str) -> Any:
    """The type of a level."""
    return Annotated[Level, of_factor(factor)]


def levels(factor: str) -> Any:
    """The type of a list of different levels."""
    return _levels(of_factor(factor))


def _levels(fits: Fits) -> Any:
    return Annotated[Some[Annotated[Level, fits]], WrapValidator(_distinct)]


@dataclass(frozen=True)
class PerFactor:
    """Metadata of a map: factors, in the file's order, each with what is of this type."""

    of: Callable[[str], Any]
    factors: Sequence[str] = tuple(FACTORS)
    others: tuple[tuple[str, Any], ...] = ()
    """Keys that must be there besides, each with its type."""
    ignored: bool = False
    """Whether factors that are no more may stand there, without effect, at levels that they had."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        fields = {
            name: core_schema.typed_dict_field(
                handler.generate_schema(self.of(name)), required=False
            )
            for name in self.factors
        }
        for name, of in self.others:
            fields[name] = core_schema.typed_dict_field(handler.generate_schema(of))
        for name, was in RETIRED.items() if self.ignored else ():
            had = handler.generate_schema(_levels(Fits(Choice(was.levels))))
            fields[name] = core_schema.typed_dict_field(had, required=False)
        inner = core_schema.typed_dict_schema(fields, extra_behavior="forbid")
        return core_schema.no_info_wrap_validator_function(self._in_order, inner)

    def _in_order(self, data: Any, handler: Callable[[Any], Mapping[str, T]]) -> Mapping[str, T]:
        retired = {name: (was.what, was.do) for name, was in RETIRED.items()}
        values = with_words(data, handler, (*self.factors, *dict(self.others)), retired=retired)
        return {name: values[name] for name in data if name not in RETIRED}


LevelOfEach = Annotated[Mapping[str, Level], PerFactor(level)]
LevelsOfEach = Annotated[Mapping[str, tuple[Level, ...]], PerFactor(levels)]
