"""Ratios between two levels of a factor, one per combination of the others, with intervals.

The unit of analysis is the trial: its response is the log of its goodput (or of another measure
above zero), and the two trials of one block are a pair. Pure; may not know files or records.
"""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rig.inference.student import holm, t_quantile, t_tail
from rig.model import Level, percent

CONFIDENCE = 0.95
ADAPTIVE_CONFIDENCE = 0.96
"""What is computed where the intervals decided when to stop, so that 95 % cover the truth.

Stopping when the interval happens to be narrow prefers sessions whose scatter was
underestimated; `bench/ground_truth.py` measures by how much."""

ADAPTIVE_P = (1 - CONFIDENCE) / (1 - ADAPTIVE_CONFIDENCE)
"""What p values are multiplied by there, so that they agree with the intervals."""

ADAPTIVE_PREDICTION = 0.965
"""What a prediction is computed at there: it rests on the scatter, which is underestimated."""

CLAIMED = 0.025
"""A difference is claimed below this p, Holm's. Half of 5 %: a session asks two families of
questions, its pairs and its effects, and shall claim nothing falsely in 19 of 20 cases."""

MOST_FAILURES = 0.05
"""Above this share of failures a trial's goodput says how it failed, not how fast it is."""


class Kind(enum.StrEnum):
    """Where an interval comes from."""

    BETWEEN_TRIALS = "between trials"
    """From how much repeated trials differ: where the mean of very many may be expected."""
    WITHIN_TRIAL = "within trial"
    """From the seconds of single trials: how well these were measured; says nothing of others."""
    BETWEEN_SESSIONS = "between sessions"
    """From how much sessions of one version differ."""
    NONE = "none"


@dataclass(frozen=True)
class WithinTrialError:
    """How well one trial's own window determines its value.

    `log_se`: the standard error of the log of the value, above zero; `df`: its degrees of freedom.
    """

    log_se: float
    df: float


@dataclass(frozen=True)
class Observation:
    """One trial: its cell's levels, its block, and what it yielded.

    `value`: the measure compared, for instance its goodput in answers/s; None where the sample
    carries none. `failure_share`: of its answers, 0 to 1.
    """

    levels: Mapping[str, Level]
    block: int
    value: float | None
    valid: bool = True
    failure_share: float | None = None
    within: WithinTrialError | None = None
    extra: bool = False
    """Whether its cell stands beside the cross product (`also`)."""
    answers: int | None = None
    """How many were counted, where `value` is such a count by time: it is no finer than one."""

    @property
    def usable(self) -> bool:
        """Whether it has a logarithm that counts."""
        return self.valid and self.value is not None and self.value > 0

    @property
    def log(self) -> float:
        """The natural logarithm of its value; ValueError unless it is usable."""
        if not self.usable or self.value is None:
            raise ValueError("a trial without a valid value above zero has no logarithm")
        return math.log(self.value)


@dataclass(frozen=True)
class PairRatio:
    """numerator ÷ denominator at one combination of the other factors' levels.

    The ratio is the geometric mean over the blocks that hold both; `low` and `high` bound it at
    95 %. All three are None where `no_ratio_reason` says why.
    """

    levels: Mapping[str, Level]
    """Without the factor compared."""
    ratio: float | None
    low: float | None
    high: float | None
    kind: Kind
    n_blocks: int
    """Blocks with a usable trial on both sides."""
    log_se: float | None = None
    df: float | None = None
    p: float | None = None
    """Of the ratio being 1; only between trials."""
    p_holm: float | None = None
    """The same, adjusted for all pairs asked about together."""
    no_ratio_reason: str = ""
    failing: str = ""
    """Which side failed more than `MOST_FAILURES` of its answers, or had valid trials without a
    value, in words; or empty."""
    failure_shares: tuple[float | None, float | None] = (None, None)
    """Of the answers of numerator and denominator, 0 to 1: medians over their valid trials; None
    where no trial tells."""
    silent: tuple[int, int] = (0, 0)
    """Valid trials of numerator and denominator that gave no value. The ratio lacks them, so it
    flatters the side that has them."""
    extra: bool = False
    adaptive: bool = False
    """Whether the intervals decided when the session stopped."""
    block_logs: tuple[float, ...] = ()
    """The log ratio of each block that holds both."""

    @property
    def differs(self) -> bool:
        """Whether a difference is claimed: Holm's p below `CLAIMED`."""
        return self.p_holm is not None and self.p_holm < CLAIMED

    @property
    def unmeasured(self) -> bool:
        """Whether there is a ratio, and nothing to tell how well it is known."""
        return self.kind is Kind.NONE and self.ratio is not None

    def fails(self, side: int) -> bool:
        """Whether numerator (0) or denominator (1) failed more than `MOST_FAILURES`."""
        share = self.failure_shares[side]
        return share is not None and share > MOST_FAILURES

    @property
    def next_block(self) -> tuple[float, float] | None:
        """Where the ratio of one more block of this session may be expected to lie, at 95 %.

        Student's prediction interval: ± t · s · √(1 + 1/n) on the log ratio, s the scatter of n
        blocks (Hahn and Meeker 1991, Statistical Intervals, ch. 4). None but between trials.
        """
        if self.kind is not Kind.BETWEEN_TRIALS or self.ratio is None:
            return None
        assert self.log_se is not None
        assert self.df is not None
        scatter = self.log_se * math.sqrt(self.n_blocks)
        confidence = ADAPTIVE_PREDICTION if self.adaptive else CONFIDENCE
        reach = t_quantile(confidence, self.df) * scatter * math.sqrt(1 + 1 / self.n_blocks)
        factor = math.exp(min(700.0, reach))
        return self.ratio / factor, self.ratio * factor

    def p_of(self, ratio: float) -> float | None:
        """Two-sided p of the true ratio being `ratio`; None but between trials."""
        if self.kind is not Kind.BETWEEN_TRIALS or self.ratio is None:
            return None
        assert self.log_se is not None
        assert self.df is not None
        away = math.log(self.ratio) - math.log(ratio)
        return _p(away, self.log_se, self.df, self.adaptive)


