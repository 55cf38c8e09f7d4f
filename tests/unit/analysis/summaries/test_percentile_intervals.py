"""A small `bench/ground_truth.py`: intervals of percentiles, and where a window begins."""

from __future__ import annotations

import statistics

import pytest

from bench.truth.percentile_intervals import LOADS, Held, held, mm1, wrongly
from bench.truth.settling import PARTS


def many(name: str, times: int) -> list[Held]:
    (one,) = (one for one in LOADS if one.title == name)
    return [held(one.load, one.window_s, seed) for seed in range(times)]


@pytest.mark.parametrize("name", ["independent, 20 /s, 12 s", "10 users, rounds of 0.25 s, 12 s"])
def test_they_hold_the_truth(name: str) -> None:
    given = [one[0.5] for one in many(name, 60) if one[0.5] is not None]
    assert len(given) > 0.5 * 60
    assert statistics.fmean(given) >= 0.95 - 0.08


def test_long_windows_of_a_queue_tell() -> None:
    given = [held(mm1(20, 0.6), 60.0, seed)[0.5] for seed in range(30)]
    assert given.count(None) == 0
    assert given.count(True) >= 0.95 * 30 - 4


def test_short_ones_of_a_busy_queue_say_little() -> None:
    found = many("M/M/1, 20 /s, utilisation 0.9, 12 s", 60)
    assert sum(one[0.5] is None for one in found) > 0.8 * 60
    assert all(one[0.95] is None for one in found)
    found = many("M/M/1, 20 /s, utilisation 0.8, 12 s", 60)
    assert wrongly(found).value <= 0.05 + 0.06


def test_users_who_think_stay_in_step() -> None:
    found = many("20 users who think 1 s, 0.6, 12 s", 10)
    assert all(one is None for each in found for one in each.values())


def test_a_later_window_knows_no_more() -> None:
    (part,) = PARTS
    asked = [one for one in part.conditions if one.promise]
    assert len(asked) == 6
    for one in asked:
        figure = one.figure(one.run(range(10)))
        assert figure.value >= 0, one.name
