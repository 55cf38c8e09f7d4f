"""Which value a request has, how long users think, what they choose: the same for the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from rig.load.think import Choice, Think
from rig.load.values import RanOut, Values


def test_in_order_they_begin_again_unless_they_must_not() -> None:
    values = Values("pk", ("a", "b", 3))
    assert [values.at(position, 1) for position in range(5)] == ["a", "b", 3, "a", "b"]
    once = Values("pk", ("a", "b"), repeats=False)
    assert once.at(1, 1) == "b"
    with pytest.raises(RanOut, match="values `pk` ran out after 2"):
        once.at(2, 1)


def test_a_span_has_both_its_ends() -> None:
    values = Values("pk", span=(-1, 1))
    assert (len(values), [values.at(at, 1) for at in range(4)]) == (3, [-1, 0, 1, -1])


def test_each_user_has_one_of_its_own() -> None:
    values = Values("pk", ("a", "b"), order="per_user")
    assert {values.at(position, 2) for position in range(9)} == {"b"}
    with pytest.raises(RanOut, match="there are 2, one for each user, and more users"):
        values.at(0, 3)


def test_chance_is_the_seeds_and_even() -> None:
    values = Values("pk", tuple(range(10)), order="random", seed=7)
    drawn = [values.at(position, 1) for position in range(10_000)]
    assert drawn == [values.at(position, 2) for position in range(10_000)]
    assert drawn != [Values("pk", values.items, order="random").at(at, 1) for at in range(10_000)]
    counts = Counter(drawn)
    assert set(counts) == set(range(10))
    assert all(850 < count < 1150 for count in counts.values())
    pairs = Counter(pairwise(drawn))
    assert len(pairs) == 100


def test_routes_come_as_often_as_their_weights_say() -> None:
    choice = Choice((8, 1, 1), seed=1)
    counts = Counter(choice.index(user, turn) for user in range(100) for turn in range(100))
    assert [7800 < counts[0] < 8200, 850 < counts[1] < 1150, 850 < counts[2] < 1150] == [True] * 3
    assert choice.index(5, 9) == Choice((8, 1, 1), seed=1).index(5, 9)


@pytest.mark.parametrize(
    ("think", "least", "mean", "most"),
    [
        (Think("constant", 2.0), 2.0, 2.0, 2.0),
        (Think("uniform", 1.0, 5.0), 1.0, 3.0, 5.0),
        (Think("exponential", 3.0), 0.0, 3.0, 60.0),
    ],
)
def test_pauses_have_their_mean(think: Think, least: float, mean: float, most: float) -> None:
    pauses = [think.pause_s(1, user, turn) for user in range(100) for turn in range(100)]
    assert least <= min(pauses) <= max(pauses) <= most
    assert sum(pauses) / len(pauses) == pytest.approx(mean, rel=0.05)
