"""What is known of one cell's measure, and whether that keeps a limit. Pure numbers in and out."""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.inference.claim import DECIDED, Judgement
from rig.inference import CONFIDENCE, WithinTrialError, t_quantile
from rig.inference.single_runs import single_run_factor

_Z = statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


class Basis(enum.StrEnum):
    """What an interval rests on."""

    BETWEEN_TRIALS = "between trials"
    ONE_RUN = "one run"
    """Its own interval, and at least the scatter that single runs are taken to have."""
    BOUNDS = "bounds"
    """Nothing but a lower bound is known, or a lower and an upper one."""
    NONE = "none"


@dataclass(frozen=True)
class Estimate:
    """A measure of a cell; `low` and `high` hold it at 95 %, or surely where they are bounds."""

    value: float | None = None
    """None where it is none or a bound only."""
    low: float | None = None
    high: float | None = None
    basis: Basis = Basis.NONE


def bounds(low: float, high: float | None) -> Estimate:
    """Of which only these are known; without an upper one it may be anything above."""
    return Estimate(None, low, math.inf if high is None else high, Basis.BOUNDS)


def repeated(value: float, low: float | None, high: float | None) -> Estimate:
    """Of several runs, by how much they differ; a value alone decides nothing."""
    known = low is not None and high is not None
    return Estimate(value, low, high, Basis.BETWEEN_TRIALS if known else Basis.NONE)


def one_run(value: float, low: float | None, high: float | None) -> Estimate:
    """Of a single run with its own interval, if it has one.

    Nobody saw how much runs differ: they are taken to differ by `TRIAL_CV`.
    """
    factor = single_run_factor(DECIDED)
    least = min(value / factor, value if low is None else low)
    most = max(value * factor, value if high is None else high)
    return Estimate(value, least, most, Basis.ONE_RUN)


def spread(value: float, error: WithinTrialError | None) -> tuple[float | None, float | None]:
    """The 95 % interval of a rate within its trial; Nones where the window does not tell."""
    if error is None:
        return None, None
    factor = math.exp(min(50.0, t_quantile(CONFIDENCE, error.df) * error.log_se))
    return value / factor, value * factor


def share(counts: Sequence[tuple[int, int]]) -> Estimate:
    """Of failures and answers of each run.

    Wilson's interval of all answers together (Wilson 1927, J. Am. Stat. Assoc. 22), which no
    failure among few answers leaves open above; and of several runs at least Student's.
    """
    failures, answers = (sum(one) for one in zip(*counts, strict=True))
    low, high = _wilson(failures, answers)
    shares = [failed / of for failed, of in counts]
    if len(shares) == 1:
        return Estimate(shares[0], low, high, Basis.ONE_RUN)
    reach = t_quantile(CONFIDENCE, len(shares) - 1) * statistics.stdev(shares)
    reach /= math.sqrt(len(shares))
    mean = statistics.fmean(shares)
    low, high = min(low, max(0.0, mean - reach)), max(high, min(1.0, mean + reach))
    return Estimate(statistics.median(shares), low, high, Basis.BETWEEN_TRIALS)


def _wilson(failures: int, answers: int) -> tuple[float, float]:
    seen, z2 = failures / answers, _Z * _Z
    middle = (seen + z2 / (2 * answers)) / (1 + z2 / answers)
    reach = _Z * math.sqrt(seen * (1 - seen) / answers + z2 / (4 * answers**2)) / (1 + z2 / answers)
    return (0.0 if failures == 0 else middle - reach), min(1.0, middle + reach)


def judge_limit(keeps: Callable[[float], bool], known: Estimate) -> Judgement:
    """Whether a limit, which is on one side of a number, is kept: by the whole interval or not."""
    if known.low is None or known.high is None:
        return Judgement.NOT_DECIDED
    kept = keeps(known.low), keeps(known.high)
    if all(kept):
        return Judgement.SUPPORTED
    return Judgement.NOT_DECIDED if any(kept) else Judgement.CONTRADICTED
