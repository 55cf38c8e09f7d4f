"""A small `bench/ground_truth.py`: what the figures of docs/method.md rest on.

The bounds are the ones wanted of 1000 sessions, widened by what fewer sessions scatter.
"""

from __future__ import annotations

import math

import pytest

from bench import ground_truth as bench
from rig.model import Level

BETWEEN = (0.0, 20.0)


@pytest.mark.parametrize("blocks", [2, 4])
def test_intervals_hold_the_truth_whatever_each_cell_scatters(blocks: int) -> None:
    world = bench.World(log_ratio=bench.truth, scatter=bench.uneven)
    assert 0.93 <= bench.coverage(world, 150, blocks).share <= 0.97


def test_one_scatter_for_all_would_not() -> None:
    shares = bench.pooled(bench.World(scatter=bench.by_route), 100, 4)
    assert shares["cpu"] > 0.99
    assert shares["io_create"] < 0.93


@pytest.mark.parametrize("cv", [0.03, 0.08])
def test_they_do_where_they_decide_when_to_stop(cv: float) -> None:
    world = bench.World(bench.ONE_PAIR, bench.truth, bench.same(cv))
    found = bench.coverage(world, 600, adaptive=(0.1, 4, 8))
    assert 0.93 - 0.02 <= found.share <= 0.97 + 0.02
    assert 4 <= found.blocks <= 8
    if cv == 0.08:
        careless = bench.coverage(world, 600, adaptive=(0.1, 4, 8), allowed_for=False)
        assert careless.share < found.share


def test_effects_hold_the_truth_with_trials_lost() -> None:
    world = bench.World(log_ratio=bench.truth, scatter=bench.uneven, lost=0.1)
    assert 0.92 <= bench.effect_coverage(world, 40, 4) <= 0.99


def test_the_same_twice_claims_next_to_nothing() -> None:
    world = bench.World(scatter=bench.uneven)
    by_pair, by_effect, by_either = bench.claims(world, 60, 4, with_effects=True)
    assert by_either <= 0.065 + 0.05
    assert max(by_pair, by_effect) <= by_either <= by_pair + by_effect


def test_ten_percent_are_found_by_eight_repeats() -> None:
    at: dict[str, Level] = {"route": "io_read", "delay_ms": 50}
    alone = bench.World(
        log_ratio=lambda levels: math.log(1.1) if dict(levels) | at == dict(levels) else 0.0
    )
    assert bench.power(alone, 100, 8, at) >= 0.8
    assert bench.power(bench.World(), 100, 8, at) <= 0.05


def test_crossovers_are_found_in_twelve_trials() -> None:
    found = bench.searches(600, 0.03, 150, BETWEEN)
    assert found.within >= 0.99
    assert found.covered >= 0.94
    assert found.trials <= 12
    assert bench.nothing_there(100, 0.03, BETWEEN) == 1.0
