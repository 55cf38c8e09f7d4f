"""What a value from outside must be, said by types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest

from rig.disk.typed import Unfit, cell_reader, fitted
from rig.model import Between

Few = Annotated[int, Between(0, 9)]


class Colour(StrEnum):
    RED = "red"


class Known(TypedDict, total=False):
    cpus: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Inner:
    count: Few
    share: float = 0.0


@dataclass(frozen=True)
class Outer:
    inner: Inner
    colour: Colour
    places: tuple[Few, ...] = ()
    by_name: Mapping[str, Inner | None] | None = None
    kind: Literal["a", "b"] = "a"
    facts: Known | None = None


class Asked(TypedDict):
    name: str
    more: NotRequired[int]


def test_json_becomes_what_the_types_say() -> None:
    facts = {"anything": [1], "cpus": {"app": [1]}}
    data = {
        "inner": {"count": 3, "share": 1},
        "colour": "red",
        "places": [1, 2],
        "by_name": {"x": {"count": 0}, "y": None},
        "facts": facts,
    }
    made = fitted(Outer, data)
    by_name = {"x": Inner(0), "y": None}
    known: Any = {"anything": [1], "cpus": {"app": (1,)}}
    assert made == Outer(Inner(3, 1), Colour.RED, (1, 2), by_name, facts=known)
    assert isinstance(made.colour, Colour)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"inner": None}, "inner is no object: None"),
        ({"inner": {}}, "inner.count is missing"),
        ({"inner": {"count": 10}}, "inner.count is not between 0 and 9: 10"),
        ({"inner": {"count": 2.5}}, "inner.count is no whole number: 2.5"),
        ({"inner": {"count": True}}, "inner.count is no whole number: True"),
        ({"inner": {"count": "3"}}, "inner.count is no whole number: '3'"),
        ({"inner": {"count": 10**5000}}, "inner.count is not between .*: a longer number"),
        ({"inner": {"count": 1, "share": float("nan")}}, "inner.share is not between"),
        ({"inner": {"count": 1, "share": float("inf")}}, "inner.share is not between"),
        ({"inner": {"count": 1, "share": 1e308}}, "inner.share is not between"),
        ({"inner": {"count": 1, "extra": 1}}, "inner.extra is not known"),
        ({"colour": "blue"}, "colour is no colour: 'blue'"),
        ({"colour": ["red"]}, "colour is no colour: a list"),
        ({"places": 3}, "places is no list: 3"),
        ({"places": [1, -1]}, r"places\[1\] is not between"),
        ({"by_name": {"x": 1}}, "by_name.x is no object: 1"),
        ({"kind": "c"}, "kind is not 'a' or 'b': 'c'"),
        ({"facts": {"cpus": {"app": "all"}}}, "facts.cpus.app is no list"),
    ],
)
def test_what_is_something_else_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(Unfit, match=says):
        fitted(Outer, {"inner": {"count": 3}, "colour": "red", **change})


def test_a_typed_dict_keeps_what_it_does_not_know() -> None:
    assert dict(fitted(Asked, {"name": "x", "other": [1]})) == {"name": "x", "other": [1]}
    with pytest.raises(Unfit, match="more is no whole number"):
        fitted(Asked, {"name": "x", "more": "1"})
    with pytest.raises(Unfit, match="name is missing"):
        fitted(Asked, {})


@pytest.mark.parametrize("text", ["", "abc", "1_000", " 1", "٣", "1e3", "2.5", "nan", "9" * 5000])
def test_a_cell_that_is_no_whole_number(text: str) -> None:
    with pytest.raises(Unfit, match="n is no"):
        cell_reader(int)(text, "n")


def test_a_cell_may_be_empty_where_its_number_may_be_missing() -> None:
    assert cell_reader(Few | None)("", "n") is None
    assert cell_reader(Few | None)("7", "n") == 7
    assert cell_reader(float)("1e-308", "n") == 1e-308
    for text in ("nan", "inf", "-Infinity", "1e308"):
        with pytest.raises(Unfit, match="not between"):
            cell_reader(float)(text, "n")
