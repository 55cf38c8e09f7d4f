"""What may be published of a mix's routes."""

from __future__ import annotations

import pytest

from analysis.summaries.measures import TrialMeasures
from analysis.summaries.routes import _percentile_ms
from rig.disk.histograms import histogram_of


@pytest.mark.parametrize(
    ("upper_ms", "count", "published"),
    [(20.0, 100, True), (None, 100, False), (35.0, 100, False), (20.0, 5, False)],
)
def test_a_route_has_no_percentile_where_the_mix_has_a_bound_only(
    upper_ms: float | None, count: int, published: bool
) -> None:
    mix = TrialMeasures(p50_ms=20.0, p50_upper_ms=upper_ms)
    found = _percentile_ms(mix, histogram_of([[(20_000, count)]]), 50)
    assert (found is not None) is published
