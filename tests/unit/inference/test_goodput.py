"""Goodput, on numbers small enough to check by hand."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from bench.truth.goodput import counted
from rig.inference.goodput import Group, goodput_of

BEGIN_S, END_S = 3.0, 15.0


def of(times_s: Sequence[float], end_s: float = END_S) -> tuple[float | None, str]:
    """The goodput of answers at these times, as the recorder counts them."""
    return goodput_of(counted(times_s, end_s), BEGIN_S, end_s)


def train(gap_s: float, phase: float) -> list[float]:
    return [at_s for n in range(400) if (at_s := BEGIN_S + gap_s * (n + phase)) < END_S]


def test_many_answers_are_divided_by_the_window() -> None:
    assert of([3.05 + n / 10 for n in range(100)]) == (100 / 12, "window")


@pytest.mark.parametrize("times_s", [[], [4.0]])
def test_one_answer_carries_no_rate(times_s: list[float]) -> None:
    assert of(times_s) == (None, "")


def test_no_window_no_rate() -> None:
    assert goodput_of([Group(50, 3.0, 4.0)], 3.0, 3.0) == (None, "")


@pytest.mark.parametrize("gap_s", [0.13, 0.5, 0.7, 1.9, 3.0, 4.9])
@pytest.mark.parametrize("phase", [0.01, 0.25, 0.5, 0.75, 0.99])
def test_a_regular_train_gives_its_own_rate_wherever_it_begins(gap_s: float, phase: float) -> None:
    rate, method = of(train(gap_s, phase))
    assert method == "edges"
    assert rate == pytest.approx(1 / gap_s)


def test_by_hand() -> None:
    # of the silence before, 1 s, half of the gap of 2 s; of that after, 3 s, all of 3 s
    assert of([4.0, 6.0, 9.0, 12.0]) == ((3 + 1 / 2 + 1) / 12, "edges")


def test_a_silence_of_more_than_two_gaps_is_no_rhythm() -> None:
    assert of([8.0, 9.0, 10.0]) == (3 / 12, "edges")


@pytest.mark.parametrize("period_s", [1.3, 2.4, 4.0])
@pytest.mark.parametrize("phase", [0.02, 0.3, 0.6, 0.97])
def test_what_moves_in_clumps_counts_as_clumps(period_s: float, phase: float) -> None:
    together = [beat + n * 0.002 for beat in train(period_s, phase) for n in range(20)]
    rate, method = of(together)
    assert method == "edges"
    assert rate == pytest.approx(20 / period_s, rel=0.005)


def test_a_clump_that_an_edge_cuts_is_no_small_one() -> None:
    beats = [2.98, 5.38, 7.78, 10.18, 12.58, 14.98]
    rate, _ = of([beat + n * 0.002 for beat in beats for n in range(20)])
    assert rate == pytest.approx(20 / 2.4, rel=0.005)


def test_one_clump_does_not_pass_for_a_rate() -> None:
    assert of([9.0] * 5)[0] == pytest.approx(5 / 12)
    assert of([9 + n / 500 for n in range(50)])[0] == pytest.approx(50 / 12)


def test_answers_that_end_early_are_no_faster() -> None:
    # the case of issue 13: 99 answers in 4.1 s, and then silence; and one more
    early = [3.02 + n * 4.1 / 98 for n in range(99)]
    assert of(early)[0] == pytest.approx(99 / 12, rel=0.01)
    assert of([*early, early[-1] + 0.04])[0] == pytest.approx(100 / 12, rel=0.01)


@pytest.mark.parametrize("seed", range(40))
def test_losing_answers_never_raises_it(seed: int) -> None:
    """Of single answers, each seen: any one that is gone makes it lower, or as low."""
    chance = random.Random(seed)
    times_s = [BEGIN_S + n + chance.random() for n in range(12) if chance.random() < 0.6]
    rate, _ = of(times_s)
    for index in range(len(times_s)):
        less, _ = of([*times_s[:index], *times_s[index + 1 :]])
        assert less is None or (rate is not None and less <= rate + 1e-6)


def test_groups_need_no_order_and_may_overlap() -> None:
    groups = [Group(1, 12.0, 12.0), Group(2, 6.0, 9.0), Group(1, 4.0, 4.0)]
    assert goodput_of(groups, BEGIN_S, END_S) == of([4.0, 6.0, 9.0, 12.0])
    assert goodput_of([Group(2, 4.0, 6.0), Group(2, 5.0, 7.0)], BEGIN_S, END_S)[0] == (
        pytest.approx((3 + 1 + 1 / 2) / 12)
    )
