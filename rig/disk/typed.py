"""Values from outside held against the types and bounds that the code declares for them.

Pure: a value that `json` or a table's cell gave goes in, a value of the declared type comes out,
or Unfit with the place and the reason. Types are those of dataclasses and TypedDicts; a bound
stands beside the type, as `Annotated[int, Between(1, 9)]`, and so does a TypedDict of the keys of
a mapping that are known.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, TypeVar

from rig.model import Between

MOST = 10**15
"""Of any number without bounds of its own: exact as a float, and nothing measured is more."""

MOST_NAMED = 60
"""Characters of a key in a message."""

Kind = TypeVar("Kind")


class Unfit(ValueError):
    """A value is not of its type, or out of its bounds: where, and what is wrong."""


@typing.overload
def fitted(kind: type[Kind], value: Any, at: str = "") -> Kind: ...
@typing.overload
def fitted(kind: types.UnionType, value: Any, at: str = "") -> Any: ...
def fitted(kind: Any, value: Any, at: str = "") -> Any:
    """The value as `kind`, made of JSON. `at` names the place in messages.

    A dataclass takes no key that it does not know, a TypedDict keeps those; lists become tuples.
    """
    return _fitted(kind, value, at)


def _fitted(kind: Any, value: Any, at: str) -> Any:
    if kind is Any:
        return value
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        if isinstance(inner[1], Between):
            return _bounded(_fitted(inner[0], value, at), inner[1], at)
        _fitted(inner[1], value, at)  # a TypedDict: some keys of it are known
        return _fitted(inner[0], value, at)
    if origin in (types.UnionType, typing.Union):
        return _one_of(inner, value, at)
    if origin is tuple:
        return _list(inner, value, at)
    if origin is typing.Literal:
        return _checked(value in inner, value, at, f"not {' or '.join(map(repr, inner))}")
    if origin is not None and issubclass(origin, Mapping):
        _checked(isinstance(value, Mapping), value, at, "no object")
        for name in value:
            _fitted(inner[0], name, f"a key of {at or 'it'}")
        return {name: _fitted(inner[1], one, _under(at, name)) for name, one in value.items()}
    if typing.is_typeddict(kind):
        return _typed_dict(kind, value, at)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, at)
    return _plain(kind, value, at)


def _plain(kind: Any, value: Any, at: str) -> Any:
    if issubclass(kind, Enum):
        _checked(value in [one.value for one in kind], value, at, f"no {kind.__name__.lower()}")
        return kind(value)
    if kind is bool:
        return _checked(isinstance(value, bool), value, at, "neither true nor false")
    if kind in (int, float):
        # a bool is an int to Python, and a float may stand as a whole number
        right = isinstance(value, int | kind) and not isinstance(value, bool)
        _checked(right, value, at, "no whole number" if kind is int else "no number")
        return _bounded(value, Between(-MOST, MOST), at)
    if kind is str:
        return _checked(isinstance(value, str), value, at, "no text")
    return _checked(isinstance(value, kind), value, at, f"no {kind.__name__}")


def _bounded(value: Any, bounds: Between, at: str) -> Any:
    if value is None:
        return value
    # not a number is within no bounds
    fine = bounds.least <= value <= bounds.most
    return _checked(fine, value, at, f"not between {bounds.least:g} and {bounds.most:g}")


def _one_of(kinds: Sequence[Any], value: Any, at: str) -> Any:
    if value is None and types.NoneType in kinds:
        return None
    some = [kind for kind in kinds if kind is not types.NoneType]
    for kind in some[:-1]:
        with contextlib.suppress(Unfit):
            return _fitted(kind, value, at)
    return _fitted(some[-1], value, at)


def _list(kinds: Sequence[Any], value: Any, at: str) -> tuple[Any, ...]:
    _checked(isinstance(value, list | tuple), value, at, "no list")
    if kinds[-1] is Ellipsis:
        kinds = [kinds[0]] * len(value)
    _checked(len(kinds) == len(value), value, at, f"no list of {len(kinds)}")
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_fitted(kind, one, f"{at}[{index}]") for index, (kind, one) in pairs)


def _dataclass(kind: Any, value: Any, at: str) -> Any:
    _checked(isinstance(value, Mapping), value, at, "no object")
    fields = dataclasses.fields(kind)
    if unknown := sorted(set(value) - {field.name for field in fields}):
        raise Unfit(f"{_under(at, unknown[0])} is not known")
    kinds, made = _kinds(kind), {}
    for field in fields:
        if field.name in value:
            made[field.name] = _fitted(kinds[field.name], value[field.name], _under(at, field.name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise Unfit(f"{_under(at, field.name)} is missing")
    return kind(**made)


def _typed_dict(kind: Any, value: Any, at: str) -> dict[str, Any]:
    _checked(isinstance(value, Mapping), value, at, "no object")
    kinds, made = _kinds(kind), dict(value)
    for name, inner in kinds.items():
        needed = kind.__total__ and typing.get_origin(inner) is not typing.NotRequired
        if name in value:
            inner = inner if needed or not kind.__total__ else typing.get_args(inner)[0]
            made[name] = _fitted(inner, value[name], _under(at, name))
        elif needed:
            raise Unfit(f"{_under(at, name)} is missing")
    return made


@functools.cache
def _kinds(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)


def _checked(fine: bool, value: Any, at: str, wrong: str) -> Any:
    if not fine:
        raise Unfit(f"{at or 'it'} is {wrong}: {_short(value)}")
    return value


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


def cell(kind: Any, text: str, at: str) -> Any:
    """A table's cell as `kind`: a number, a text, or None where an empty cell may be that."""
    inner = typing.get_args(kind)
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        if not text and types.NoneType in inner:
            return None
        kind = next(one for one in inner if one is not types.NoneType)
    base = kind
    while typing.get_origin(base) is Annotated:
        base = typing.get_args(base)[0]
    return _fitted(kind, _number(base, text, at) if base in (int, float) else text, at)


def _number(kind: type, text: str, at: str) -> float:
    # Python itself takes underscores, blanks and the digits of every script
    fine = text.isascii() and len(text) <= 40 and not set(text) & {"_", " ", "\t"}
    try:
        number: float = kind(text if fine else "unfit")
        return number
    except ValueError as error:
        wrong = "no whole number" if kind is int else "no number"
        raise Unfit(f"{at} is {wrong}: {_short(text)}") from error


def columns(kind: Any) -> dict[str, tuple[Any, bool]]:
    """By column of a table whose rows are a dataclass: its kind, and whether it must be there."""
    kinds = _kinds(kind)
    return {
        field.name: (
            kinds[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    }
