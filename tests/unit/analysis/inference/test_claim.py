from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from analysis.inference import (
    FOR,
    Bound,
    ClaimResult,
    JudgedClaim,
    Judgement,
    Observation,
    PairRatio,
    RepeatRange,
    WithinTrialError,
    judge_claim,
    pairs,
    repeats_needed,
    single_run_p,
)
from tests.unit.inference.trials import pair_of, trial

BOUND = Bound("target", "async", "sync", at_least=2.0)


def repeated(ratio: float, blocks: int = 4, spread: float = 0.02, **more: Any) -> list[Observation]:
    return [
        one
        for block in range(1, blocks + 1)
        for one in pair_of(block, 10.0, ratio * (1 + spread * (-1) ** block), **more)
    ]


def judged(trials: Sequence[Observation], bound: Bound = BOUND) -> JudgedClaim:
    return judge_claim(pairs(trials, "target", "async", "sync"), bound)


def test_above_everywhere_is_supported() -> None:
    answer = judged(repeated(5.0) + repeated(9.0, delay_ms=100))
    assert answer.verdict is ClaimResult.SUPPORTED
    assert {one.judgement for one in answer.pairs} == {Judgement.SUPPORTED}
    assert answer.repeats_needed is None


def test_below_everywhere_is_contradicted() -> None:
    answer = judged(repeated(1.1))
    assert answer.verdict is ClaimResult.CONTRADICTED


def test_both_depends_on_what_parts_them() -> None:
    trials = [
        *repeated(1.0, delay_ms=0),
        *repeated(1.0, delay_ms=0, route="cpu"),
        *repeated(50.0, delay_ms=100),
        *repeated(8.0, delay_ms=100, route="cpu"),
    ]
    answer = judged(trials)
    assert answer.verdict is ClaimResult.DEPENDS
    assert answer.depends_on == ("delay_ms",)


@pytest.mark.parametrize(
    ("ratio", "silent", "judgement"),
    [
        (9.0, "async", Judgement.NOT_DECIDED),
        (9.0, "sync", Judgement.SUPPORTED),
        (0.5, "async", Judgement.CONTRADICTED),
        (0.5, "sync", Judgement.NOT_DECIDED),
    ],
)
def test_trials_without_a_value_decide_nothing_for_their_side(
    ratio: float, silent: str, judgement: Judgement
) -> None:
    trials = [
        replace(one, value=None) if one.levels["target"] == silent and one.block == 4 else one
        for one in repeated(ratio)
    ]
    (pair,) = judged(trials).pairs
    assert pair.judgement is judgement


def test_it_may_take_two_factors_to_part_them() -> None:
    trials = [
        *repeated(1.0, delay_ms=0),
        *repeated(1.0, delay_ms=0, route="cpu"),
        *repeated(50.0, delay_ms=100),
        *repeated(1.0, delay_ms=100, route="cpu"),
    ]
    assert judged(trials).depends_on == ("route", "delay_ms")


def test_too_close_is_not_decided_and_says_how_many_repeats() -> None:
    answer = judged(repeated(5.0) + repeated(2.3, spread=0.1, delay_ms=100))
    assert answer.verdict is ClaimResult.NOT_DECIDED
    assert answer.repeats_needed is not None
    assert answer.repeats_needed.least > 4
    assert not answer.hopeless


def test_too_close_for_any_number_of_repeats_says_so() -> None:
    answer = judged(repeated(2.005, spread=0.1))
    assert answer.repeats_needed is None
    assert answer.hopeless


def test_one_run_can_only_indicate() -> None:
    answer = judged(repeated(5.0, blocks=1, spread=0.0))
    assert answer.verdict is ClaimResult.INDICATED
    against = judged(repeated(1.0, blocks=1, spread=0.0))
    assert against.verdict is ClaimResult.INDICATED
    assert against.pairs[0].judgement is Judgement.INDICATED_AGAINST
    both = judged(
        repeated(1.0, blocks=1, spread=0.0) + repeated(5.0, blocks=1, spread=0.0, delay_ms=100)
    )
    assert both.verdict is ClaimResult.INDICATED
    assert both.depends_on == ("delay_ms",)
    some = judged(repeated(5.0) + repeated(9.0, blocks=1, spread=0.0, delay_ms=100))
    assert some.verdict is ClaimResult.INDICATED


@pytest.mark.parametrize("ratio", [2.9, 1.4])
def test_one_run_not_far_from_the_bound_decides_nothing(ratio: float) -> None:
    answer = judged(repeated(ratio, blocks=1, spread=0.0))
    assert answer.verdict is ClaimResult.NOT_DECIDED
    assert answer.repeats_needed is None


