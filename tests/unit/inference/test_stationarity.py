"""Long enough, and steady enough?"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from rig.disk.rows import SecondRow
from rig.inference.stationarity import State, Third, Window, littles_ratio, state_of, window_of

THIRD = Third(seconds=4, offered=400, finished=400, in_flight=150)
CLOSED = Window(150, 12, 1200, 150, 1.5, (THIRD, THIRD, THIRD))
OPEN = replace(CLOSED, users=None)


def thirds(*changed: Third) -> Window:
    return replace(OPEN, thirds=changed)


def test_a_steady_window() -> None:
    assert littles_ratio(CLOSED) == 1
    assert littles_ratio(OPEN) is None
    assert state_of(CLOSED) is State.STEADY
    assert state_of(OPEN) is State.VARIES
    more = replace(THIRD, in_flight=180)
    assert state_of(replace(CLOSED, thirds=(THIRD, more, THIRD))) is State.VARIES


@pytest.mark.parametrize(
    ("response_s", "state"),
    [(1.38, State.STEADY), (1.35, State.UNSETTLED), (0.06, State.UNSETTLED), (0, State.UNSETTLED)],
)
def test_users_that_no_answer_tells_of(response_s: float, state: State) -> None:
    assert state_of(replace(CLOSED, response_s=response_s)) is state


def test_without_any_answer_the_law_has_no_bound() -> None:
    assert littles_ratio(replace(CLOSED, finished=0)) == math.inf
    assert littles_ratio(Window(0, 12, 0, 0, 0)) == 1


def test_few_in_flight_are_so_by_chance() -> None:
    few = Third(4, 4000, 4000, 0.25)
    thinking = Window(10, 12, 12_000, 0.25, 0.0001, (few, few, few))
    assert state_of(thinking) is not State.UNSETTLED


def test_more_offered_than_answered_all_the_time_is_overload() -> None:
    growing = [replace(THIRD, finished=300, in_flight=150 + 100 * n) for n in range(3)]
    assert state_of(thirds(*growing)) is State.OVERLOAD


def test_a_stall_at_the_end_is_none() -> None:
    assert state_of(thirds(THIRD, THIRD, replace(THIRD, finished=100))) is State.DRIFT


@pytest.mark.parametrize(
    "last",
    [replace(THIRD, in_flight=200), replace(THIRD, finished=200), replace(THIRD, finished=0)],
)
def test_what_differs_from_third_to_third_drifts(last: Third) -> None:
    assert state_of(replace(CLOSED, thirds=(THIRD, THIRD, last))) is State.DRIFT


@pytest.mark.parametrize("users", [None, 30])
def test_few_seen_under_way_are_no_drift_of_response_times(users: int | None) -> None:
    """5 of 100 a second that take 50 ms: four looks see 4 or 7 of them."""
    few, more = (Third(4, 400, 400, in_flight) for in_flight in (4.0, 7.0))
    calm = Window(users, 12, 1200, 5.5, 0.055, (few, few, more))
    assert state_of(calm) is not State.DRIFT
    assert state_of(replace(calm, thirds=(few, few, replace(few, in_flight=0)))) is not State.DRIFT
    slower = replace(more, finished=240)
    assert state_of(replace(calm, users=7, thirds=(more, more, slower))) is State.DRIFT


def test_a_short_window_shows_no_steadiness() -> None:
    assert state_of(replace(CLOSED, thirds=())) is State.DRIFT


def test_thirds_are_of_whole_seconds_the_middle_one_with_the_rest() -> None:
    rows = [
        SecondRow(second, "steady", 3, 10 + second, 3, 3, 9, second // 8) for second in range(3, 11)
    ]
    ramp = SecondRow(2, "ramp", 2, 99, 2, 2, 99, 0)
    found = window_of([ramp, *rows], [(1_000_000, 3)], [], 2.5, 10.5)
    assert (found.users, found.seconds, found.finished, found.response_s) == (3, 8, 72, 1)
    assert found.in_flight == 3
    assert [third.seconds for third in found.thirds] == [2, 3, 2]
    assert found.thirds[2].offered == 18 + 19 + 2
    assert window_of(rows, [], [], 2.5, 4.5).thirds == ()
