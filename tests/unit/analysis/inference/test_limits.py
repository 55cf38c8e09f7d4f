"""Limits are judged by intervals: what these hold, and how often chance alone decides."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from analysis.inference import Basis, Estimate, Judgement, geometric_mean_interval, limits
from analysis.inference.limits import judge_limit
from rig.inference import WithinTrialError
from rig.inference.single_runs import TRIAL_CV

TRIES = 4000


@pytest.mark.parametrize(
    ("low", "high", "judgement"),
    [
        (10.0, 20.0, Judgement.SUPPORTED),
        (40.0, 50.0, Judgement.CONTRADICTED),
        (20.0, 40.0, Judgement.NOT_DECIDED),
        (40.0, math.inf, Judgement.CONTRADICTED),
        (10.0, math.inf, Judgement.NOT_DECIDED),
        (None, None, Judgement.NOT_DECIDED),
    ],
)
def test_the_whole_interval_decides(
    low: float | None, high: float | None, judgement: Judgement
) -> None:
    assert judge_limit(lambda value: value < 30, Estimate(20.0, low, high)) is judgement


def decided_at_the_truth(
    estimate: Callable[[np.random.Generator], Estimate], truth: float
) -> float:
    """How often a limit that is the truth itself is called kept or broken."""
    rng = np.random.default_rng(1)
    found = Counter(judge_limit(lambda value: value < truth, estimate(rng)) for _ in range(TRIES))
    return 1 - found[Judgement.NOT_DECIDED] / TRIES


def test_one_run_as_runs_are_taken_to_scatter() -> None:
    def one(rng: np.random.Generator) -> Estimate:
        return limits.one_run(100 * math.exp(rng.normal(0, TRIAL_CV)), None, None)

    assert decided_at_the_truth(one, 100) <= 0.055


@pytest.mark.parametrize("runs", [2, 3, 6])
def test_several_runs_by_their_own_scatter(runs: int) -> None:
    def several(rng: np.random.Generator) -> Estimate:
        values = [100 * math.exp(rng.normal(0, 0.3)) for _ in range(runs)]
        return limits.repeated(statistics.median(values), *geometric_mean_interval(values))

    assert 0.04 <= decided_at_the_truth(several, 100) <= 0.06


@pytest.mark.parametrize(("share", "runs"), [(0.01, 1), (0.01, 3), (0.2, 1), (0.2, 4)])
def test_failures_that_know_nothing_of_each_other(share: float, runs: int) -> None:
    def failed(rng: np.random.Generator) -> Estimate:
        return limits.share([(int(rng.binomial(1000, share)), 1000) for _ in range(runs)])

    assert decided_at_the_truth(failed, share) <= 0.06


def test_failures_that_come_by_whole_runs_are_decided_by_runs() -> None:
    """Half of the runs break: answers by the thousand say nothing of the next run."""

    def failed(rng: np.random.Generator) -> Estimate:
        broken = (int(rng.integers(2)) for _ in range(4))
        return limits.share([(400 * one, 1000) for one in broken])

    # all four or none of four alike, one time in eight: they show no scatter
    assert decided_at_the_truth(failed, 0.2) <= 0.14


@pytest.mark.parametrize(("answers", "judgement"), [(380, "not decided"), (381, "supported")])
def test_no_failure_among_few_answers_leaves_it_open(answers: int, judgement: str) -> None:
    assert judge_limit(lambda share: share < 0.01, limits.share([(0, answers)])) == judgement


def test_one_run_is_no_surer_than_its_own_window() -> None:
    narrow = limits.one_run(100, *limits.spread(100, WithinTrialError(0.001, 10)))
    wide = limits.one_run(100, *limits.spread(100, WithinTrialError(1.0, 10)))
    assert narrow.low is not None
    assert narrow.high is not None
    assert narrow.high / 100 == pytest.approx(100 / narrow.low) == pytest.approx(1.348, rel=0.001)
    assert wide.low is not None
    assert wide.low < 50
    assert limits.spread(100, None) == (None, None)
    assert narrow.basis is Basis.ONE_RUN


def test_bounds_have_no_value() -> None:
    assert limits.bounds(5.0, None) == Estimate(None, 5.0, math.inf, Basis.BOUNDS)
