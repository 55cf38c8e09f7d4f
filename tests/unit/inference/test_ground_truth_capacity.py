"""A small `bench/ground_truth.py` of capacities; the bounds allow for so few searches."""

from __future__ import annotations

import statistics
from functools import partial

import pytest

from bench.truth import capacities
from tests.shares import every


@pytest.mark.parametrize("kind", every(2, ["queues", "gentle curves"]))
def test_a_capacity_is_found_and_its_interval_holds_it(kind: str) -> None:
    found = [capacities.by_curve(kind, 0.03, seed) for seed in range(40)]
    assert max(one.trials for one in found) <= 8
    assert statistics.fmean(one.held for one in found) >= 0.85
    assert capacities.near(found).value >= 0.85


def test_windows_of_few_requests_are_not_trusted_too_far() -> None:
    once = partial(capacities.by_queue, capacities.exponential, 40.0, 0.03)
    assert statistics.fmean(once(seed).held for seed in range(40)) >= 0.85
