"""A small `bench/ground_truth.py`: what docs/method.md says of goodput.

The bounds are those wanted of 1000 windows, widened by what fewer scatter.
"""

from __future__ import annotations

import pytest

from bench.truth import goodput as bench
from tests.shares import every

REGULAR = [name for name in bench.SERVERS if name.startswith(bench.REGULAR)]


@pytest.mark.parametrize("name", REGULAR)
def test_a_regular_server_is_known_within_a_percent(name: str) -> None:
    server, rate_rps = bench.SERVERS[name]
    found = [bench.errors(server, rate_rps, 12.0, seed) for seed in range(100)]
    assert bench.scatter(found).value < 0.01 + 0.01 * ("5 % CV" in name)


@pytest.mark.parametrize("name", ["20 in step, every 2.5 s", "20 in step, every 1.3 s"])
def test_threads_in_step_are_known_far_better_than_by_count(name: str) -> None:
    server, rate_rps = bench.SERVERS[name]
    for seed in range(100):
        found = bench.errors(server, rate_rps, 12.0, seed)
        assert found is not None
        assert abs(found.published) < max(0.01, abs(found.by_count) / 2)


@pytest.mark.parametrize("name", bench.SERVERS)
def test_outages_never_raise_goodput(name: str) -> None:
    server, _ = bench.SERVERS[name]
    found = [bench.raised(server, 12.0, bench.lost, seed) for seed in range(100)]
    assert bench.CLUMP.holds(bench.highest(found).value)
    # a clump's first answer that is lost puts the clump later by a part of its width
    assert sum(one is not None and one > 1 + 1e-5 for one in found) <= 1


@pytest.mark.parametrize("name", every(3, bench.SERVERS))
def test_intervals_hold_the_truth(name: str) -> None:
    server, rate_rps = bench.SERVERS[name]
    found = [bench.interval(server, rate_rps, 12.0, seed) for seed in range(200)]
    assert bench.held(found).value >= 0.93 - 0.03
    assert all(one.wide > 0 for one in found if one)


@pytest.mark.parametrize(("likeness", "window_s"), [(0.0, 12.0), (0.8, 12.0), (0.8, 60.0)])
def test_seconds_that_hang_together_are_covered_or_too_few(
    likeness: float, window_s: float
) -> None:
    server = bench.wandering(bench.WANDERING_RPS, 0.1, likeness)
    found = [bench.interval(server, bench.WANDERING_RPS, window_s, seed) for seed in range(200)]
    assert sum(one is not None and not one.held for one in found) <= (0.07 + 0.03) * 200
