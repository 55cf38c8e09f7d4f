"""A small `bench/ground_truth.py`: published percentiles against simulated loads."""

from __future__ import annotations

import dataclasses
import random

import pytest

from bench.truth.percentiles import AUDITED, Judged, checked, drawn, judged
from bench.truth.queues import LIFO, Served
from rig.inference.stationarity import State

FEW = 40
ROUND = "closed, 150 users, 12 s, FIFO, {} ms"


def of(name: str) -> Judged:
    return judged(AUDITED[name], 1)


def test_what_is_published_may_be_believed() -> None:
    found = [checked(seed) for seed in range(FEW)]
    assert sum(bool(one.wrong) for one in found) <= 1, [one.wrong for one in found]
    assert sum(one.points for one in found) > 0.1 * 3 * FEW


def test_trials_are_of_every_kind() -> None:
    served = [drawn(random.Random(seed)) for seed in range(200)]
    assert {one.discipline for one in served} == {"fifo", "lifo", "random"}
    assert {bool(one.users) for one in served} == {True, False}
    assert {one.stall_s > 0 for one in served} == {True, False}
    assert {one.regular for one in served} == {True, False}


@pytest.mark.parametrize("ms", [20, 60, 80, 105])
def test_a_round_that_takes_most_of_the_window(ms: int) -> None:
    found = of(ROUND.format(ms))
    assert not found.wrong
    assert (50 in found.points) == (ms < 80)


def test_starved_users_leave_no_number() -> None:
    found = of("closed, 150 users, 12 s, LIFO, 60 ms")
    assert found.measures.response_state == State.UNSETTLED
    assert not found.points
    assert not found.wrong


def test_dropped_arrivals_count_in_percentiles() -> None:
    found = of("open, load 0.6, a stall of 3 s, some dropped")
    assert found.measures.dropped
    assert not found.wrong
    assert found.measures.p95_ms is not None


@pytest.mark.parametrize("most", [40, 10**9])
def test_an_overload_has_no_percentiles(most: int) -> None:
    served = dataclasses.replace(AUDITED["open, load 1.2"], most_in_flight=most)
    found = judged(served, 1)
    assert found.measures.response_state == State.OVERLOAD
    assert found.measures.p50_ms is None


def test_those_who_wait_longest_raise_no_bound_above_the_truth() -> None:
    served = Served(0.01, 12.0, per_s=90.0, discipline=LIFO, regular=False)
    assert not any(judged(served, seed).wrong for seed in range(3))
