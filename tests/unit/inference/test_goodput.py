"""Goodput, on numbers small enough to check by hand."""

import pytest

from rig.inference.goodput import goodput, goodput_of


def test_many_successes_are_divided_by_the_window() -> None:
    assert goodput(100, 0.5, 9.5, 10.0) == (10.0, "window")


def test_few_successes_are_divided_by_their_span() -> None:
    assert goodput(4, 1.0, 10.0, 10.0) == (3 / 9, "span")


@pytest.mark.parametrize("successes", [0, 1])
def test_one_success_carries_no_rate(successes: int) -> None:
    assert goodput(successes, 3.0, 3.0, 10.0) == (None, "")


def test_no_window_no_rate() -> None:
    assert goodput(50, 1.0, 2.0, 0.0) == (None, "")


def test_successes_at_one_instant_are_divided_by_the_window() -> None:
    assert goodput(5, 3.0, 3.0, 10.0) == (0.5, "window")


def test_a_clump_does_not_pass_for_a_rate() -> None:
    assert goodput(50, 9.0, 9.1, 10.0) == (5.0, "window")


@pytest.mark.parametrize("gap_s", [0.11, 0.7, 1.9, 3.0, 4.9])
@pytest.mark.parametrize("phase", [0.01, 0.25, 0.5, 0.75, 0.99])
def test_a_regular_train_gives_its_own_rate_wherever_it_begins(gap_s: float, phase: float) -> None:
    times = [t for i in range(200) if (t := gap_s * (i + phase)) < 10.0]
    rate, method = goodput(len(times), times[0], times[-1], 10.0)
    assert method == "span"
    assert rate == pytest.approx(1 / gap_s)


def test_groups_are_one_train() -> None:
    assert goodput_of([(2, 4.0, 6.0), (1, 1.0, 1.0), (1, 10.0, 10.0)], 10.0) == (3 / 9, "span")
    assert goodput_of([], 10.0) == (None, "")
