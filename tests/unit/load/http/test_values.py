"""Which value a request has, how long users think, what they choose: the same for the same seed."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import pytest

from rig.load.http.asked import RouteRequest
from rig.load.http.request import AHEAD, rows
from rig.load.http.values import LANES, RanOut, Values, scattered, scatterings
from rig.load.http.words import Placeholder
from rig.load.think import Choice, Think

VALUES = [998, 134, 314, 30, 488, 649, 470, 807]
CHOSEN = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]
PAUSES_S = [0.6716085998088955, 2.7239774912574464, 2.7778460516788726, 3.8590376759730676]


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


@pytest.mark.parametrize("seed", [0, 1, 7, -3, 1 << 63, 1 << 70])
@pytest.mark.parametrize(("first", "step"), [(0, 1), (1, 1), (5, 64), (10**12, 3)])
def test_many_drawn_at_once_are_those_drawn_alone(seed: int, first: int, step: int) -> None:
    many = list(islice(scatterings(seed, first, step), 3 * LANES + 1))
    assert many == [scattered(seed, first + turn * step) for turn in range(3 * LANES + 1)]
    values = Values("pk", span=(10, 999), order="random", seed=seed)
    drawn = list(islice(values.drawn(first, step), len(many)))
    assert drawn == [10 + number % 990 for number in many]


def test_what_a_seed_gives_stays_what_it_was() -> None:
    values = Values("pk", span=(1, 1000), order="random", seed=7)
    assert [values.at(position, 1) for position in range(1, 9)] == VALUES
    assert list(islice(Choice((8, 2, 1, 1), 7).indices(3, 0, 1), 24)) == CHOSEN
    assert list(islice(Think("exponential", 1.0).pauses_s(7, 3), 4)) == pytest.approx(PAUSES_S)


def test_a_load_worker_has_every_so_many_of_a_routes_values_until_one_runs_out() -> None:
    own = Values("own", ("u", "v"), order="per_user")
    values = (Values("a", ("x", "y", "z")), Values("b", span=(1, 9), repeats=False), own)
    route = RouteRequest("r", "GET", "/{a}/{b}/{own}", values=values)
    places = [Placeholder("b", "path"), Placeholder("a", "form"), Placeholder("b", "json")]
    drawn = list(rows(route, places, 1, 2))
    assert drawn == [(b"2", b"y", b"2"), (b"4", b"x", b"4"), (b"6", b"z", b"6"), (b"8", b"y", b"8")]
    with pytest.raises(KeyError, match="own"):
        next(rows(route, [Placeholder("own", "path")], 1, 1))
    assert str(route.ran_out()) == "values `b` ran out after 9: give more, or say `repeat: true`"
    assert next(rows(RouteRequest("r", "GET", "/", values=(own,)), (), 1, 1)) == ()


def test_rows_made_ahead_are_those_of_each_position() -> None:
    values = Values("a", ("x", "ü/y", 3), order="random"), Values("b", span=(1, 10**9))
    route, place = RouteRequest("r", "GET", "/", values=values), Placeholder("a", "path")
    made = list(islice(rows(route, [place], 2, 3), 2 * AHEAD + 1))
    assert made == [
        (place.bytes_of(route.values_at(2 + 3 * turn, 1)),) for turn in range(2 * AHEAD + 1)
    ]


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
    pauses = [pause for user in range(100) for pause in islice(think.pauses_s(1, user), 100)]
    assert least <= min(pauses) <= max(pauses) <= most
    assert sum(pauses) / len(pauses) == pytest.approx(mean, rel=0.05)
