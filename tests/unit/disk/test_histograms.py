"""Histograms: ranks and edges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.disk.hdr import HIGHEST_US, new_histogram
from rig.disk.histograms import counts_us, lowest_us, percentile_us, percentiles_us
from rig.load.counting.hlog import encode, tally
from rig.model import DamagedFile, nearest_rank


@given(
    values=st.lists(st.integers(1, HIGHEST_US), max_size=60),
    percent=st.sampled_from([1, 50, 95, 99, 100]),
)
def test_a_percentile_is_the_value_of_its_rank(values: list[int], percent: int) -> None:
    histogram = new_histogram()
    for value in values:
        histogram.record_value(value)
    rank = nearest_rank(len(values), percent / 100)
    at_rank = sorted(values)[rank - 1] if values else 0
    assert percentile_us(histogram, percent) == (
        histogram.get_highest_equivalent_value(at_rank) if values else 0
    )
    assert sum(count for _, count in counts_us(histogram)) == len(values)


@given(st.integers(1, HIGHEST_US))
def test_a_value_lies_in_its_bucket(value: int) -> None:
    histogram = new_histogram()
    histogram.record_value(value)
    ((upper, count),) = counts_us(histogram)
    assert count == 1
    assert lowest_us(upper) == lowest_us(value) <= value <= upper


@given(count=st.integers(0, 10**9), percent=st.integers(1, 100))
def test_ranks_are_whole_numbers_rounded_up(count: int, percent: int) -> None:
    assert nearest_rank(count, percent / 100) == -(-count * percent // 100)


def test_percentiles_of_encoded_histograms_are_those_of_their_sum() -> None:
    parts = [range(1, 500, 3), [7, 7, 90_000], range(2000, 90_000, 17)]
    whole = new_histogram()
    for value in (value for part in parts for value in part):
        whole.record_value(value)
    found = percentiles_us([encode(tally(part)) for part in parts], (50, 95, 99))
    assert found == [percentile_us(whole, percent) for percent in (50, 95, 99)]
    assert percentiles_us([], (50,)) == [0]


@pytest.mark.parametrize("wrong", ["", "nonsense", "AAAA", "a" * 100_000])
def test_what_is_no_histogram_has_no_percentile(wrong: str) -> None:
    with pytest.raises(DamagedFile, match="no histogram"):
        percentiles_us([encode({1: 1}), wrong], (50,))
