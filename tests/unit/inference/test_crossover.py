from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from rig.inference.crossover import (
    MOST_PAIRS,
    Outcome,
    crossover,
    crossovers,
    next_level,
)
from rig.inference.ratio_line import Point, scatter_about_monotone
from tests.unit.inference.trials import pair_of

BETWEEN = (0.0, 20.0)


def search(log_ratio: Callable[[float], float]) -> tuple[Point, ...]:
    points: tuple[Point, ...] = ()
    while (at := next_level(points, BETWEEN)) is not None:
        points += (Point(at, log_ratio(at)),)
    return points


def test_both_ends_come_first() -> None:
    assert next_level((), BETWEEN) == 0.0
    assert next_level((Point(0.0, -1.0),), BETWEEN) == 20.0
    assert next_level((Point(20.0, 1.0),), BETWEEN) == 0.0


def test_scatter_of_repeats_is_not_taken_for_a_bend() -> None:
    # measured: io_create by the ORM on a noisy machine; async stops growing far beyond
    ratios = [(0, 0.816), (20, 13.75), (0.3, 1.517), (0, 0.929), (0.05, 1.138), (0.05, 0.828)]
    found = crossover([Point(at, math.log(ratio)) for at, ratio in ratios], BETWEEN)
    assert found.at == pytest.approx(0.05, abs=0.02)
    assert found.high is not None
    assert found.high < 0.5
    assert found.conclusion == "numerator overtakes denominator"


@pytest.mark.parametrize("true_ms", [0.4, 3.0, 12.5, 19.0])
def test_a_line_without_scatter_is_found_exactly(true_ms: float) -> None:
    # sync serves 1 ÷ (s0 + n · delay), async steadily: their ratio is 1 at true_ms
    points = search(lambda at: math.log((2 + 3 * at) / (2 + 3 * true_ms)))
    found = crossover(points, BETWEEN, {}, ("async", "sync"), "delay_ms {:g}".format)
    assert len(points) == MOST_PAIRS
    assert found.at == pytest.approx(true_ms, rel=1e-6)
    assert found.conclusion == "async overtakes sync"


def test_a_bend_far_away_does_not_move_it() -> None:
    # at 4 ms async runs out of users, as sync did before: the ratio stays as it is
    points = search(lambda at: math.log((1 + min(at, 4.0)) / 3))
    found = crossover(points, BETWEEN)
    assert found.at == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize(("log_ratio", "ahead"), [(0.6, "async"), (-0.6, "sync")])
def test_none_is_said_once_the_middle_was_measured(log_ratio: float, ahead: str) -> None:
    points = search(lambda _: log_ratio)
    found = crossover(points, BETWEEN, {}, ("async", "sync"), "delay_ms {:g}".format)
    assert [point.at for point in points] == [0.0, 20.0, 10.0]
    assert (found.at, found.outcome) == (None, Outcome.NONE)
    assert found.conclusion == (
        f"none in range: {ahead} is ahead at delay_ms 0, delay_ms 10 and delay_ms 20"
    )
    ends = crossover(points[:2], BETWEEN, {}, ("async", "sync"))
    assert ends.outcome is Outcome.OPEN
    assert ends.conclusion.endswith("nothing was measured in between")


def test_close_to_passing_is_measured_again_and_the_middle_once() -> None:
    points = search(lambda at: 0.05 + at)
    assert [point.at for point in points] == [0.0, 20.0, 0.0, 0.0, 0.0, 10.0]
    assert crossover(points, BETWEEN).at is None


def test_a_hump_is_no_none() -> None:
    points = search(lambda at: 0.5 if 5 < at < 15 else -0.5)
    found = crossover(points, BETWEEN, {}, ("async", "sync"))
    assert found.outcome is Outcome.SEVERAL
    assert found.conclusion == (
        "sync is ahead at level 0 and level 20, but async is in between: level 10"
    )


def test_a_step_is_answered_by_what_was_measured_on_both_sides() -> None:
    # the audit's: a threshold at 15 came out as 6 (5.2 to 6.77)
    for sign in (1, -1):
        found = crossover(search(lambda at, s=sign: s * (0.4 if at > 15 else -0.4)), BETWEEN)  # type: ignore[misc]
        assert found.low is not None
        assert found.high is not None
        assert {found.low, found.high} <= {point.at for point in found.points}
        assert found.low <= 15 < found.high
        assert found.high - found.low < 6


def test_two_pairs_are_a_bracket() -> None:
    found = crossover([Point(0.0, -0.5), Point(20.0, 0.5)], BETWEEN, {}, ("async", "sync"))
    assert (found.at, found.low, found.high) == (None, 0.0, 20.0)
    assert found.conclusion == "async overtakes sync somewhere between level 0 and level 20"


def test_equal_curves_have_no_crossing() -> None:
    noise = [0.03, -0.02, 0.01, -0.03, 0.02, -0.01]
    at = [0.0, 20.0, 11.0, 9.0, 14.0, 11.0]
    found = crossover([Point(a, n) for a, n in zip(at, noise, strict=True)], BETWEEN)
    assert (found.at, found.outcome) == (None, Outcome.OPEN)
    assert found.conclusion == "the two cannot be told apart in the range"