def test_a_run_that_is_itself_unsure_does_not_indicate() -> None:
    vague = repeated(3.5, blocks=1, spread=0.0, within=WithinTrialError(0.4, 5))
    assert judged(vague).verdict is ClaimResult.NOT_DECIDED
    clear = repeated(3.5, blocks=1, spread=0.0, within=WithinTrialError(0.02, 5))
    assert judged(clear).verdict is ClaimResult.INDICATED


@pytest.mark.parametrize("blocks", [1, 4])
@pytest.mark.parametrize(
    ("share", "judgements"),
    [
        (0.05, {Judgement.SUPPORTED, Judgement.INDICATED}),
        (0.051, {Judgement.WITHHELD}),
        (0.9, {Judgement.WITHHELD}),
    ],
)
def test_nothing_is_said_for_a_side_that_fails(
    blocks: int, share: float, judgements: set[Judgement]
) -> None:
    trials = [
        replace(one, failure_share=share if one.levels["target"] == "async" else 0.0)
        for one in repeated(9.0, blocks)
    ]
    (pair,) = judged(trials).pairs
    assert pair.judgement in judgements


def test_the_failures_of_the_worse_side_withhold_nothing() -> None:
    trials = [
        replace(one, failure_share=0.9 if one.levels["target"] == "async" else 0.0)
        for one in repeated(0.5)
    ]
    assert judged(trials).verdict is ClaimResult.CONTRADICTED


def test_what_is_withheld_leaves_the_claim_open() -> None:
    answer = judged([*repeated(5.0), *repeated(5.0, delay_ms=50, failure_share=0.3)])
    assert answer.verdict is ClaimResult.NOT_DECIDED
    assert answer.repeats_needed is None


@pytest.mark.parametrize(
    ("failing", "judgement"), [("sync", Judgement.SUPPORTED), ("async", Judgement.WITHHELD)]
)
def test_of_response_times_the_lower_side_is_the_better(failing: str, judgement: Judgement) -> None:
    # sync ÷ async of response times: above the bound, async is the better side
    bound = Bound("target", "sync", "async", at_least=2.0, of="p50_ms")
    trials = [
        replace(one, failure_share=0.9 if one.levels["target"] == failing else 0.0)
        for one in repeated(0.1)
    ]
    (pair,) = judge_claim(pairs(trials, "target", "sync", "async"), bound).pairs
    assert pair.judgement is judgement


def test_the_more_single_runs_are_asked_the_farther_they_must_be() -> None:
    alone = repeated(3.2, blocks=1, spread=0.0)
    assert judged(alone).verdict is ClaimResult.INDICATED
    many = [one for ms in range(9) for one in repeated(3.2, blocks=1, spread=0.0, delay_ms=ms)]
    assert judged(many).verdict is ClaimResult.NOT_DECIDED
    farther = [one for ms in range(9) for one in repeated(4.6, blocks=1, spread=0.0, delay_ms=ms)]
    assert judged(farther).verdict is ClaimResult.INDICATED


def test_the_p_of_a_single_run_by_hand() -> None:
    # twice the bound: log 2 ÷ (0.22 · √(3 ÷ 5)) = 4.068 of a t of 5 degrees of freedom
    assert single_run_p(4.0, 2.0) == pytest.approx(0.0097, abs=1e-4)
    assert single_run_p(1.0, 2.0) == pytest.approx(single_run_p(4.0, 2.0))
    assert single_run_p(2.0, 2.0) == 1.0


def unmeasured(*delays_ms: int) -> list[Observation]:
    return [
        trial(target, 1, 10.0, valid=target == "async", delay_ms=delay_ms)
        for delay_ms in delays_ms
        for target in ("sync", "async")
    ]


@pytest.mark.parametrize(
    "trials", [repeated(5.0), repeated(1.1), repeated(5.0, 1, 0.0), repeated(1.0, 1, 0.0)]
)
def test_pairs_that_were_not_measured_leave_the_claim_open(
    trials: Sequence[Observation],
) -> None:
    answer = judged([*trials, *unmeasured(50, 100, 150, 200, 250)])
    assert answer.verdict is ClaimResult.NOT_DECIDED
    assert len(answer.those(Judgement.NOT_MEASURED)) == 5


def test_what_was_not_measured_does_not_hide_what_parts_the_rest() -> None:
    answer = judged([*repeated(5.0), *repeated(1.0, delay_ms=100), *unmeasured(50)])
    assert answer.verdict is ClaimResult.DEPENDS


