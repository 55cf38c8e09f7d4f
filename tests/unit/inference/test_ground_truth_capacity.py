"""A small `bench/ground_truth.py` of capacities; the bounds allow for so few searches."""

from __future__ import annotations

import statistics

import pytest

from bench.truth import capacities
from tests.shares import every


@pytest.mark.parametrize("kind", every(2, ["queues", "gentle curves"]))
def test_a_capacity_is_found_and_its_interval_holds_it(kind: str) -> None:
    found = [capacities.by_curve(kind, 0.03, seed) for seed in range(40)]
    assert max(one.trials for one in found) <= 8
    assert statistics.fmean(one.held for one in found) >= 0.85
    assert capacities.near(found).value >= 0.85
