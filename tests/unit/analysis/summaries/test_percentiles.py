"""The arithmetic, on numbers small enough to check by hand."""

from analysis.summaries.percentiles import best_rps, median, share


def test_the_best_five_seconds_slide_by_one() -> None:
    assert best_rps({2: 10, 3: 10, 6: 10, 9: 1}, 10) == 30 / 5


def test_a_second_that_is_not_whole_does_not_count() -> None:
    assert best_rps({0: 5, 5: 1000}, 5) == 1.0


def test_a_load_under_five_seconds_has_no_best_five() -> None:
    assert best_rps({0: 5}, 4) is None


def test_the_median_leaves_out_what_is_missing() -> None:
    assert median([None, 3.0, 1.0, None, 2.0]) == 2.0
    assert median([None]) is None


def test_a_share_of_nothing_is_none() -> None:
    assert share(0, 0) is None
    assert share(1, 4) == 0.25
