from __future__ import annotations

import math
import random
import statistics

import pytest

from rig.inference import ADAPTIVE_CONFIDENCE, t_quantile
from rig.inference.looks import ENOUGH, first_look, held_given_end
from rig.inference.power import (
    ORDINARY_CV,
    blocks_needed,
    found_by_single_runs,
    found_distance,
    found_equal,
    p_of_pair,
    pair_scatter,
    scatter_range,
)
from rig.inference.single_runs import single_run_p, single_run_reach


def test_a_distance_is_found_in_four_sessions_of_five() -> None:
    chance, blocks, p = random.Random(1), 4, 0.05
    away, needed = found_distance(blocks, 0.1, p), t_quantile(1 - p, blocks - 1)

    def found() -> bool:
        logs = [chance.gauss(away, 0.1) for _ in range(blocks)]
        return abs(statistics.fmean(logs)) > needed * statistics.stdev(logs) / math.sqrt(blocks)

    assert statistics.fmean(found() for _ in range(2000)) == pytest.approx(0.8, abs=0.03)


def test_two_repeats_find_none_of_nine_pairs() -> None:
    scatter = pair_scatter(ORDINARY_CV)
    assert found_distance(2, scatter, p_of_pair(9, adaptive=False)) > math.log(1000)
    assert found_distance(4, scatter, p_of_pair(9, adaptive=False)) < math.log(2)


def test_an_adaptive_session_asks_more_of_a_pair() -> None:
    assert p_of_pair(1, adaptive=False) == pytest.approx(0.05)
    assert p_of_pair(9, adaptive=True) == pytest.approx(0.04 / 9)


def test_blocks_needed_are_the_fewest() -> None:
    for n in (2, 3, 17, 60):
        distance = found_distance(n, 0.1, 0.05)
        assert blocks_needed(distance * 1.0001, 0.1, 0.05, 200) == n
        assert blocks_needed(distance * 0.9999, 0.1, 0.05, 200) == n + 1
    assert blocks_needed(0.0, 0.1, 0.05, 200) is None


def test_the_range_of_a_scatter_by_hand() -> None:
    # chi-square of 3 degrees of freedom: 0.5844 and 6.251 are its 10 and 90 % quantiles
    low, high = scatter_range(0.1, 3)
    assert low == pytest.approx(0.1 * math.sqrt(3 / 6.251), rel=1e-3)
    assert high == pytest.approx(0.1 * math.sqrt(3 / 0.5844), rel=1e-3)


def test_single_runs_reach_as_far_as_their_p_says() -> None:
    reach = single_run_reach(0.05)
    assert single_run_p(2 * math.exp(reach), 2.0) == pytest.approx(0.05)
    assert found_by_single_runs(0.0, 0.05) == reach
    assert found_by_single_runs(0.08, 0.05) > reach


def test_an_interval_that_could_not_but_end_a_session_holds_what_it_says() -> None:
    assert held_given_end(0.1, 4, 0.01) == pytest.approx(ADAPTIVE_CONFIDENCE, abs=0.002)


def test_an_interval_that_ends_a_session_by_luck_holds_less() -> None:
    # the audit's 66 to 68 %, where trials differ by as much as the width asked
    assert held_given_end(0.1, 4, 0.1) == pytest.approx(0.66, abs=0.02)
    assert held_given_end(0.1, 4, 0.1) < held_given_end(0.1, 8, 0.1) < held_given_end(0.2, 8, 0.1)


def test_a_later_first_look_mends_that() -> None:
    assert held_given_end(0.1, 9, ORDINARY_CV) >= ENOUGH > held_given_end(0.1, 8, ORDINARY_CV)
    assert first_look(0.1, ORDINARY_CV, 12) == 9
    assert first_look(0.05, ORDINARY_CV, 12) is None


def test_equal_ones_are_found_equal_within_the_smallest_margin_named() -> None:
    scatter, p = pair_scatter(ORDINARY_CV), p_of_pair(1, adaptive=False)
    margins = [found_equal(blocks, scatter, p) for blocks in (4, 8, 16)]
    assert margins == sorted(margins, reverse=True)
    # both ends have to be excluded, so it takes more than one of them does
    assert margins[1] > found_distance(8, scatter, p)
    assert math.log(1.12) < margins[1] < math.log(1.25)
