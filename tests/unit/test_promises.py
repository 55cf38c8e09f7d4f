"""How `bench/ground_truth.py` runs its conditions: alike in any number of parts."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bench.ground_truth import table
from bench.truth.conditions import Condition, Part, Promise, at_most, between, share
from bench.truth.running import PARTS, Kept, Outcome

HALF = Condition(
    "coins", lambda seed: random.Random(seed).random() < 0.5, share, 100, between(0.4, 0.6)
)


@pytest.mark.parametrize("most", [1, 3, 7, 1000])
def test_any_number_of_chunks_simulates_the_same(most: int) -> None:
    found = [one for seeds in HALF.chunks(1, most) for one in HALF.run(seeds)]
    assert found == HALF.run(range(100))
    assert len(HALF.chunks(1, most)) <= most


def test_a_share_of_the_simulations_is_at_least_one() -> None:
    assert HALF.chunks(0.25, 1) == [range(25)]
    assert HALF.chunks(0.0001, 5) == [range(1)]


@pytest.mark.parametrize(
    ("promise", "limit", "kept"),
    [
        (between(0.4, 0.6), None, Kept.YES),
        (at_most(0.1), None, Kept.NO),
        (at_most(0.1), Promise("coins", high=0.6), Kept.LIMIT),
        (at_most(0.1), Promise("coins", high=0.3), Kept.NO),
        (None, None, Kept.NONE),
    ],
)
def test_a_promise_is_kept_or_missed_no_farther_than_stated(
    promise: Promise | None, limit: Promise | None, kept: Kept
) -> None:
    condition = replace(HALF, promise=promise, limit=limit)
    outcome = Outcome(condition, condition.figure(condition.run(range(100))))
    assert outcome.kept is kept
    _, line = table(Part("chance", "heads", [condition]), [outcome])
    assert line.endswith("stated limit: coins" if kept is Kept.LIMIT else kept)


def test_no_condition_is_asked_twice() -> None:
    names = [(part.name, part.shown, one.name) for part in PARTS for one in part.conditions]
    assert len(names) == len(set(names))
