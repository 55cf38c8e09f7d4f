"""Against tabulated values: Abramowitz and Stegun, tables 26.10 and 26.5."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.inference import holm, t_quantile, t_tail
from rig.inference.student import incomplete_beta


@pytest.mark.parametrize(
    ("confidence", "df", "tabulated"),
    [
        (0.95, 1, 12.706),
        (0.95, 2, 4.303),
        (0.95, 3, 3.182),
        (0.95, 7, 2.365),
        (0.99, 10, 3.169),
        (0.998, 20, 3.552),
        (0.95, 120, 1.980),
        (0.5, 5, 0.727),
    ],
)
def test_quantiles_are_those_of_the_tables(confidence: float, df: float, tabulated: float) -> None:
    assert t_quantile(confidence, df) == pytest.approx(tabulated, abs=6e-4)
    assert t_tail(t_quantile(confidence, df), df) == pytest.approx(1 - confidence, rel=1e-8)


def test_many_degrees_of_freedom_are_the_normal() -> None:
    assert t_quantile(0.95, 1e7) == pytest.approx(1.959964, abs=1e-5)


@pytest.mark.parametrize("x", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_incomplete_beta_in_closed_form(x: float) -> None:
    # I_x(2, 3) = 1 - (1 - x)^4 - 4 x (1 - x)^3, a binomial's tail
    assert incomplete_beta(2, 3, x) == pytest.approx(1 - (1 - x) ** 4 - 4 * x * (1 - x) ** 3)
    assert incomplete_beta(1, 1, x) == pytest.approx(x)


def test_two_degrees_of_freedom_in_closed_form() -> None:
    for t in (0.0, 0.3, 2.0, 40.0):
        assert t_tail(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t))
    assert t_tail(math.inf, 2) == 0


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()
    assert holm([0.7, 0.6]) == (1.0, 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_only_raises_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))
    ranked = [after for _, after in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)
