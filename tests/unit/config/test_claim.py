"""A claim has one bound: a ratio, or a margin within which both sides are equal."""

from __future__ import annotations

import pytest

from rig.config import Claim
from rig.model import BadYaml

from .conftest import Read

AT_LEAST = "  at_least: 2\n"


def within(text: str) -> tuple[str, str]:
    return AT_LEAST, f"  equivalent_within: {text}\n"


@pytest.mark.parametrize("written", ["25 %", "25%", '"25.0 %"'])
def test_a_margin(read: Read, written: str) -> None:
    claim = read(within(written)).claim
    assert claim == Claim(
        "Async is faster.", "goodput_rps", "target", "async", "sync", equivalent_within=0.25
    )
    assert claim.at_least is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 %", "`equivalent_within` expects a margin such as `25 %`, above 0 % and up to 100 %"),
        ("101 %", "a margin such as `25 %`"),
        ("0.25", "a margin such as `25 %`"),
        ("-5 %", "a margin such as `25 %`"),
        ("ratio ±10 %", "a margin such as `25 %`"),
        (f"25 %\n{AT_LEAST}", "`claim` has `at_least` and `equivalent_within`, expected one"),
    ],
)
def test_what_a_margin_cannot_be(read: Read, text: str, said: str) -> None:
    with pytest.raises(BadYaml) as caught:
        read(within(text))
    (found, *_) = map(str, caught.value.problems)
    assert said in found
    assert "experiments.yaml:" in found


def test_no_bound_at_all(read: Read) -> None:
    with pytest.raises(BadYaml, match="`at_least` is missing"):
        read((AT_LEAST, ""))


def test_a_key_that_is_nearly_right(read: Read) -> None:
    with pytest.raises(BadYaml, match="did you mean `equivalent_within`"):
        read((AT_LEAST, "  equivalent_witin: 25 %\n"))
