"""A small `bench/ground_truth.py`: what the figures of docs/method.md rest on.

The bounds are the ones wanted of 1000 sessions, widened by what fewer sessions scatter.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import pytest

from bench.truth import crossings, sessions
from bench.truth.sessions import ONE_PAIR, Looks, World
from rig.model import Level
from tests.shares import every

T = TypeVar("T")


def many(once: Callable[[int], T], times: int) -> list[T]:
    return [once(seed) for seed in range(times)]


def share(found: Iterable[bool]) -> float:
    return statistics.fmean(found)


def share_of_all(found: Iterable[Sequence[bool]]) -> float:
    return share(itertools.chain.from_iterable(found))


@pytest.mark.parametrize("blocks", [2, 4])
def test_intervals_hold_the_truth_whatever_each_cell_scatters(blocks: int) -> None:
    world = World(log_ratio=sessions.truth, scatter=sessions.uneven)
    assert 0.93 <= share_of_all(many(partial(sessions.held, world, blocks), 150)) <= 0.97


def test_one_scatter_for_all_would_not() -> None:
    found = many(partial(sessions.pooled, World(scatter=sessions.by_route), 4), 100)
    assert share_of_all(one["cpu"] for one in found) > 0.99
    assert share_of_all(one["io_create"] for one in found) < 0.93


@pytest.mark.parametrize("cv", every(2, [0.08, 0.03]))
def test_they_do_where_they_decide_when_to_stop(cv: float) -> None:
    world = World(ONE_PAIR, sessions.truth, sessions.same(cv))
    found = many(partial(sessions.stopped, world, Looks(0.1, 4, 8)), 600)
    held = share_of_all(one.held for one in found)
    assert 0.93 - 0.02 <= held <= 0.97 + 0.02
    assert {one.blocks for one in found} <= {4, 5, 6, 7, 8}
    if cv == 0.08:
        careless = Looks(0.1, 4, 8, allowed_for=False)
        carelessly = many(partial(sessions.stopped, world, careless), 600)
        assert share_of_all(one.held for one in carelessly) < held


def test_effects_hold_the_truth_with_trials_lost() -> None:
    world = World(log_ratio=sessions.truth, scatter=sessions.uneven, lost=0.1)
    true = sessions.true_effects(world)
    found = many(partial(sessions.effects_held, world, true, 4), 40)
    assert 0.92 <= share_of_all(found) <= 0.99


def test_the_same_twice_claims_next_to_nothing() -> None:
    found = many(partial(sessions.claims, World(scatter=sessions.uneven), 4), 60)
    assert share(one.by_pair or one.by_effect for one in found) <= 0.065 + 0.05


def test_ten_percent_are_found_by_eight_repeats() -> None:
    at: dict[str, Level] = {"route": "io_read", "delay_ms": 50}
    alone = World(
        log_ratio=lambda levels: math.log(1.1) if dict(levels) | at == dict(levels) else 0.0
    )
    assert share(many(partial(sessions.finds, alone, 8, at), 100)) >= 0.8
    assert share(many(partial(sessions.finds, World(), 8, at), 100)) <= 0.05


@pytest.mark.parametrize("times", every(2, [200, 600]))
def test_crossovers_are_found_in_twelve_trials(times: int) -> None:
    found = many(partial(crossings.near, 0.03, 150), times)
    assert share(one.near for one in found) >= 0.99
    assert share(one.held for one in found if one.held is not None) >= 0.94
    assert max(one.trials for one in found) <= 12
    ahead = many(partial(crossings.said, "one ahead throughout", 0.03), times // 6)
    assert {one.outcome for one in ahead} <= {"none in range", "cannot be told"}