def pairs(
    observations: Iterable[Observation],
    factor: str,
    numerator: Level,
    denominator: Level,
    *,
    adaptive: bool = False,
) -> tuple[PairRatio, ...]:
    """The ratio of every two cells that differ in `factor` alone, in order of first appearance.

    `adaptive`: whether these intervals decided when the session stopped.

    Between trials: the mean of the blocks' differences of logs and its standard error, with
    Student's t of n - 1 degrees of freedom (paired comparison in blocks: Box, Hunter and Hunter,
    Statistics for Experimenters, ch. 3). What shifts a whole block cancels, and each pair has
    the scatter of its own cells, for a cell may scatter ten times as much as another.
    """
    sides: dict[frozenset[tuple[str, Level]], tuple[list[Observation], list[Observation]]] = {}
    for observation in observations:
        level = observation.levels[factor]
        if level in (numerator, denominator):
            both = sides.setdefault(
                frozenset(_without(observation.levels, factor).items()), ([], [])
            )
            both[level != numerator].append(observation)
    names = _name(factor, numerator), _name(factor, denominator)
    found = [
        _pair(_without((over or under)[0].levels, factor), over, under, names, adaptive)
        for over, under in sides.values()
        if over and under
    ]
    return _adjusted(found)


def _name(factor: str, level: Level) -> str:
    return level if isinstance(level, str) else f"{factor} {level:g}"


def _without(levels: Mapping[str, Level], factor: str) -> dict[str, Level]:
    return {name: level for name, level in levels.items() if name != factor}


def _adjusted(found: Sequence[PairRatio]) -> tuple[PairRatio, ...]:
    adjusted = iter(holm([pair.p for pair in found if pair.p is not None]))
    return tuple(pair if pair.p is None else replace(pair, p_holm=next(adjusted)) for pair in found)


def _pair(
    levels: Mapping[str, Level],
    over: Sequence[Observation],
    under: Sequence[Observation],
    names: tuple[str, str],
    adaptive: bool,
) -> PairRatio:
    differences = _differences(over, under)
    blank = PairRatio(
        levels,
        *(None, None, None),
        Kind.NONE,
        len(differences),
        no_ratio_reason=_no_ratio_reason(over, names[0]) or _no_ratio_reason(under, names[1]),
        failing=_failing(over, under, names),
        failure_shares=(_failure_share(over), _failure_share(under)),
        silent=(_silent(over), _silent(under)),
        extra=any(observation.extra for observation in (*over, *under)),
        adaptive=adaptive,
        block_logs=tuple(differences),
    )
    if blank.no_ratio_reason:
        return blank
    if len(differences) < 2:
        over, under = _of_shared_blocks(over, under)
        ratio = math.exp(_mean(over) - _mean(under))
        return _within_trial(replace(blank, ratio=ratio), over, under)
    log_ratio, df = statistics.fmean(differences), len(differences) - 1
    log_se = statistics.stdev(differences) / math.sqrt(len(differences))
    log_se = max(log_se, _grain(over, under))
    p = _p(log_ratio, log_se, df, adaptive)
    ratio = math.exp(log_ratio)
    return _bounded(
        replace(blank, ratio=ratio, kind=Kind.BETWEEN_TRIALS, log_se=log_se, df=df, p=p)
    )


