"""The arithmetic, on numbers small enough to check by hand."""

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from analysis.summaries.percentiles import best_rps, bounds_ms, median, percentile_ms, share
from rig.disk.histograms import HIGHEST_US, new_histogram, percentile_us


def test_the_best_five_seconds_slide_by_one() -> None:
    assert best_rps({2: 10, 3: 10, 6: 10, 9: 1}, 10) == 30 / 5


def test_a_second_that_is_not_whole_does_not_count() -> None:
    assert best_rps({0: 5, 5: 1000}, 5) == 1.0


def test_a_load_under_five_seconds_has_no_best_five() -> None:
    assert best_rps({0: 5}, 4) is None


@pytest.mark.parametrize(("percent", "least"), [(50, 10), (95, 100), (99, 500)])
def test_a_percentile_needs_five_answers_beyond_it(percent: int, least: int) -> None:
    histogram = new_histogram()
    histogram.record_value(20_000, least - 1)
    assert percentile_ms(histogram, percent) is None
    histogram.record_value(20_000)
    assert percentile_ms(histogram, percent) == pytest.approx(20.0, rel=0.001)


def answered(*groups: tuple[float, int]) -> HdrHistogram:
    """So many answers of so many ms each."""
    histogram = new_histogram()
    for ms, count in groups:
        histogram.record_value(round(1000 * ms), count)
    return histogram


@pytest.mark.parametrize(
    ("overdue_s", "percent", "lower_ms", "upper_ms"),
    [
        ([], 50, 100, 100),
        ([], 95, 900, 900),
        # 20 of 120 are overdue: the median lies among the answers, whatever becomes of them
        ([9.0] * 20, 50, 100, 100),
        # and the 95th percentile among them: as old as they are, or without a bound
        ([9.0] * 20, 95, 9000, None),
        # younger than the slow answers: never answered, they push the percentile up to those
        ([0.05] * 10, 90, 100, 900),
        ([9.0] * 200, 50, 9000, None),
    ],
)
def test_requests_never_answered_bound_the_percentiles_they_could_move(
    overdue_s: list[float], percent: int, lower_ms: float, upper_ms: float | None
) -> None:
    histogram = answered((100, 93), (900, 7))
    lower, upper = bounds_ms(histogram, overdue_s, percent)
    assert lower == pytest.approx(lower_ms, rel=0.001)
    assert upper == (None if upper_ms is None else pytest.approx(upper_ms, rel=0.001))
    assert histogram.get_total_count() == 100


def test_percentiles_above_what_was_not_dropped_are_withheld() -> None:
    histogram = answered((100, 1000))
    assert bounds_ms(histogram, [], 95, dropped_share=0.05)[0] is not None
    assert bounds_ms(histogram, [], 95, dropped_share=0.051) == (None, None)
    assert bounds_ms(histogram, [], 99, dropped_share=0.02) == (None, None)
    assert bounds_ms(histogram, [], 50, dropped_share=0.4)[0] is not None


def test_the_median_leaves_out_what_is_missing() -> None:
    assert median([None, 3.0, 1.0, None, 2.0]) == 2.0
    assert median([None]) is None


def test_a_share_of_nothing_is_none() -> None:
    assert share(0, 0) is None
    assert share(1, 4) == 0.25


@given(
    values=st.lists(st.integers(1, HIGHEST_US), max_size=60),
    percent=st.sampled_from([1, 50, 95, 99, 100]),
)
def test_a_percentile_is_that_of_the_histogram_s_own_code(values: list[int], percent: int) -> None:
    histogram = new_histogram()
    for value in values:
        histogram.record_value(value)
    assert percentile_us(histogram, percent) == histogram.get_value_at_percentile(percent)