def test_none_in_range_says_where_it_is_not_sure() -> None:
    points = [Point(0.0, 0.03 + n) for n in (0.01, 0.0, -0.01)]
    points += [Point(10.0, 1.0), Point(20.0, 1.6), Point(20.0, 1.7)]
    found = crossover(points, BETWEEN, {}, ("async", "sync"), "delay_ms {:g}".format)
    assert (found.at, found.low) == (None, 0)
    assert found.high is not None
    assert found.outcome is Outcome.OPEN
    assert found.conclusion.startswith("async is ahead at delay_ms 0, delay_ms 10 and delay_ms 20")
    assert found.conclusion.endswith(f"though both may be equal up to {found.high:.3g}")
    inverse = [replace(point, log_ratio=-point.log_ratio) for point in points]
    other = crossover(inverse, BETWEEN, {}, ("sync", "async"), "delay_ms {:g}".format)
    assert other.conclusion == found.conclusion


def test_the_interval_has_a_measured_level_on_each_side() -> None:
    points = search(lambda at: math.log((2 + 3 * at) / 11.1))
    found = crossover(points, BETWEEN)
    assert found.at == pytest.approx(9.1 / 3)
    assert found.at is not None
    below = [p.at for p in points if p.log_ratio < 0]
    above = [p.at for p in points if p.log_ratio > 0]
    assert found.low is not None
    assert found.high is not None
    assert found.low <= max(below) < found.at < min(above) <= found.high


def test_it_may_go_the_other_way() -> None:
    points = search(lambda at: math.log((2 + 3 * 5) / (2 + 3 * at)))
    found = crossover(points, BETWEEN, {}, ("async", "sync"), "delay_ms {:g}".format)
    assert found.conclusion.startswith("sync overtakes async")
    assert found.at == pytest.approx(5.0)


def test_scatter_gives_an_interval() -> None:
    at = [0.0, 20.0, 3.0, 2.5, 3.7, 3.0]
    noise = [0.04, -0.03, 0.05, -0.05, 0.02, -0.03]
    points = [Point(a, math.log((2 + 3 * a) / 11) + n) for a, n in zip(at, noise, strict=True)]
    found = crossover(points, BETWEEN)
    assert found.at is not None
    assert found.at == pytest.approx(3.0, abs=0.3)
    assert found.low is not None
    assert found.high is not None
    assert 2.0 < found.low < found.at < found.high < 4.0
    wider = crossover(
        [Point(p.at, p.log_ratio + n) for p, n in zip(points, noise, strict=True)], BETWEEN
    )
    assert wider.low is not None
    assert wider.low <= found.low
    assert wider.high is not None
    assert wider.high > found.high


def test_too_few_points_are_no_answer() -> None:
    found = crossover([Point(0.0, 1.0), Point(0.0, 1.1)], BETWEEN)
    assert (found.at, found.low, found.conclusion) == (None, None, "not measured at two levels")


def test_each_route_has_its_own_from_pairs_of_a_block() -> None:
    trials = []
    for route, true_ms in (("cpu", 10.0), ("io_create", 1.0)):
        for block, delay_ms in ((1, 0), (1, 20), (2, 5), (3, 5)):
            ratio = (2 + 3 * delay_ms) / (2 + 3 * true_ms)
            # blocks differ by far: only trials of one block may be compared
            trials += pair_of(block, 10.0**block, ratio, route=route, delay_ms=delay_ms)
    trials += pair_of(4, None, 1.0, route="cpu", delay_ms=5)
    cpu, create = crossovers(trials, "target", "async", "sync", along="delay_ms", between=BETWEEN)
    assert (cpu.levels, create.levels) == ({"route": "cpu"}, {"route": "io_create"})
    assert cpu.at == pytest.approx(10.0)
    assert create.at == pytest.approx(1.0)
    assert len(cpu.points) == 4


@pytest.mark.parametrize(
    ("logs", "scatter"),
    [
        ([(0, -0.3), (5, -0.3), (10, 0.4), (20, 0.4)], 0.0),  # a step
        ([(0, 0.0), (5, 0.1), (10, 0.5), (20, 0.6)], 0.0),  # it only rises
        ([(0, 0.6), (5, 0.5), (10, 0.1), (20, 0.0)], 0.0),  # it only falls
        # 0.4 and 0.0 are pooled at 0.2: squares 2 · 0.04 and one degree of freedom
        ([(0, -1.0), (5, 0.4), (10, 0.0), (20, 1.0)], math.sqrt(0.08)),
        # repeats of one level are about their mean
        ([(0, -0.1), (0, 0.1), (20, 1.0)], math.sqrt(0.02)),
    ],
)
def test_scatter_about_a_curve_that_only_rises(
    logs: list[tuple[float, float]], scatter: float
) -> None:
    points = [Point(at, log) for at, log in logs]
    assert scatter_about_monotone(points) == pytest.approx(scatter, abs=1e-12)


def test_a_level_is_on_its_side_only_beyond_what_ratios_scatter() -> None:
    # 1.35 down and up, but ratios of neighbouring levels differ by as much
    logs = [(0.0, -0.3), (20.0, 0.3), (10.0, 0.3), (8.0, 0.28), (12.5, -0.28), (11.0, -0.2)]
    found = crossover([Point(*one) for one in logs], BETWEEN)
    assert found.outcome is Outcome.OPEN
