from __future__ import annotations

import math
from dataclasses import replace

import pytest

from rig.inference import Kind, Observation, PairRatio, WithinTrialError, pairs, width
from tests.unit.inference.trials import pair_of, trial


def compared(observations: list[Observation], *, adaptive: bool = False) -> tuple[PairRatio, ...]:
    return pairs(observations, "target", "async", "sync", adaptive=adaptive)


def test_a_paired_interval_by_hand() -> None:
    # differences of logs 0.1, 0.2, 0.3: mean 0.2, standard error 0.1 ÷ √3, t of 2 df 4.303
    trials = [
        one for block in (1, 2, 3) for one in pair_of(block, 10.0 * block, math.exp(block / 10))
    ]
    (pair,) = compared(trials)
    assert pair.kind is Kind.BETWEEN_TRIALS
    assert pair.n_blocks == 3
    assert pair.ratio == pytest.approx(math.exp(0.2))
    assert pair.low == pytest.approx(math.exp(0.2 - 4.30265 * 0.1 / math.sqrt(3)), rel=1e-5)
    assert pair.high == pytest.approx(math.exp(0.2 + 4.30265 * 0.1 / math.sqrt(3)), rel=1e-5)
    assert pair.levels == {"route": "io_create", "delay_ms": 0}
    assert pair.p == pytest.approx(0.0742, abs=1e-4)  # t = 3.4641
    assert not pair.differs


def test_equal_counts_are_known_no_better_than_one_answer() -> None:
    alike = [
        replace(one, answers=100 * (2 if one.levels["target"] == "async" else 1))
        for block in (1, 2, 3)
        for one in pair_of(block, 10.0, 2.0)
    ]
    (pair,) = compared(alike)
    # three pairs, each off by an even spread of 1 ÷ 100 and 1 ÷ 200; t of 2 df 4.303
    se = math.sqrt((1 / 100**2 + 1 / 200**2) / 12 / 3)
    assert pair.ratio == pytest.approx(2.0)
    assert pair.log_se == pytest.approx(se)
    assert pair.high == pytest.approx(2 * math.exp(4.30265 * se), rel=1e-5)
    apart = [
        replace(one, answers=100)
        for block in (1, 2, 3)
        for one in pair_of(block, 10.0, 1 + block / 10)
    ]
    bare = [replace(one, answers=None) for one in apart]
    assert compared(apart) == compared(bare)  # scatter says more


def test_what_shifts_a_block_cancels() -> None:
    calm = [one for b in (1, 2, 3) for one in pair_of(b, 10.0, 1 + b / 10)]
    moody = [one for b in (1, 2, 3) for one in pair_of(b, 10.0 * b**3, 1 + b / 10)]
    (one,), (other,) = compared(calm), compared(moody)
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_the_inverse_question_has_the_inverse_answer() -> None:
    trials = [one for b in (1, 2, 3, 4) for one in pair_of(b, 10.0 + b, 1 + b / 10)]
    (pair,) = compared(trials)
    (inverse,) = pairs(trials, "target", "sync", "async")
    assert pair.ratio is not None
    assert pair.low is not None
    assert inverse.ratio == pytest.approx(1 / pair.ratio)
    assert inverse.high == pytest.approx(1 / pair.low)
    assert inverse.p == pytest.approx(pair.p)


def test_a_quiet_pair_does_not_pay_for_a_noisy_one() -> None:
    quiet = [one for b in (1, 2, 3) for one in pair_of(b, 10.0, 2 + b / 1000)]
    noisy = [one for b in (1, 2, 3) for one in pair_of(b, 10.0, 2.0**b, delay_ms=100)]
    alone, (beside, _) = compared(quiet)[0], compared(quiet + noisy)
    assert (alone.low, alone.high) == (beside.low, beside.high)


def test_only_blocks_with_both_count() -> None:
    trials = [one for b in (1, 2, 3, 4) for one in pair_of(b, 10.0, 1 + b / 10)]
    trials[7] = trial("async", 4, 99.0, valid=False)
    (pair,) = compared(trials)
    assert pair.n_blocks == 3
    assert pair == compared(trials[:6])[0]


def test_adaptive_intervals_are_wider() -> None:
    trials = [one for b in (1, 2, 3, 4) for one in pair_of(b, 10.0, 1 + b / 10)]
    fixed, adaptive = compared(trials)[0], compared(trials, adaptive=True)[0]
    assert fixed.high is not None
    assert adaptive.high is not None
    assert adaptive.high > fixed.high
    assert adaptive.ratio == fixed.ratio
    assert width(fixed) == pytest.approx(fixed.high / (fixed.ratio or 0) - 1)


