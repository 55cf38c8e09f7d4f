"""No difference is a finding of its own, and not the lack of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from analysis.inference import (
    Bound,
    ClaimResult,
    JudgedClaim,
    Judgement,
    Observation,
    WithinTrialError,
    judge_claim,
    pairs,
)
from tests.unit.inference.trials import pair_of

BOUND = Bound("target", "async", "sync", equivalent_within=0.25)


def repeated(
    ratio: float, blocks: int = 8, spread: float = 0.02, delay_ms: int = 0, **more: float
) -> list[Observation]:
    return [
        one
        for block in range(1, blocks + 1)
        for one in pair_of(
            block, 10.0, ratio * (1 + spread * (-1) ** block), delay_ms=delay_ms, **more
        )
    ]


def judged(trials: Sequence[Observation], bound: Bound = BOUND) -> JudgedClaim:
    return judge_claim(pairs(trials, "target", "async", "sync"), bound)


@pytest.mark.parametrize(
    ("ratio", "spread", "verdict"),
    [
        (1.0, 0.02, ClaimResult.EQUIVALENT),
        (1.1, 0.02, ClaimResult.EQUIVALENT),  # differs from 1, and not by as much as matters
        (0.9, 0.02, ClaimResult.EQUIVALENT),
        (1.0, 0.5, ClaimResult.NOT_DECIDED),
        (1.25, 0.02, ClaimResult.NOT_DECIDED),
        (1.5, 0.02, ClaimResult.DIFFERENT),
        (0.6, 0.02, ClaimResult.DIFFERENT),
    ],
)
def test_equal_different_or_not_decided(ratio: float, spread: float, verdict: ClaimResult) -> None:
    assert judged(repeated(ratio, spread=spread)).verdict is verdict


@pytest.mark.parametrize("ratio", [0.79, 0.81, 0.85, 0.9, 1.0, 1.15, 1.2, 1.23, 1.24, 1.27, 1.3])
@pytest.mark.parametrize("spread", [0.02, 0.1])
def test_one_pair_is_equal_where_its_interval_lies_within_the_margin(
    ratio: float, spread: float
) -> None:
    (one,) = judged(repeated(ratio, spread=spread)).pairs
    assert one.pair.low is not None
    assert one.pair.high is not None
    inside = one.pair.low > 1 / 1.25 and one.pair.high < 1.25
    outside = one.pair.high < 1 / 1.25 or one.pair.low > 1.25
    assert (one.judgement is Judgement.EQUIVALENT) == inside
    assert (one.judgement is Judgement.DIFFERENT) == outside


def test_the_more_pairs_are_asked_the_closer_they_must_be() -> None:
    alone = repeated(1.13, spread=0.1)
    assert judged(alone).verdict is ClaimResult.EQUIVALENT
    many = [one for ms in range(9) for one in repeated(1.13, spread=0.1, delay_ms=ms)]
    assert judged(many).verdict is ClaimResult.NOT_DECIDED


def test_equal_here_and_different_there_depends() -> None:
    answer = judged(repeated(1.0) + repeated(3.0, delay_ms=100))
    assert answer.verdict is ClaimResult.DEPENDS
    assert answer.depends_on == ("delay_ms",)


@pytest.mark.parametrize("failing", ["sync", "async"])
@pytest.mark.parametrize("ratio", [1.0, 3.0])
def test_equal_favours_both_sides_and_different_the_better_one(ratio: float, failing: str) -> None:
    trials = [
        replace(one, failure_share=0.3) if one.levels["target"] == failing else one
        for one in repeated(ratio)
    ]
    expected = Judgement.WITHHELD if ratio == 1 or failing == "async" else Judgement.DIFFERENT
    assert judged(trials).pairs[0].judgement is expected


@pytest.mark.parametrize("silent", ["sync", "async"])
def test_equal_needs_a_value_of_every_trial(silent: str) -> None:
    trials = [
        replace(one, value=None) if one.block == 8 and one.levels["target"] == silent else one
        for one in repeated(1.0)
    ]
    assert judged(trials).verdict is ClaimResult.NOT_DECIDED


def test_single_runs_do_not_show_that_nothing_differs() -> None:
    assert judged(repeated(1.0, blocks=1, spread=0.0)).verdict is ClaimResult.NOT_DECIDED
    assert judged(repeated(3.0, blocks=1, spread=0.0)).verdict is ClaimResult.INDICATED
    wide = replace(BOUND, equivalent_within=1.0)
    assert judged(repeated(1.0, blocks=1, spread=0.0), wide).verdict is ClaimResult.INDICATED


def test_a_single_run_is_beyond_the_margin_only_with_all_of_its_interval() -> None:
    trials = [
        replace(one, within=WithinTrialError(0.5, 10))
        for one in repeated(3.0, blocks=1, spread=0.0)
    ]
    assert judged(trials).verdict is ClaimResult.NOT_DECIDED


def test_it_says_how_many_repeats_would_tell() -> None:
    needed = judged(repeated(1.0, blocks=4, spread=0.3)).repeats_needed
    assert needed is not None
    assert needed.least > 4
