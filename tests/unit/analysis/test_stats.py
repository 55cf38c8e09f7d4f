"""The arithmetic, on numbers small enough to check by hand."""

import pytest

from analysis.load import new_histogram
from analysis.stats import best_rps, goodput, median, percentile_ms, share


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


def test_the_median_leaves_out_what_is_missing() -> None:
    assert median([None, 3.0, 1.0, None, 2.0]) == 2.0
    assert median([None]) is None


def test_a_share_of_nothing_is_none() -> None:
    assert share(0, 0) is None
    assert share(1, 4) == 0.25
