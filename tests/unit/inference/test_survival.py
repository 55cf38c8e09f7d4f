"""Kaplan and Meier, on numbers small enough to check by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.inference.survival import kaplan_meier
from rig.model import nearest_rank


def test_the_estimate_by_hand() -> None:
    """Times 1, 2+, 3, 3, 5+: five at risk, then three, then one."""
    curve = kaplan_meier([(1, 1), (3, 2)], [2, 5])
    assert curve.times == (1, 3)
    assert curve.shares == pytest.approx((4 / 5, 4 / 5 * 1 / 3))
    assert curve.quantile(0.2) == 1
    assert curve.quantile(0.5) == 3
    assert curve.quantile(0.8) is None
    assert curve.mean == pytest.approx(1 + 0.8 * 2 + 4 / 15 * 2)


def test_greenwood_less_what_all_answers_would_scatter() -> None:
    curve = kaplan_meier([(1, 1), (3, 2)], [2, 5])
    share = 4 / 15
    greenwood = share**2 * (1 / (5 * 4) + 2 / (3 * 1))
    assert curve.variances == pytest.approx((0, greenwood - share * (1 - share) / 5))


def test_nothing_is_estimated_of_nothing() -> None:
    curve = kaplan_meier([], [])
    assert (curve.quantile(0.5), curve.around(0.5, 3), curve.mean) == (None, (None, None), 0)
    assert kaplan_meier([], [4.0]).mean == 4


def test_an_estimate_is_uncertain_by_what_is_under_way() -> None:
    counts = [(float(time), 10) for time in range(1, 101)]
    assert kaplan_meier(counts, []).around(0.5, 3) == (50, 50)
    curve = kaplan_meier(counts, [10.0] * 500)
    low, high = curve.around(0.5, 3)
    assert (low, curve.quantile(0.5), high) == (50, 52, 55)


@given(times=st.lists(st.integers(1, 100), min_size=1), share=st.sampled_from([0.5, 0.95, 0.99]))
def test_where_all_have_answers_it_is_the_nearest_rank(times: list[int], share: float) -> None:
    curve = kaplan_meier([(time, times.count(time)) for time in sorted(set(times))], [])
    assert curve.quantile(share) == sorted(times)[nearest_rank(len(times), share) - 1]
    assert max(curve.variances) == 0
    assert curve.mean == pytest.approx(math.fsum(times) / len(times))
