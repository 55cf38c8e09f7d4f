"""When users come and go, and when requests of an open load arrive."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.load.shape import Arrivals, Closed, Steps, Users, model_of, model_to_json, users_of

EVEN = Arrivals(per_s=20, pattern="even", ramp_s=4.0, max_in_flight=7)


def first(arrivals: Arrivals, count: int) -> list[float]:
    return list(itertools.islice(arrivals.instants_s(), count))


def test_even_arrivals_keep_their_distance_after_the_ramp() -> None:
    instants_s = first(EVEN, 200)
    after = [at_s for at_s in instants_s if at_s > 4.0]
    gaps = [late - early for early, late in itertools.pairwise(after)]
    assert gaps == pytest.approx([0.05] * len(gaps))


def test_the_rate_rises_in_proportion_to_the_time() -> None:
    # by half of the ramp a quarter of the ramp's arrivals are due
    assert EVEN.before(4.0) == 40
    assert EVEN.before(2.0) == 10
    assert EVEN.before(9.0) == 40 + 100


def test_a_surge_comes_in_the_first_quarter_of_the_ramp() -> None:
    surged = replace(EVEN, surge_per_s=100)
    assert surged.before(1.0) == 100
    assert surged.before(4.0) == 100 + 60
    assert surged.before(9.0) == 100 + 60 + 100


def test_poisson_arrivals_have_the_rate_and_the_scatter_of_their_kind() -> None:
    instants_s = [at_s - 4.0 for at_s in first(replace(EVEN, pattern="poisson"), 20_000)]
    after = [at_s for at_s in instants_s if at_s > 0]
    gaps = [late - early for early, late in itertools.pairwise(after)]
    mean_s = sum(gaps) / len(gaps)
    assert mean_s == pytest.approx(0.05, rel=0.03)
    scatter_s = math.sqrt(sum((gap - mean_s) ** 2 for gap in gaps) / len(gaps))
    assert scatter_s / mean_s == pytest.approx(1.0, rel=0.05)


def test_the_seed_decides() -> None:
    one = Arrivals(per_s=50, seed=1)
    assert first(one, 50) == first(Arrivals(per_s=50, seed=1), 50)
    assert first(one, 50) != first(Arrivals(per_s=50, seed=2), 50)


@given(
    st.floats(0.1, 1000), st.sampled_from(["poisson", "even"]), st.integers(1, 9),
    st.integers(1, 500), st.floats(1, 60),
)  # fmt: skip
def test_all_load_workers_together_are_the_process_that_was_asked(
    per_s: float, pattern: str, load_workers: int, most: int, ramp_s: float
) -> None:
    asked = Arrivals(per_s, pattern, most, ramp_s)
    parts = [
        list(itertools.islice(asked.of(index, load_workers), 20)) for index in range(load_workers)
    ]
    assert sorted(itertools.chain(*parts)) == first(asked, 20 * load_workers)
    assert sum(asked.share(index, load_workers) for index in range(load_workers)) == most


SPIKE = Steps(((0.0, 10), (30.0, 100), (60.0, 10), (90.0, 40)))


def test_each_step_holds_until_the_next() -> None:
    assert [SPIKE.at(s) for s in (0, 29.9, 30, 59, 60, 89.9, 90, 10**6)] == [
        10, 10, 100, 100, 10, 10, 40, 40,
    ]  # fmt: skip
    assert (SPIKE.ramp_s, SPIKE.most_users) == (0.0, 100)


def test_whose_turn_it_is() -> None:
    assert SPIKE.turns(1) == ((0.0, math.inf),)
    assert SPIKE.turns(11) == ((30.0, 60.0), (90.0, math.inf))
    assert SPIKE.turns(100) == ((30.0, 60.0),)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 70))
def test_as_many_have_their_turn_as_are_planned(users: list[int], at_s: int) -> None:
    for shape in (Steps(tuple((10.0 * n, of) for n, of in enumerate(users))), Users(2, 0.7, 30)):
        numbers = range(1, shape.most_users + 1)
        there = [any(a <= at_s < b for a, b in shape.turns(number)) for number in numbers]
        assert sum(there) == shape.at(at_s)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 70))
def test_first_turns_are_those_of_the_crowd_as_it_grows(users: list[int], at_s: int) -> None:
    for shape in (Steps(tuple((10.0 * n, of) for n, of in enumerate(users))), Users(2, 0.7, 30)):
        begun = [number for number in range(1, shape.most_users + 1)
                 if Closed(shape).first_turn_s(number) <= at_s]  # fmt: skip
        most = max(shape.at(second) for second in range(at_s + 1))
        assert begun == list(range(1, most + 1))


def test_without_a_ramp_all_have_their_first_turn_at_once() -> None:
    assert {Closed(Users(5, 1, 5)).first_turn_s(number) for number in range(1, 6)} == {0.0}


def test_files_say_steps_by_a_key_of_their_own() -> None:
    said = model_to_json(Closed(SPIKE, 0.5))
    assert said["users"] == {"steps": SPIKE.steps}
    assert model_of(users_of(said["users"]), 0.5, None) == Closed(SPIKE, 0.5)
    with pytest.raises(ValueError, match="steps"):
        users_of({"steps": [[0, 1, 2]]})
