"""A small `bench/ground_truth_verdicts.py`: nothing false in more than 5 % of sessions.

The bounds are those, widened by what fewer sessions scatter.
"""

from __future__ import annotations

import pytest

from analysis.comparisons.versions import NO_REGRESSION, SLOWER
from analysis.inference import FOR, Judgement
from bench import ground_truth_verdicts as bench

MOST = bench.MOST + 0.03


@pytest.mark.parametrize("asked", [1, 9])
@pytest.mark.parametrize("heavy", [False, True])
def test_single_runs_at_the_bound_indicate_next_to_nothing(asked: int, heavy: bool) -> None:
    assert bench.says(bench.Claimed(asked, heavy=heavy), 400) <= MOST


def test_repeats_at_the_bound_decide_next_to_nothing() -> None:
    assert bench.says(bench.Claimed(9, 4), 200) <= MOST


def test_a_side_that_fails_is_never_supported() -> None:
    far = bench.Claimed(9, 4, 0.05, 10.0, async_failed=0.9)
    assert bench.says(far, 50, FOR) == 0
    assert bench.says(far, 50, (Judgement.WITHHELD,)) == 1
    assert bench.says(bench.Claimed(9, 4, 0.05, 10.0, async_failed=0.04), 50, FOR) == 1


@pytest.mark.parametrize(("sessions", "blocks"), [(1, 1), (1, 8), (3, 4)])
def test_what_a_session_shares_makes_nothing_slower(sessions: int, blocks: int) -> None:
    world = bench.Versions(sessions, blocks)
    assert bench.compared(world, 200, SLOWER) <= MOST
    fallen = bench.Versions(sessions, blocks, change=1 / 1.6)
    assert bench.compared(fallen, 200, NO_REGRESSION) <= MOST


@pytest.mark.parametrize("kind", bench.CURVES)
def test_searches_say_nothing_false(kind: str) -> None:
    assert bench.searches(kind, 200, 0.03).false <= MOST
