"""A small `bench/truth/planned.py`: looking early decides nothing, and what is said holds.

The bounds are those, widened by what fewer sessions scatter.
"""

from __future__ import annotations

import math
from functools import partial

import pytest

from bench.truth import planned
from bench.truth.conditions import share
from bench.truth.sessions import ONE_PAIR, Looks, World, same, stopped, truth
from bench.truth.verdicts import Claimed
from rig.inference.looks import held_given_end
from rig.inference.power import found_distance, p_of_pair, pair_scatter

WORLD = Claimed(1, 8, cv=0.15, heavy=True)


@pytest.mark.parametrize(("told", "low", "high"), [(True, 0.0, 0.08), (False, 0.12, 0.3)])
def test_looking_after_each_block_decides_falsely_unless_the_end_is_waited_for(
    told: bool, low: float, high: float
) -> None:
    found = share(planned.peeked(WORLD, told, seed) for seed in range(150))
    assert low <= found.value <= high


def test_an_interval_that_ends_a_session_holds_what_is_said() -> None:
    once = partial(stopped, World(ONE_PAIR, truth, same(0.08)), Looks(0.1, 4, 5))
    found = planned.of_those_that_ended([once(seed) for seed in range(1200)], at=4)
    assert found.value == pytest.approx(held_given_end(0.1, 4, 0.08), abs=0.1)


def test_nothing_ended_there() -> None:
    assert math.isnan(planned.of_those_that_ended([], at=4).value)


@pytest.mark.parametrize("asked", [1, 9])
def test_four_sessions_in_five_find_what_plan_names(asked: int) -> None:
    off = math.exp(found_distance(4, pair_scatter(0.08), p_of_pair(asked, adaptive=False)))
    world = Claimed(asked, 4, cv=0.08)
    found = share(planned.finds(world, off, seed) for seed in range(200))
    assert 0.7 <= found.value <= 0.9


def test_the_most_repeats_that_are_asked_for_decide() -> None:
    found = [planned.suggested(Claimed(1, 3, cv=0.08, ratio=2.4), seed) for seed in range(100)]
    assert planned.of_suggestions(found).value >= 0.8
    assert math.isnan(planned.of_suggestions([None]).value)