def test_one_block_has_an_interval_from_inside_its_trials_only() -> None:
    (pair,) = compared(pair_of(1, 10.0, 2.0, within=WithinTrialError(0.03, 9)))
    assert pair.kind is Kind.WITHIN_TRIAL
    # Welch: equal variances of 9 df each make 18
    assert pair.df == pytest.approx(18)
    assert pair.log_se == pytest.approx(0.03 * math.sqrt(2))
    assert pair.high == pytest.approx(2 * math.exp(2.1009 * 0.03 * math.sqrt(2)), rel=1e-4)
    assert pair.p is None
    assert not pair.differs


def test_one_block_without_that_has_a_ratio_only() -> None:
    (pair,) = compared(pair_of(1, 10.0, 2.0))
    assert (pair.kind, pair.low) == (Kind.NONE, None)
    assert pair.ratio == pytest.approx(2.0)
    assert width(pair) is None


def test_trials_that_share_no_block_still_have_a_ratio() -> None:
    (pair,) = compared([trial("sync", 1, 10.0), trial("async", 2, 30.0)])
    assert (pair.kind, pair.n_blocks) == (Kind.NONE, 0)
    assert pair.ratio == pytest.approx(3.0)


def test_one_shared_block_is_known_as_well_as_its_own_trials() -> None:
    shared = pair_of(1, 10.0, 2.0, within=WithinTrialError(0.03, 9))
    beside = [
        trial("sync", 2, 10.0, within=WithinTrialError(0.001, 9)),
        trial("async", 3, 99.0, within=WithinTrialError(0.001, 9)),
    ]
    (pair,) = compared(shared + beside)
    assert pair == compared(shared)[0]
    (apart,) = compared(shared[:1] + beside[1:])
    assert apart.ratio == pytest.approx(9.9)


@pytest.mark.parametrize(
    ("sync", "why"),
    [
        (trial("sync", 1, 10.0, valid=False), "sync has no valid trial"),
        (trial("sync", 1, None), "sync answered too little to tell"),
        (trial("sync", 1, 0.0), "sync answered too little to tell"),
    ],
)
def test_a_side_without_a_number_is_named(sync: Observation, why: str) -> None:
    (pair,) = compared([sync, trial("async", 1, 10.0)])
    assert (pair.ratio, pair.low, pair.no_ratio_reason) == (None, None, why)


def test_failures_are_named() -> None:
    (pair,) = compared(
        [trial("sync", 1, 10.0, failure_share=0.01), trial("async", 1, 20.0, failure_share=0.2)]
    )
    assert pair.failing == "async failed 20 % of its answers"


def test_valid_trials_without_a_value_are_named_and_counted() -> None:
    trials = [one for block in range(1, 5) for one in pair_of(block, 10.0, 20 + block / 9)]
    (pair,) = compared(
        [replace(o, value=None) if o.levels["target"] == "async" and o.block > 1 else o
         for o in trials]
    )  # fmt: skip
    assert pair.failing == "async answered too little to tell in 3 of 4 trials"
    assert (pair.silent, pair.n_blocks) == ((3, 0), 1)


def test_a_cell_without_a_counterpart_is_no_pair() -> None:
    assert compared([trial("async", 1, 10.0), trial("sync", 1, 10.0, delay_ms=5)]) == ()


def test_holm_over_all_pairs_of_the_session() -> None:
    sure = [one for b in range(1, 9) for one in pair_of(b, 10.0, 2 + b / 100)]
    vague = [one for b in range(1, 9) for one in pair_of(b, 10.0, 1 + b / 99, delay_ms=9)]
    first, second = compared(sure + vague)
    assert first.p is not None
    assert first.p_holm == pytest.approx(2 * first.p)
    assert second.p_holm == second.p
    assert first.differs


def test_equal_repeats_leave_no_doubt() -> None:
    (pair,) = compared([one for b in (1, 2) for one in pair_of(b, 10.0, 1.0)])
    assert (pair.low, pair.high, pair.p) == (1.0, 1.0, 1.0)
    (pair,) = compared([one for b in (1, 2) for one in pair_of(b, 8.0, 2.0)])
    assert pair.p == 0


def test_one_more_block_by_hand() -> None:
    # logs 0.1, 0.2, 0.3: s = 0.1, t of 2 df 4.303, √(1 + 1/3)
    trials = [one for block in (1, 2, 3) for one in pair_of(block, 10.0, math.exp(block / 10))]
    (pair,) = compared(trials)
    assert pair.block_logs == pytest.approx((0.1, 0.2, 0.3))
    assert pair.next_block is not None
    reach = 4.30265 * 0.1 * math.sqrt(4 / 3)
    assert pair.next_block == pytest.approx((math.exp(0.2 - reach), math.exp(0.2 + reach)))
    (looked_at,) = compared(trials, adaptive=True)
    assert looked_at.next_block is not None
    assert looked_at.next_block[0] < pair.next_block[0]


def test_a_single_run_predicts_no_other() -> None:
    (pair,) = compared(pair_of(1, 10.0, 2.0, within=WithinTrialError(0.01, 10)))
    assert pair.kind is Kind.WITHIN_TRIAL
    assert pair.next_block is None
