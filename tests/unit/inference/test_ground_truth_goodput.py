"""A small `bench/ground_truth_goodput.py`: what docs/method.md says of goodput.

The bounds are those wanted of 1000 windows, widened by what fewer scatter.
"""

from __future__ import annotations

import pytest

from bench import ground_truth_goodput as bench

REGULAR = [name for name in bench.SERVERS if name.startswith(("a clock", "gaps of 5 %"))]


@pytest.mark.parametrize("name", REGULAR)
def test_a_regular_server_is_known_within_a_percent(name: str) -> None:
    server, rate_rps = bench.SERVERS[name]
    found = bench.accuracy(server, rate_rps, 12.0, 100)
    assert found.scatter < 0.01 + 0.01 * ("5 % CV" in name)


@pytest.mark.parametrize("name", ["20 in step, every 2.5 s", "20 in step, every 1.3 s"])
def test_threads_in_step_are_known_far_better_than_by_count(name: str) -> None:
    server, rate_rps = bench.SERVERS[name]
    found = bench.accuracy(server, rate_rps, 12.0, 100)
    assert abs(found.off) < 0.01
    assert found.scatter < found.by_count / 2


@pytest.mark.parametrize("name", bench.SERVERS)
def test_outages_never_raise_goodput(name: str) -> None:
    server, _ = bench.SERVERS[name]
    found = bench.outages(server, 12.0, 100)
    # a clump's first answer that is lost puts the clump later by a part of its width
    assert found.raised <= 0.01, found
    assert found.up_to <= 1.002, found


@pytest.mark.parametrize("name", bench.SERVERS)
def test_intervals_hold_the_truth(name: str) -> None:
    server, rate_rps = bench.SERVERS[name]
    found = bench.intervals(server, rate_rps, 12.0, 200)
    assert found.held >= 0.93 - 0.03, found
    assert found.wide > 0


@pytest.mark.parametrize(("likeness", "window_s"), [(0.0, 12.0), (0.8, 12.0), (0.8, 60.0)])
def test_seconds_that_hang_together_are_covered_or_too_few(
    likeness: float, window_s: float
) -> None:
    server = bench.wandering(bench.WANDERING_RPS, 0.1, likeness)
    found = bench.intervals(server, bench.WANDERING_RPS, window_s, 200)
    assert found.wrong <= 0.07 + 0.03, found
