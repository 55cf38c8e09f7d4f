from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from rig.factors import Choice, Levels, Natural, Number


@pytest.mark.parametrize(
    ("levels", "good", "bad"),
    [
        (Choice(("a", "b")), ["a", "b"], ["c", "", 1, None, True, ["a"]]),
        (Choice(), ["x"], ["a", 1, None]),
        (Natural(1, 3), [1, 3], [0, 4, 1.0, True, "1", None]),
        (Number(0, 2.5), [0, 2.5, 1], [-0.1, 2.6, float("nan"), float("inf"), True, "1"]),
    ],
)
def test_what_is_a_level(levels: Levels, good: list[object], bad: list[object]) -> None:
    names = ("x",)
    assert [value for value in good + bad if levels.accepts(value, names)] == good


@pytest.mark.parametrize(
    ("levels", "good", "bad"),
    [
        (Choice(("a", "b")), ["a", "b"], ["c", "", 1, None, True, ["a"]]),
        (Choice(), ["x"], [1, None]),
        (Natural(1, 3), [1, 3], [0, 4, 1.5, True, "1", None]),
        (Number(0, 2.5), [0, 2.5, 1], [-0.1, 2.6, float("inf"), True, "1"]),
    ],
)
def test_what_editors_are_told_is_a_level(
    levels: Levels, good: list[object], bad: list[object]
) -> None:
    validator = Draft202012Validator(levels.schema())
    assert [value for value in good + bad if validator.is_valid(value)] == good


def test_what_is_wanted() -> None:
    assert Choice(("a", "b")).wants(()) == "one of a, b"
    assert Choice().wants(("x", "y")) == "one of x, y"
    assert Natural(1, 3).wants(()) == "a whole number from 1 to 3"
    assert Number(0, 2.5).wants(()) == "a number from 0 to 2.5"


def test_words_are_there_for_choices_only() -> None:
    assert Choice(("a",)).words(("x",)) == ("a",)
    assert Choice().words(["x"]) == ("x",)
    assert (Natural(1, 3).words(("x",)), Number(0, 1).words(("x",))) == ((), ())
