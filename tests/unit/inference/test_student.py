"""Against tabulated values: Abramowitz and Stegun, tables 26.10 and 26.5."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.inference import holm, t_quantile, t_tail


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


BY_CONTINUED_FRACTION = (
    (0.1, 1, 0.9365489651388929),
    (0.5, 1, 0.7048327646991339),
    (2, 1, 0.29516723530086625),
    (10, 1, 0.0634510348611071),
    (0.1, 1.3, 0.9335151960165209),
    (0.5, 1.3, 0.6885078164339729),
    (2, 1.3, 0.24745515650741604),
    (10, 1.3, 0.03455786773640882),
    (0.1, 2, 0.9294654384141412),
    (0.5, 2, 0.6666666666666669),
    (2, 2, 0.18350341907227372),
    (10, 2, 0.009852457023325685),
    (0.1, 4.4, 0.9247375868935145),
    (0.5, 4.4, 0.6410577683903627),
    (2, 4.4, 0.10969031576786685),
    (10, 4.4, 0.00034402818287930314),
    (0.1, 7, 0.9231480596047945),
    (0.5, 7, 0.6324071356892843),
    (2, 7, 0.08561932856297616),
    (10, 7, 2.1394202890772815e-05),
    (0.1, 33.3, 0.9209439520150194),
    (0.5, 33.3, 0.6203632728506988),
    (2, 33.3, 0.05371074377104662),
    (10, 33.3, 1.4660119866294548e-11),
    (0.1, 1000, 0.9203643690238108),
    (0.5, 1000, 0.6171850808338376),
    (2, 1000, 0.04577034649325355),
    (10, 1000, 1.6670702958601123e-22),
)
"""t, degrees of freedom and tail, by the continued fraction of DLMF 8.17.22: what reports made
before these came from scipy rest on."""

BY_NEWTON = (
    (0.5, 1, 0.999999999999996),
    (0.95, 1, 12.706204736174685),
    (0.96, 1, 15.89454484386527),
    (0.998, 1, 318.3088389855501),
    (0.5, 1.3, 0.9095175281352075),
    (0.95, 1.3, 7.500529325562021),
    (0.96, 1.3, 8.925821249577798),
    (0.998, 1.3, 89.92242898188002),
    (0.5, 2, 0.8164965809277267),
    (0.95, 2, 4.302652729749461),
    (0.96, 2, 4.848732213850607),
    (0.998, 2, 22.327124770119855),
    (0.5, 4.4, 0.7342816722460285),
    (0.95, 4.4, 2.6796794856923354),
    (0.96, 4.4, 2.8844877203765953),
    (0.998, 4.4, 6.549968516292482),
    (0.5, 7, 0.7111417780817865),
    (0.95, 7, 2.364624251592784),
    (0.96, 7, 2.5167524241332697),
    (0.998, 7, 4.785289628638335),
    (0.5, 33.3, 0.6819286969345975),
    (0.95, 33.3, 2.03381922413405),
    (0.96, 33.3, 2.137368643907269),
    (0.998, 33.3, 3.3537594801478647),
    (0.5, 1000, 0.6747351646069081),
    (0.95, 1000, 1.962339080826407),
    (0.96, 1000, 2.056431381057472),
    (0.998, 1000, 3.0984021639129566),
)
"""Confidence, degrees of freedom and t, by Newton's method on that tail."""


def test_sessions_of_before_keep_their_numbers_to_nine_digits() -> None:
    for t, df, tail in BY_CONTINUED_FRACTION:
        assert t_tail(t, df) == pytest.approx(tail, rel=1e-9)
    for confidence, df, t in BY_NEWTON:
        assert t_quantile(confidence, df) == pytest.approx(t, rel=1e-9)


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