def test_nothing_measured_is_not_decided() -> None:
    answer = judged([trial("sync", 1, None), trial("async", 1, 10.0)])
    assert answer.verdict is ClaimResult.NOT_DECIDED
    assert judged([]).verdict is ClaimResult.NOT_DECIDED


def test_extra_cells_do_not_judge() -> None:
    answer = judged(repeated(5.0) + repeated(1.0, pooler="pgbouncer", extra=True))
    assert answer.verdict is ClaimResult.SUPPORTED
    assert len(answer.pairs) == 1


def scattered() -> PairRatio:
    """A ratio of 1.1 whose logs scatter by 0.1 over two blocks."""
    trials = [
        one
        for block, away in ((1, 1 / math.sqrt(2)), (2, -1 / math.sqrt(2)))
        for one in pair_of(block, 10.0, 1.1 * math.exp(0.1 * away))
    ]
    (pair,) = pairs(trials, "target", "async", "sync")
    return pair


def test_repeats_needed_by_hand() -> None:
    # s = 0.1 of one degree of freedom: the true scatter is 0.0608 to 0.796 in 80 of 100 cases.
    # distance log 1.1 = 0.0953: n = 6 gives 3.514 · 0.0608 ÷ √6 = 0.0872, n = 5 0.0994
    pair = scattered()
    assert repeats_needed(pair, 1.0) == RepeatRange(6, None)
    assert repeats_needed(pair, 1.1) is None
    # log 90.9 = 4.51: 3 gives 5.654 · 0.796 ÷ √3 = 2.6, 2 gives 9.2
    assert repeats_needed(pair, 100.0) == RepeatRange(3, 3)


def test_more_repeats_are_needed_where_more_is_asked() -> None:
    pair = scattered()
    one, nine = repeats_needed(pair, 1.0), repeats_needed(pair, 1.0, family=9)
    adaptive = repeats_needed(replace(pair, adaptive=True), 1.0, family=27)
    assert one is not None
    assert nine is not None
    assert adaptive is not None
    assert one.least < nine.least < adaptive.least


def test_the_more_blocks_were_seen_the_narrower_is_the_range() -> None:
    def asked(blocks: int) -> RepeatRange:
        found = repeats_needed(pairs(repeated(2.3, blocks, 0.08), "target", "async", "sync")[0], 2)
        assert found is not None
        assert found.most is not None
        return found

    few, many = asked(4), asked(8)
    assert few.most is not None
    assert many.most is not None
    assert many.most - many.least < few.most - few.least


def test_all_pairs_together_need_more_repeats_than_one() -> None:
    close = repeated(2.3, spread=0.1)
    alone = judged(close).repeats_needed
    beside = judged(close + [one for d in range(1, 9) for one in repeated(5.0, delay_ms=d)])
    assert alone is not None
    assert beside.repeats_needed is not None
    assert beside.repeats_needed.least > alone.least


@pytest.mark.parametrize("blocks", [1, 4])
def test_nothing_is_decided_before_the_end(blocks: int) -> None:
    trials = [
        *repeated(50.0, blocks),
        *repeated(0.5, blocks, delay_ms=50),
        *repeated(9.0, blocks, delay_ms=100, failure_share=0.2),
    ]
    found = pairs(trials, "target", "async", "sync")
    assert judge_claim(found, BOUND).those(*FOR)
    answer = judge_claim(found, BOUND, ended=False)
    assert not answer.ended
    assert answer.verdict is ClaimResult.NOT_DECIDED
    assert [one.judgement for one in answer.pairs] == [
        Judgement.NOT_DECIDED,
        Judgement.NOT_DECIDED,
        Judgement.WITHHELD,
    ]
    assert {one.p_holm for one in answer.pairs} == {None}
    assert answer.repeats_needed is None
    assert not answer.hopeless


def test_a_search_needs_more_blocks_to_be_sure() -> None:
    found = pairs(repeated(5.0, blocks=3), "target", "async", "sync")
    assert judge_claim(found, BOUND).verdict is ClaimResult.SUPPORTED
    assert judge_claim(found, BOUND, least_blocks=4).verdict is ClaimResult.INDICATED


@pytest.mark.parametrize("blocks", [1, 4])
def test_a_bound_of_nothing_holds(blocks: int) -> None:
    bound = replace(BOUND, at_least=0.0)
    assert judged(repeated(0.5, blocks), bound).pairs[0].judgement in FOR
