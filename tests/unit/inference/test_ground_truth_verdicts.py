"""A small `bench/ground_truth.py`: no verdict is false in more than 5 % of sessions.

The bounds are those, widened by what fewer sessions scatter.
"""

from __future__ import annotations

from functools import partial

import pytest

from analysis.comparisons.versions import NO_REGRESSION, SLOWER
from analysis.inference import AGAINST, FOR, Judgement
from bench.truth import crossings, verdicts
from bench.truth.conditions import share
from bench.truth.verdicts import Claimed, Versions

MOST = 0.05 + 0.03


def says(world: Claimed, times: int, *judgements: str) -> float:
    wanted = judgements or (*FOR, *AGAINST)
    return share(verdicts.says(world, wanted, seed) for seed in range(times)).value


@pytest.mark.parametrize("asked", [1, 9])
@pytest.mark.parametrize("heavy", [False, True])
def test_single_runs_at_the_bound_indicate_next_to_nothing(asked: int, heavy: bool) -> None:
    assert says(Claimed(asked, heavy=heavy), 400) <= MOST


def test_repeats_at_the_bound_decide_next_to_nothing() -> None:
    assert says(Claimed(9, 4), 200) <= MOST


def test_a_side_that_fails_is_never_supported() -> None:
    far = Claimed(9, 4, 0.05, 10.0, async_failed=0.9)
    assert says(far, 50, *FOR) == 0
    assert says(far, 50, Judgement.WITHHELD) == 1
    assert says(Claimed(9, 4, 0.05, 10.0, async_failed=0.04), 50, *FOR) == 1


@pytest.mark.parametrize(("sessions", "blocks"), [(1, 1), (1, 8), (3, 4)])
def test_what_a_session_shares_makes_nothing_slower(sessions: int, blocks: int) -> None:
    calls = partial(verdicts.calls, Versions(sessions, blocks), SLOWER)
    assert share(map(calls, range(200))).value <= MOST
    fallen = Versions(sessions, blocks, change=1 / 1.6)
    calls = partial(verdicts.calls, fallen, NO_REGRESSION)
    assert share(map(calls, range(200))).value <= MOST


@pytest.mark.parametrize("kind", crossings.CURVES)
def test_searches_say_nothing_false(kind: str) -> None:
    found = [crossings.said(kind, 0.03, seed) for seed in range(200)]
    assert crossings.falsely(found).value <= MOST
