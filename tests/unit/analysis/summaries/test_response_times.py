"""Percentiles: a number where it is known, bounds where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.summaries.response_times import response_times, telling
from rig.disk.sent import Counts, Sent
from rig.inference.stationarity import State, Window
from rig.model import nearest_rank

MS = 1000


def of(
    answered: Counts,
    waiting_us: Sequence[int] = (),
    given_up: Counts = (),
    dropped: int = 0,
) -> Sent:
    return Sent(answered, answered, given_up=given_up, waiting_us=waiting_us, dropped=dropped)


def bounds_ms(
    sent: Sent, share: float, state: State = State.STEADY
) -> tuple[float | None, float | None]:
    return response_times(sent, state).bounds_ms(share)


@pytest.mark.parametrize(("percent", "least"), [(50, 10), (95, 100), (99, 500)])
def test_a_percentile_needs_five_requests_beyond_it(percent: int, least: int) -> None:
    assert bounds_ms(of([(20 * MS, least - 1)]), percent / 100) == (None, None)
    assert bounds_ms(of([(20 * MS, least)]), percent / 100) == (20, 20)


@pytest.mark.parametrize(
    ("waiting_s", "share", "lower_ms", "upper_ms"),
    [
        ([], 0.5, 100, 100),
        ([], 0.95, 900, 900),
        # 20 of 120 wait: the median lies among the answers, whatever becomes of them
        ([9.0] * 20, 0.5, 100, 100),
        # and the 95th percentile among them: as old as they are, or without a bound
        ([9.0] * 20, 0.95, 9000, None),
        ([9.0] * 200, 0.5, 9000, None),
    ],
)
def test_requests_without_an_answer_bound_the_percentiles_they_could_move(
    waiting_s: list[float], share: float, lower_ms: float, upper_ms: float | None
) -> None:
    sent = of([(100 * MS, 93), (900 * MS, 7)], waiting_us=[round(1e6 * s) for s in waiting_s])
    lower, upper = bounds_ms(sent, share)
    assert lower == pytest.approx(lower_ms, rel=0.001)
    assert upper == (None if upper_ms is None else pytest.approx(upper_ms, rel=0.001))


def test_those_in_flight_are_expected_to_take_as_long_as_others_did() -> None:
    """One FIFO server, 150 users, 60 ms, a window of 12 s: 50 answers, 9 s each."""
    sent = of([(9_000 * MS, 50)], waiting_us=[60 * MS * n for n in range(150)])
    assert bounds_ms(sent, 0.5) == (9000, 9000)
    lower, upper = bounds_ms(sent, 0.5, State.DRIFT)
    assert lower == pytest.approx(5940, rel=0.001)
    assert upper is None


def test_a_lower_bound_names_no_time_that_nobody_waited() -> None:
    sent = of([(10 * MS, 5)], waiting_us=[13_993_999] * 20)
    lower, upper = bounds_ms(sent, 0.5)
    assert lower is not None
    assert 13_980 < lower <= 13_993.999
    assert upper is None


def test_dropped_arrivals_are_never_answered() -> None:
    answered = [(10 * MS, 950), (2_700 * MS, 50)]
    assert bounds_ms(of(answered), 0.95) == (10, 10)
    assert bounds_ms(of(answered, dropped=40), 0.5) == (10, 10)
    lower, upper = bounds_ms(of(answered, dropped=40), 0.95)
    assert lower == pytest.approx(10, rel=0.001)
    assert upper == 2700
    assert bounds_ms(of(answered, dropped=60), 0.95)[1] is None


def test_what_the_client_gave_up_on_took_at_least_that_long() -> None:
    lower, upper = bounds_ms(of([(50 * MS, 160)], given_up=[(2_000_895, 80)]), 0.95)
    assert lower == pytest.approx(2000, rel=0.001)
    assert upper is None


def test_where_it_is_open_which_were_sent_in_the_window_both_bound_it() -> None:
    fast, slow = [(10 * MS, 50), (20 * MS, 10)], [(10 * MS, 20), (20 * MS, 40)]
    lower, upper = bounds_ms(Sent(fast, slow), 0.5)
    assert lower == pytest.approx(10, rel=0.001)
    assert upper == 20


def test_an_overload_has_no_percentiles() -> None:
    assert bounds_ms(of([(50 * MS, 1000)]), 0.5, State.OVERLOAD) == (None, None)


def test_users_of_whom_nothing_is_known_leave_lower_bounds() -> None:
    lower, upper = bounds_ms(of([(50 * MS, 1000)]), 0.5, State.UNSETTLED)
    assert lower == pytest.approx(50, rel=0.001)
    assert upper is None


@given(
    answered=st.lists(st.integers(1, 10**7), min_size=1, max_size=60),
    waiting=st.lists(st.tuples(st.integers(1, 10**7), st.integers(0, 10**7)), max_size=30),
    share=st.sampled_from([0.5, 0.9, 0.95]),
)
def test_bounds_hold_whatever_becomes_of_those_in_flight(
    answered: list[int], waiting: list[tuple[int, int]], share: float
) -> None:
    sent = of(sorted((us, 1) for us in answered), waiting_us=sorted(age for age, _ in waiting))
    times = sorted([*answered, *(age + more for age, more in waiting)])
    true_ms = times[nearest_rank(len(times), share) - 1] / 1000
    lower, upper = bounds_ms(sent, share, State.DRIFT)
    if lower is not None and lower == upper:
        assert lower == pytest.approx(true_ms, rel=0.051)
    elif lower is not None:
        assert lower <= true_ms
        assert upper is None or true_ms <= upper


STEPS = tuple((us * MS, 1) for us in range(91, 111))
"""20 answers of 91 to 110 ms in each second."""


@pytest.mark.parametrize("state", [State.STEADY, State.VARIES])
def test_an_interval_lies_between_two_ranks(state: State) -> None:
    times = response_times(of([(us, 20 * n) for us, n in STEPS]), state)
    # of 400 independent requests, the 180th and the 221st
    assert list(times.interval_ms(0.5, [STEPS] * 20)) == pytest.approx([99, 102], rel=0.001)
    assert list(times.interval_ms(0.95, [STEPS] * 20)) == pytest.approx([109, 110], rel=0.001)


def test_seconds_that_differ_widen_it() -> None:
    fast, slow = STEPS[:10], STEPS[10:]
    times = response_times(of([(us, 20 * n) for us, n in STEPS]), State.STEADY)
    low, high = times.interval_ms(0.5, [fast, fast, slow, slow] * 10)
    assert low is not None
    assert high is not None
    assert low < 98
    assert high > 103


@pytest.mark.parametrize("state", [State.DRIFT, State.UNSETTLED, State.OVERLOAD])
def test_what_does_not_go_on_has_no_interval(state: State) -> None:
    times = response_times(of([(us, 20 * n) for us, n in STEPS]), state)
    assert times.interval_ms(0.5, [STEPS] * 20) == (None, None)


def test_a_bound_has_no_interval() -> None:
    times = response_times(of(STEPS, waiting_us=[50 * MS] * 15), State.VARIES)
    lower, upper = times.bounds_ms(0.5)
    assert lower != upper
    assert times.interval_ms(0.5, [STEPS] * 20) == (None, None)


def test_equal_answers_leave_the_width_of_a_bucket() -> None:
    times = response_times(of([(100_031, 400)]), State.STEADY)
    low, high = times.interval_ms(0.5, [[(100_031, 20)]] * 20)
    assert (low, high) == (99.968, 100.031)


def test_seconds_of_users_who_think_tell_nothing() -> None:
    busy = Window(users=20, seconds=20, finished=400, in_flight=20, response_s=1)
    assert telling([STEPS], busy) == [STEPS]
    assert telling([STEPS], replace(busy, in_flight=15)) == ()
    assert telling([STEPS], replace(busy, users=None)) == [STEPS]
