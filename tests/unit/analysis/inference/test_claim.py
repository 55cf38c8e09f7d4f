from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from analysis.inference import (
    Answer,
    Bound,
    Judgement,
    Observation,
    PairRatio,
    Verdict,
    WithinTrialError,
    judge_claim,
    pairs,
    repeats_needed,
)
from tests.unit.inference.trials import pair_of, trial

BOUND = Bound("target", "async", "sync", at_least=2.0)


def repeated(ratio: float, blocks: int = 4, spread: float = 0.02, **more: Any) -> list[Observation]:
    return [
        one
        for block in range(1, blocks + 1)
        for one in pair_of(block, 10.0, ratio * (1 + spread * (-1) ** block), **more)
    ]


def judged(trials: Sequence[Observation], bound: Bound = BOUND) -> Answer:
    return judge_claim(
        pairs(trials, "target", "async", "sync"),
        bound,
        labels={"delay_ms": "added delay"},
        units={"delay_ms": "ms"},
    )


def test_above_everywhere_is_supported() -> None:
    answer = judged(repeated(5.0) + repeated(9.0, delay_ms=100))
    assert answer.verdict is Verdict.SUPPORTED
    assert answer.sentence == (
        "The goodput with async is at least 2 times that with sync in all 2 comparisons (5× to 9×)."
    )
    assert {one.judgement for one in answer.pairs} == {Judgement.SUPPORTED}
    assert answer.repeats_needed is None


def test_below_everywhere_is_contradicted() -> None:
    answer = judged(repeated(1.1))
    assert answer.verdict is Verdict.CONTRADICTED
    assert answer.sentence == "The goodput with async is less than 2 times that with sync (1.1×)."


def test_both_depends_on_what_parts_them() -> None:
    trials = [
        *repeated(1.0, delay_ms=0),
        *repeated(1.0, delay_ms=0, route="cpu"),
        *repeated(50.0, delay_ms=100),
        *repeated(8.0, delay_ms=100, route="cpu"),
    ]
    answer = judged(trials)
    assert answer.verdict is Verdict.DEPENDS
    assert answer.depends_on == ("delay_ms",)
    assert answer.sentence == (
        "Whether the goodput with async is at least 2 times that with sync depends on added delay. "
        "Yes: 100 ms (8× to 50×). No: 0 ms (1×)."
    )


def test_places_with_a_pair_that_is_not_decided_are_not_claimed_whole() -> None:
    trials = [
        *repeated(0.9, delay_ms=0, route="cpu", blocks=1, spread=0.0),
        *repeated(2.3, delay_ms=0, route="read", blocks=1, spread=0.0),
        *repeated(22.0, delay_ms=100, route="cpu", blocks=1, spread=0.0),
        *repeated(60.0, delay_ms=100, route="read", blocks=1, spread=0.0),
    ]
    assert judged(trials).sentence == (
        "Whether the goodput with async is at least 2 times that with sync depends on added delay. "
        "Yes: 100 ms (22× to 60×). No: cpu 0 ms (0.9×). Single runs only indicate this. "
        "Not decided: read 0 ms (2.3×)."
    )


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
    assert f"{silent} answered too little to tell in 1 of 4 trials" in judged(trials).words


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
    assert answer.verdict is Verdict.NOT_DECIDED
    assert answer.repeats_needed is not None
    assert answer.repeats_needed > 4
    assert "stays open. Not decided: 1 of 2 comparisons" in answer.sentence
    assert f"About {answer.repeats_needed} repeats" in answer.sentence


def test_too_close_for_any_number_of_repeats_says_so() -> None:
    answer = judged(repeated(2.005, spread=0.1))
    assert answer.repeats_needed is None
    assert answer.sentence.endswith(" It is too close to 2 for even 200 repeats.")


def test_one_run_can_only_indicate() -> None:
    answer = judged(repeated(5.0, blocks=1, spread=0.0))
    assert answer.verdict is Verdict.INDICATED
    assert answer.sentence.endswith("(5×). Single runs only indicate this.")
    against = judged(repeated(1.0, blocks=1, spread=0.0))
    assert against.verdict is Verdict.INDICATED
    assert against.pairs[0].judgement is Judgement.INDICATED_AGAINST
    both = judged(
        repeated(1.0, blocks=1, spread=0.0) + repeated(5.0, blocks=1, spread=0.0, delay_ms=100)
    )
    assert both.verdict is Verdict.INDICATED
    assert both.depends_on == ("delay_ms",)
    assert both.sentence.partition(". ")[0].endswith("depends on added delay")
    some = judged(repeated(5.0) + repeated(9.0, blocks=1, spread=0.0, delay_ms=100))
    assert some.verdict is Verdict.INDICATED
    assert some.sentence.endswith(
        "(5× to 9×). Single runs only indicate this (1 of 2 comparisons)."
    )


@pytest.mark.parametrize("ratio", [2.9, 1.4])
def test_one_run_not_far_from_the_bound_decides_nothing(ratio: float) -> None:
    answer = judged(repeated(ratio, blocks=1, spread=0.0))
    assert answer.verdict is Verdict.NOT_DECIDED
    assert answer.repeats_needed is None