def _no_ratio_reason(side: Sequence[Observation], name: str) -> str:
    if not any(observation.valid for observation in side):
        return f"{name} has no valid trial"
    return "" if any(o.usable for o in side) else f"{name} answered too little to tell"


def _failing(
    over: Sequence[Observation], under: Sequence[Observation], names: tuple[str, str]
) -> str:
    found = []
    for name, side in zip(names, (over, under), strict=True):
        share = _failure_share(side)
        if share is not None and share > MOST_FAILURES:
            found.append(f"{name} failed {percent(share)} of its answers")
        if any(o.usable for o in side) and _silent(side):
            of = sum(o.valid for o in side)
            found.append(f"{name} answered too little to tell in {_silent(side)} of {of} trials")
    return " and ".join(found)


def _failure_share(side: Sequence[Observation]) -> float | None:
    shares = [o.failure_share for o in side if o.valid and o.failure_share is not None]
    return statistics.median(shares) if shares else None


def _silent(side: Sequence[Observation]) -> int:
    return sum(o.valid and not o.usable for o in side)


def _differences(over: Sequence[Observation], under: Sequence[Observation]) -> list[float]:
    """The blocks' differences of logs, where a block has both."""
    below = {o.block: o.log for o in under if o.usable}
    return [o.log - below[o.block] for o in over if o.usable and o.block in below]


def _grain(over: Sequence[Observation], under: Sequence[Observation]) -> float:
    """The standard error of the mean difference that counting whole answers leaves at least.

    A count of k stands for anything within half an answer of it: an even spread of 1 ÷ k, whose
    standard deviation is 1 ÷ (k √12). Trials that count alike are not known for ever.
    """
    sides = _of_shared_blocks(over, under)
    counts = [o.answers for side in sides for o in side if o.answers]
    return math.sqrt(sum(1 / (12 * k * k) for k in counts)) / min(map(len, sides))


def _of_shared_blocks(
    over: Sequence[Observation], under: Sequence[Observation]
) -> tuple[Sequence[Observation], Sequence[Observation]]:
    """The usable trials of blocks that hold both sides; all usable ones where none does."""
    sides = [[o for o in side if o.usable] for side in (over, under)]
    both = {o.block for o in sides[0]} & {o.block for o in sides[1]}
    over, under = ([o for o in side if not both or o.block in both] for side in sides)
    return over, under


def _mean(side: Sequence[Observation]) -> float:
    return statistics.fmean(o.log for o in side if o.usable)


def _within_trial(
    pair: PairRatio, over: Sequence[Observation], under: Sequence[Observation]
) -> PairRatio:
    """With bounds from inside the trials, where those are known; Welch's degrees of freedom."""
    parts: list[WithinTrialError] = []
    for side in (over, under):
        known = [o.within for o in side if o.usable]
        variances = [(one.log_se / len(known), one.df) for one in known if one is not None]
        if len(variances) < len(known):
            return pair
        parts += [WithinTrialError(*part) for part in variances]
    variance = sum(part.log_se**2 for part in parts)
    df = variance**2 / sum(part.log_se**4 / part.df for part in parts)
    within = replace(pair, kind=Kind.WITHIN_TRIAL, log_se=math.sqrt(variance), df=df)
    return _bounded(within)


def _bounded(pair: PairRatio) -> PairRatio:
    assert pair.ratio is not None
    assert pair.log_se is not None
    assert pair.df is not None
    confidence = ADAPTIVE_CONFIDENCE if pair.adaptive else CONFIDENCE
    factor = math.exp(min(700.0, t_quantile(confidence, pair.df) * pair.log_se))
    return replace(pair, low=pair.ratio / factor, high=pair.ratio * factor)


def _p(away: float, log_se: float, df: float, adaptive: bool) -> float:
    if log_se == 0:
        return 1.0 if away == 0 else 0.0
    return min(1.0, t_tail(away / log_se, df) * (ADAPTIVE_P if adaptive else 1.0))


def width(pair: PairRatio) -> float | None:
    """How far the interval reaches from the ratio, as a share: 0.1 is ±10 %; None without one."""
    if pair.high is None or pair.ratio is None:
        return None
    return pair.high / pair.ratio - 1
