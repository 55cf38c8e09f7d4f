from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.inference import pairs, rank_p, ranks_can_decide
from rig.inference import PairRatio
from tests.unit.inference.trials import pair_of


def pair(*ratios: float) -> PairRatio:
    trials = [one for block, ratio in enumerate(ratios, 1) for one in pair_of(block, 10.0, ratio)]
    (found,) = pairs(trials, "target", "async", "sync")
    return found


def test_all_on_one_side_has_the_least_p_that_there_is() -> None:
    assert rank_p(pair(2.1, 2.2, 2.3, 2.4, 2.5, 2.6), 2.0) == pytest.approx(2 / 2**6)


def test_by_hand() -> None:
    # ranks 1 and -2 of log 1.1 and -log 1.2, then 3: of 8 sums of signs 4 are as far from 0
    assert rank_p(pair(1.1, 1 / 1.2, 1.3), 1.0) == pytest.approx(0.75)


def test_one_that_went_wrong_counts_no_more_than_any() -> None:
    ratios = [2.1, 2.2, 2.15, 2.25, 2.3, 2.12, 2.18]
    assert rank_p(pair(*ratios, 40.0), 2.0) == rank_p(pair(*ratios, 2.6), 2.0)


def test_equal_to_the_bound_throughout() -> None:
    assert rank_p(pair(2.0, 2.0, 2.0), 2.0) == 1.0


def test_a_session_that_stops_by_itself_has_larger_ones() -> None:
    found = pair(2.1, 2.2, 2.3, 2.4, 2.5, 2.6)
    adaptive = rank_p(replace(found, adaptive=True), 2.0)
    assert adaptive is not None
    assert adaptive > 2 / 2**6


def test_a_single_run_has_none() -> None:
    assert rank_p(pair(2.1), 2.0) is None


def test_few_blocks_cannot_decide_by_ranks() -> None:
    six, eight = pair(*[2.1] * 6), pair(*[2.1] * 8)
    assert ranks_can_decide([six], 0.05)
    assert not ranks_can_decide([pair(*[2.1] * 5)], 0.05)
    assert not ranks_can_decide([eight] * 9, 0.05)
    assert not ranks_can_decide([], 0.05)