def test_a_run_that_is_itself_unsure_does_not_indicate() -> None:
    vague = repeated(3.5, blocks=1, spread=0.0, within=WithinTrialError(0.4, 5))
    assert judged(vague).verdict is Verdict.NOT_DECIDED
    clear = repeated(3.5, blocks=1, spread=0.0, within=WithinTrialError(0.02, 5))
    assert judged(clear).verdict is Verdict.INDICATED


def test_what_failed_is_named() -> None:
    answer = judged([*repeated(5.0), *repeated(5.0, delay_ms=50, failure_share=0.3)])
    assert answer.verdict is Verdict.SUPPORTED
    assert "Warning: 50 ms: async failed 30% of its answers and sync failed" in answer.words


def unmeasured(*delays_ms: int) -> list[Observation]:
    return [
        trial(target, 1, 10.0, valid=target == "async", delay_ms=delay_ms)
        for delay_ms in delays_ms
        for target in ("sync", "async")
    ]


@pytest.mark.parametrize(
    ("trials", "way"),
    [
        (repeated(5.0), "It holds in the other 1 (5×)."),
        (repeated(1.1), "It does not hold in the other 1 (1.1×)."),
        (
            repeated(5.0, blocks=1, spread=0.0),
            "It holds in the other 1 (5×). Single runs only indicate this.",
        ),
        (
            repeated(1.0, blocks=1, spread=0.0),
            "It does not hold in the other 1 (1×). Single runs only indicate this.",
        ),
    ],
)
def test_pairs_that_were_not_measured_leave_the_claim_open(
    trials: Sequence[Observation], way: str
) -> None:
    answer = judged([*trials, *unmeasured(50, 100, 150, 200, 250)])
    assert answer.verdict is Verdict.NOT_DECIDED
    assert answer.words == (
        "Whether the goodput with async is at least 2 times that with sync stays open. "
        f"5 of 6 comparisons could not be measured. {way} "
        "Not measured: 50 ms: sync has no valid trial. 100 ms: sync has no valid trial. "
        "150 ms: sync has no valid trial. 2 more in the report's table."
    )


def test_what_is_open_and_what_was_not_measured_are_told_apart() -> None:
    open_ = repeated(2.3, spread=0.1, delay_ms=100)
    answer = judged([*repeated(5.0), *open_, *unmeasured(50)])
    assert answer.verdict is Verdict.NOT_DECIDED
    open_words = "Not decided: 1 of 3 comparisons (2.29×). 1 of 3 comparisons could"
    assert open_words in answer.sentence
    assert (
        f"About {answer.repeats_needed} repeats would probably decide what was measured."
        in answer.sentence
    )


def test_what_was_not_measured_does_not_hide_what_parts_the_rest() -> None:
    answer = judged([*repeated(5.0), *repeated(1.0, delay_ms=100), *unmeasured(50)])
    assert answer.verdict is Verdict.DEPENDS
    assert "Not measured: 50 ms: sync has no valid trial." in answer.words


def test_nothing_measured_is_not_decided() -> None:
    answer = judged([trial("sync", 1, None), trial("async", 1, 10.0)])
    assert answer.verdict is Verdict.NOT_DECIDED
    assert "could not be measured" in answer.sentence
    assert judged([]).verdict is Verdict.NOT_DECIDED


def test_extra_cells_do_not_judge() -> None:
    answer = judged(repeated(5.0) + repeated(1.0, pooler="pgbouncer", extra=True))
    assert answer.verdict is Verdict.SUPPORTED
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
    # s = 0.1, distance log 1.1 = 0.0953: n = 11 gives (2.228 + 0.879) · 0.1 ÷ √11 = 0.0937
    pair = scattered()
    assert repeats_needed(pair, 1.0) == 11
    assert repeats_needed(pair, 1.1) is None
    assert repeats_needed(pair, 100.0) == 3


def test_more_repeats_are_needed_where_more_is_asked() -> None:
    pair = scattered()
    # p below 5 % ÷ 9: n = 18 gives (3.173 + 0.863) · 0.1 ÷ √18 = 0.0951
    assert repeats_needed(pair, 1.0, family=9) == 18
    assert repeats_needed(replace(pair, adaptive=True), 1.0, family=9) == 19


def test_all_pairs_together_need_more_repeats_than_one() -> None:
    close = repeated(2.3, spread=0.1)
    alone = judged(close).repeats_needed
    beside = judged(close + [one for d in range(1, 9) for one in repeated(5.0, delay_ms=d)])
    assert alone is not None
    assert beside.repeats_needed is not None
    assert beside.repeats_needed > alone


def test_what_is_open_and_what_is_not_are_told_apart() -> None:
    answer = judged(repeated(5.0) + repeated(2.0, delay_ms=100))
    assert answer.verdict is Verdict.NOT_DECIDED
    assert answer.sentence.startswith(
        "Whether the goodput with async is at least 2 times that with sync stays open. "
        "Not decided: 1 of 2 comparisons (2×). It holds in the other 1 (5×)."
    )


def test_a_search_needs_more_blocks_to_be_sure() -> None:
    found = pairs(repeated(5.0, blocks=3), "target", "async", "sync")
    assert judge_claim(found, BOUND).verdict is Verdict.SUPPORTED
    assert judge_claim(found, BOUND, least_blocks=4).verdict is Verdict.INDICATED
