"""Values from outside held against the types and bounds that the code declares for them.

Pure: a value that `json` or a table's cell gave goes in, a value of the declared type comes out,
or Unfit with the place and the reason. Types are those of dataclasses and TypedDicts; a bound
stands beside the type, as `Annotated[int, Between(1, 9)]`, and so does the type that stands in a
file for one that does not (WrittenAs).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, TypeAlias, TypeVar

from rig.model import Between

MOST = 10**15
"""Of any number without bounds of its own: exact as a float, and nothing measured is more."""

MOST_NAMED = 60
"""Characters of a key in a message."""

_BLANK = re.compile("[_ \t]")

Kind = TypeVar("Kind")


class Unfit(ValueError):
    """A value is not of its type, or out of its bounds: where, and what is wrong."""


@dataclass(frozen=True)
class WrittenAs:
    """Beside a type that files have in another shape: that shape, and what makes the type of it."""

    shape: Any
    make: Callable[[Any], Any]


@typing.overload
def fitted(kind: type[Kind], value: Any, at: str = "") -> Kind: ...
@typing.overload
def fitted(kind: types.UnionType, value: Any, at: str = "") -> Any: ...
def fitted(kind: Any, value: Any, at: str = "") -> Any:
    """The value as `kind`, made of JSON. `at` names the place in messages.

    A dataclass takes no key that it does not know, a TypedDict keeps those; lists become tuples.
    """
    return _reader(kind)(value, at)


Reader: TypeAlias = Callable[[Any, str], Any]
"""A value and its place to the value as a type, or Unfit."""


@functools.cache
def _reader(kind: Any) -> Reader:
    """How a value becomes `kind`: found out once a type, for values are read by the million."""
    if kind is Any:
        return lambda value, _: value
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _annotated(*inner)
    if origin in (types.UnionType, typing.Union):
        return _one_of(inner)
    if origin is tuple:
        return _list(inner)
    if origin is typing.Literal:
        wrong = f"not {' or '.join(map(repr, inner))}"
        return _checked(lambda value: value in inner, wrong)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(*inner)
    if typing.is_typeddict(kind):
        return _typed_dict(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    return _plain(kind)


def _annotated(kind: Any, beside: Any) -> Reader:
    if isinstance(beside, WrittenAs):
        written, make = _reader(beside.shape), beside.make
        return lambda value, at: make(written(value, at))
    return _bounded(_reader(kind), beside)


def _plain(kind: Any) -> Reader:
    if issubclass(kind, Enum):
        values = [one.value for one in kind]
        read = _checked(lambda value: value in values, f"no {kind.__name__.lower()}")
        return lambda value, at: kind(read(value, at))
    if kind is bool:
        return _checked(lambda value: isinstance(value, bool), "neither true nor false")
    if kind in (int, float):
        # a bool is an int to Python, and a float may stand as a whole number
        number = _checked(
            lambda value: isinstance(value, int | kind) and not isinstance(value, bool),
            "no whole number" if kind is int else "no number",
        )
        return _bounded(number, Between(-MOST, MOST))
    wrong = "no text" if kind is str else f"no {kind.__name__}"
    return _checked(lambda value: isinstance(value, kind), wrong)


def _bounded(read: Reader, bounds: Between) -> Reader:
    least, most = bounds.least, bounds.most

    def bounded(value: Any, at: str) -> Any:
        value = read(value, at)
        # not a number is within no bounds
        if value is None or least <= value <= most:
            return value
        raise _unfit(value, at, f"not between {least:g} and {most:g}")

    return bounded


def _one_of(kinds: Sequence[Any]) -> Reader:
    none = types.NoneType in kinds
    *others, last = (_reader(kind) for kind in kinds if kind is not types.NoneType)

    def one_of(value: Any, at: str) -> Any:
        if value is None and none:
            return None
        for read in others:
            with contextlib.suppress(Unfit):
                return read(value, at)
        return last(value, at)

    return one_of


def _list(kinds: Sequence[Any]) -> Reader:
    list_or_tuple = _checked(lambda value: isinstance(value, list | tuple), "no list")
    alike = kinds[-1] is Ellipsis
    readers = [_reader(kind) for kind in kinds if kind is not Ellipsis]

    def of_list(value: Any, at: str) -> tuple[Any, ...]:
        of_each = readers * len(list_or_tuple(value, at)) if alike else readers
        if len(of_each) != len(value):
            raise _unfit(value, at, f"no list of {len(of_each)}")
        pairs = enumerate(zip(of_each, value, strict=True))
        return tuple(read(one, f"{at}[{index}]") for index, (read, one) in pairs)

    return of_list


def _mapping(key: Any, inner: Any) -> Reader:
    read_key, read = _reader(key), _reader(inner)

    def mapping(value: Any, at: str) -> dict[Any, Any]:
        for name in _an_object(value, at):
            read_key(name, f"a key of {at or 'it'}")
        return {name: read(one, _under(at, name)) for name, one in value.items()}

    return mapping


def _dataclass(kind: Any) -> Reader:
    readers = {name: (_reader(of), needed) for name, (of, needed) in columns(kind).items()}

    def of_dataclass(value: Any, at: str) -> Any:
        if unknown := sorted(set(_an_object(value, at)) - readers.keys()):
            raise Unfit(f"{_under(at, unknown[0])} is not known")
        made = {}
        for name, (read, needed) in readers.items():
            if name in value:
                made[name] = read(value[name], _under(at, name))
            elif needed:
                raise Unfit(f"{_under(at, name)} is missing")
        return kind(**made)

    return of_dataclass


def _typed_dict(kind: Any) -> Reader:
    readers = {}
    for name, of in _kinds(kind).items():
        optional = typing.get_origin(of) is typing.NotRequired
        read = _reader(typing.get_args(of)[0] if optional else of)
        readers[name] = (read, kind.__total__ and not optional)

    def of_typed_dict(value: Any, at: str) -> dict[str, Any]:
        made = dict(_an_object(value, at))
        for name, (read, needed) in readers.items():
            if name in value:
                made[name] = read(value[name], _under(at, name))
            elif needed:
                raise Unfit(f"{_under(at, name)} is missing")
        return made

    return of_typed_dict


@functools.cache
def _kinds(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)


def _checked(fine: Callable[[Any], bool], wrong: str) -> Reader:
    def checked(value: Any, at: str) -> Any:
        if not fine(value):
            raise _unfit(value, at, wrong)
        return value

    return checked


def _unfit(value: Any, at: str, wrong: str) -> Unfit:
    return Unfit(f"{at or 'it'} is {wrong}: {_short(value)}")


_an_object = _checked(lambda value: isinstance(value, Mapping), "no object")


def _under(at: str, name: object) -> str:
    text = str(name)[:MOST_NAMED]
    return f"{at}.{text}" if at else text


def _short(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return "an object" if isinstance(value, Mapping) else "a list"
    if isinstance(value, int) and not -MOST <= value <= MOST:
        return "a longer number"  # one of thousands of digits cannot even be written
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


@functools.cache
def cell_reader(kind: Any) -> Callable[[str, str], Any]:
    """How a table's cell and its column's name become `kind`, or Unfit.

    A number, a text, or None where an empty cell may be that.
    """
    inner, none = typing.get_args(kind), False
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        none = types.NoneType in inner
        kind = next(one for one in inner if one is not types.NoneType)
    base = kind
    while typing.get_origin(base) is Annotated:
        base = typing.get_args(base)[0]
    read, is_number = _reader(kind), base in (int, float)

    # a table's numbers repeat: counts above all
    @functools.lru_cache(maxsize=4096)
    def cell(text: str, at: str) -> Any:
        if none and not text:
            return None
        return read(_number(base, text, at) if is_number else text, at)

    return cell


def _number(kind: type, text: str, at: str) -> float:
    # Python itself takes underscores, blanks and the digits of every script
    fine = text.isascii() and len(text) <= 40 and not _BLANK.search(text)
    try:
        number: float = kind(text if fine else "unfit")
        return number
    except ValueError as error:
        wrong = "no whole number" if kind is int else "no number"
        raise _unfit(text, at, wrong) from error


def columns(kind: Any) -> dict[str, tuple[Any, bool]]:
    """By field of a dataclass: its kind, and whether it must be there."""
    kinds = _kinds(kind)
    return {
        field.name: (
            kinds[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    }
