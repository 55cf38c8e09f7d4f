"""Intervals and CPU beside a cell."""

from __future__ import annotations

import math

import pytest

from analysis.beside import interval


def test_the_interval_of_two_is_students() -> None:
    low, high = interval([10.0, 20.0])
    assert low is not None
    assert high is not None
    assert math.sqrt(low * high) == pytest.approx(math.sqrt(200))
    # t(0.975, 1) = 12.706; the logs' standard error is ln 2 / 2
    assert math.log(high / low) == pytest.approx(2 * 12.706 * math.log(2) / 2, rel=1e-3)


@pytest.mark.parametrize("values", [[], [10.0], [10.0, None], [None, 0.0, 3.0]])
def test_one_trial_has_no_interval(values: list[float | None]) -> None:
    assert interval(values) == (None, None)


def test_equal_trials_leave_no_width() -> None:
    low, high = interval([10.0, 10.0, 10.0])
    assert low == pytest.approx(high)
