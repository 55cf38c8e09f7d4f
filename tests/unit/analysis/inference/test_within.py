"""Batch means of a window's seconds, on numbers small enough to check by hand."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from analysis.inference import within
from analysis.inference.within import NOTICED_S
from bench.truth.goodput import BEGIN_S, counted
from rig.inference.goodput import Group


def seconds(counts: list[int]) -> list[Group]:
    """So many answers in each second, evenly, the last at its end."""
    return [Group(count, at + 1 / count, at + 1.0) for at, count in enumerate(counts) if count]


def test_by_hand() -> None:
    # no second is like the one before: ten batches of one, whose deviations are 2 each
    found = within(seconds([18, 22] * 5), 0.0, 10.0)
    assert found is not None
    assert found.df == 9
    batches = math.sqrt(40 / 9) / math.sqrt(10) / 20
    assert found.log_se == pytest.approx(math.hypot(batches, 1 / math.sqrt(6) / 200), rel=0.01)


def test_a_regular_server_is_known_by_its_gaps_and_never_for_ever() -> None:
    every = [3.1 + n / 1.23 for n in range(15)]
    found = within(counted(every, 15.0), BEGIN_S, 15.0)
    assert found is not None
    assert found.log_se == pytest.approx(NOTICED_S / math.sqrt(6) / 12, rel=0.01)


def test_a_count_is_off_by_a_part_of_an_answer() -> None:
    found = within(seconds([10] * 12), 0.0, 12.0)
    assert found is not None
    assert found.log_se == pytest.approx(1 / math.sqrt(6) / 120, rel=0.01)


@pytest.mark.parametrize("counts", [[], [5, 6, 7, 8], [0] * 20, [0, 0, 0, 7, 0, 0, 0]])
def test_too_short_or_empty_windows_say_nothing(counts: list[int]) -> None:
    assert within(seconds(counts), 0.0, float(len(counts))) is None


def test_seconds_that_resemble_each_other_make_longer_batches_or_none() -> None:
    slow = [30] * 6 + [10] * 6
    assert within(seconds(slow), 0.0, 12.0) is None
    found = within(seconds([30, 30, 10, 10] * 15), 0.0, 60.0)
    assert found is not None
    assert found.df < 20


def test_many_seconds_make_twenty_batches() -> None:
    chance = random.Random(1)
    counts = [chance.randrange(40, 60) for _ in range(200)]
    found = within(seconds(counts), 0.0, 200.0)
    assert found is not None
    assert found.df <= 19
    white = statistics.stdev(counts) / math.sqrt(200) / statistics.fmean(counts)
    assert found.log_se == pytest.approx(white, rel=0.5)


def test_an_outage_makes_it_wide() -> None:
    whole = within(seconds([20, 21] * 6), 0.0, 12.0)
    broken = within(seconds([20, 21, 20, 0, 21, 20, 21, 0, 21, 20, 21, 20]), 0.0, 12.0)
    assert whole is not None
    assert broken is not None
    assert broken.log_se > 5 * whole.log_se
