"""A small `bench/ground_truth.py`: no verdict is false in more than 5 % of sessions.

The bounds are those, widened by what fewer sessions scatter.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from analysis.comparisons.versions import NO_REGRESSION, SLOWER
from analysis.inference import AGAINST, FOR, Judgement
from bench.truth import crossings, equivalence, predictions, verdicts
from bench.truth.conditions import share
from bench.truth.sessions import ONE_PAIR, Looks, World, same, truth
from bench.truth.verdicts import Claimed, Versions
from tests.shares import every

MOST = 0.05 + 0.03


def says(world: Claimed, times: int, *judgements: str) -> float:
    wanted = judgements or (*FOR, *AGAINST)
    return share(verdicts.says(world, wanted, seed) for seed in range(times)).value


@pytest.mark.parametrize("asked", [1, 9])
@pytest.mark.parametrize("heavy", [False, True])
def test_single_runs_at_the_bound_indicate_next_to_nothing(asked: int, heavy: bool) -> None:
    assert says(Claimed(asked, heavy=heavy), 400) <= MOST


def test_repeats_at_the_bound_decide_next_to_nothing() -> None:
    assert says(Claimed(9, 4), 200) <= MOST


def test_a_side_that_fails_is_never_supported() -> None:
    far = Claimed(9, 4, 0.05, 10.0, async_failed=0.9)
    assert says(far, 50, *FOR) == 0
    assert says(far, 50, Judgement.WITHHELD) == 1
    assert says(Claimed(9, 4, 0.05, 10.0, async_failed=0.04), 50, *FOR) == 1


@pytest.mark.parametrize(("sessions", "blocks"), every(3, [(3, 4), (1, 8), (1, 1)]))
def test_what_a_session_shares_makes_nothing_slower(sessions: int, blocks: int) -> None:
    calls = partial(verdicts.calls, Versions(sessions, blocks), SLOWER)
    assert share(map(calls, range(200))).value <= MOST
    fallen = Versions(sessions, blocks, change=1 / 1.6)
    calls = partial(verdicts.calls, fallen, NO_REGRESSION)
    assert share(map(calls, range(200))).value <= MOST


@pytest.mark.parametrize("kind", every(len(crossings.CURVES), crossings.CURVES))
def test_searches_say_nothing_false(kind: str) -> None:
    found = [crossings.said(kind, 0.03, seed) for seed in range(200)]
    assert crossings.falsely(found).value <= MOST


@pytest.mark.parametrize("kind", every(3, crossings.NEAREST))
def test_searches_of_trials_that_scatter_much_say_nothing_false(kind: str) -> None:
    found = [crossings.said(kind, 0.1, seed) for seed in range(300)]
    assert crossings.falsely(found).value <= MOST


def test_equal_pairs_are_found_equal() -> None:
    nine = replace(equivalence.EQUAL, asked=9)
    for world in (equivalence.EQUAL, nine):
        found = partial(equivalence.finds_all, world)
        assert share(map(found, range(100))).value >= 0.8


@pytest.mark.parametrize(
    ("asked", "ratio"), every(4, [(9, 1.25), (9, 1 / 1.25), (1, 1.25), (1, 1 / 1.25)])
)
def test_pairs_at_the_margin_are_seldom_called_equal(asked: int, ratio: float) -> None:
    world = replace(equivalence.EQUAL, asked=asked, ratio=ratio)
    found = partial(equivalence.finds, world, (Judgement.EQUIVALENT,))
    assert share(map(found, range(200))).value <= MOST


@pytest.mark.parametrize("blocks", every(3, [4, 2, 8]))
def test_one_more_block_lies_where_it_is_expected(blocks: int) -> None:
    world = World(ONE_PAIR, truth, same(0.05))
    found = [predictions.following(world, blocks, seed) for seed in range(400)]
    assert 0.92 <= predictions.coverage(found).value <= 0.98


def test_one_more_block_of_a_session_that_stopped_by_itself() -> None:
    world, looks = World(ONE_PAIR, truth, same(0.1)), Looks(0.1, 4, 12)
    found = [predictions.following_looks(world, looks, seed) for seed in range(400)]
    assert 0.91 <= predictions.coverage(found).value <= 0.98
