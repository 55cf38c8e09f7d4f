"""Errors of models as findings, where a file's own words look like pydantic's."""

from __future__ import annotations

import pytest

from rig.config.document import parse
from rig.config.findings import ReadError
from rig.config.load import CLOSED, Load
from rig.config.sections import Context, Section, validated
from rig.config.values import LevelsOfEach, Name, Some, Text


class Whole(Section):
    """A section with one of everything."""

    load: Load
    names: dict[Name, Some[Name]]
    words: dict[Text, Text]
    vary: LevelsOfEach


GOOD = """\
load: {users: {from: 1, per_s: 1, to: 2}, steady: 1s}
names: {a: [b]}
words: {c: d}
vary: {pool_size: [2, 1], delay_ms: [1.0]}
"""


def said(old: str, new: str) -> list[str]:
    assert GOOD.count(old) == 1
    with pytest.raises(ReadError) as caught:
        validated(Whole, parse(GOOD.replace(old, new), "f").root, Context())
    return sorted(f"{found.place}: {found.what}" for found in caught.value.findings)


def test_what_is_right_keeps_its_order_and_its_defaults() -> None:
    whole = validated(Whole, parse(GOOD, "f").root, Context())
    assert list(whole.vary.items()) == [("pool_size", (2, 1)), ("delay_ms", (1,))]
    assert (whole.load.model, whole.load.planned().timeout_s) == (CLOSED, 400.0)


def test_a_key_that_reads_as_pydantics_own_is_told_from_a_wrong_key() -> None:
    assert said("c: d", "'[key]': 5") == ["f:3: `[key]` expects text, not `5`"]
    assert said("a: [b]", "'[key]': [b]") == [
        "f:2: `names` expects a name of letters, digits, `_`, `.` and `-`, not `[key]`"
    ]
    assert said("c: d", "'': '[key]'") == ["f:3: `words` expects text, not ``"]


def test_what_is_in_a_misplaced_section_is_told_too() -> None:
    first, second = said("steady: 1s", "steady: 1s, arrivals: {per_s: 0}")
    assert first == "f:1: `arrivals` says nothing to a load of `model: closed`"
    assert second == "f:1: `per_s` expects a number above 0, not `0`"


def test_refused_nodes_are_not_told_twice() -> None:
    assert said("[b]", "*b") == []
    assert said("c: d", "c: *d") == []
    assert said("{pool_size: [2, 1], delay_ms: [1.0]}", "{pool_size: [*x, 0]}") == [
        "f:4: `pool_size` expects a whole number from 1 to 10000, not `0`"
    ]


def test_a_list_of_wrong_values_is_not_an_empty_one() -> None:
    assert said("[b]", "['']") == [
        "f:2: `a` expects a name of letters, digits, `_`, `.` and `-`, not ``"
    ]
    assert said("[b]", "[]") == ["f:2: `a` expects a list that is not empty"]
