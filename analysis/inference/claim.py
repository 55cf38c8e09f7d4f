"""The claim of an experiment, judged pair by pair and as a whole.

Pure: pairs in, a JudgedClaim out. May not know sessions, files or how a report looks.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from analysis.inference.repeats import RepeatRange, repeats_needed
from rig.inference import Kind, PairRatio, holm
from rig.inference.single_runs import single_run_p
from rig.model import Level

DECIDED = 0.05
"""A pair is decided, or indicated, below this p of its ratio being the bound, Holm's over all
pairs. Of single runs it is `single_run_p`."""

SURE_OF_SEARCH = 4
"""Blocks that a search needs at one level before it may call a pair decided: it goes on or stops
by what it sees, so that few blocks there are the luckier ones."""


LOWER_IS_BETTER = ("p50_ms", "p95_ms", "p99_ms")


class Judgement(enum.StrEnum):
    """What the claim's bound has to do with one pair."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    EQUIVALENT = "equivalent"
    """Where that is what is claimed: the ratio is within the margin."""
    DIFFERENT = "different"
    """… it is beyond the margin."""
    INDICATED = "indicated"
    """A single run, on the claim's side of the bound by more than such runs scatter."""
    INDICATED_AGAINST = "indicated against"
    """A single run, as far on the other side."""
    WITHHELD = "withheld"
    """The ratio favours a side that failed more than 5 % of its answers: it was not under the load
    that the other side was under. No number of repeats mends that."""
    NOT_DECIDED = "not decided"
    NOT_MEASURED = "not measured"


class ClaimResult(enum.StrEnum):
    """What became of the claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    EQUIVALENT = "equivalent"
    DIFFERENT = "different"
    DEPENDS = "depends"
    INDICATED = "indicated"
    """By single runs: for, against, or depending on something."""
    NOT_DECIDED = "not decided"


@dataclass(frozen=True)
class Bound:
    """A claim, as far as it can be judged: numerator ÷ denominator of `of` is `at_least`; or it is
    1 within a factor of 1 + `equivalent_within`, up or down. One of the two is None."""

    factor: str
    numerator: Level
    denominator: Level
    at_least: float | None = None
    of: str = "goodput_rps"
    equivalent_within: float | None = None

    def edge(self, ratio: float) -> float:
        """What a ratio is held against: `at_least`, or the nearer end of the margin."""
        if self.at_least is not None:
            return self.at_least
        assert self.equivalent_within is not None
        margin = 1 + self.equivalent_within
        return margin if ratio > 1 else 1 / margin

    def holds(self, ratio: float) -> bool:
        """Whether a ratio is as claimed."""
        if self.at_least is not None:
            return ratio >= self.at_least
        assert self.equivalent_within is not None
        return abs(math.log(ratio)) <= math.log1p(self.equivalent_within)

    def favours(self, ratio: float) -> tuple[int, ...]:
        """Which of numerator (0) and denominator (1) look well by a ratio; both by an equal one."""
        if self.at_least is None and self.holds(ratio):
            return 0, 1
        above = ratio >= self.edge(ratio)
        return (int(above == (self.of in LOWER_IS_BETTER)),)


@dataclass(frozen=True)
class JudgedPair:
    """A pair and what it says of the claim."""

    pair: PairRatio
    judgement: Judgement
    p_holm: float | None = None
    """Of the true ratio being exactly the bound, adjusted for all pairs together; None of single
    runs, whose p rests on a scatter that nobody saw."""
    repeats_needed: RepeatRange | None = None
    """Blocks that would decide it in four of five cases; None where decided or unknown."""


@dataclass(frozen=True)
class JudgedClaim:
    """The claim, judged."""

    verdict: ClaimResult
    depends_on: tuple[str, ...] = ()
    """The factors whose levels part the pairs that hold from those that do not."""
    pairs: tuple[JudgedPair, ...] = ()
    repeats_needed: RepeatRange | None = None
    """Blocks in all that would decide every pair; None where decided or unknown."""
    ended: bool = True
    """Whether its session has all that it planned; before, nothing is decided."""

    def those(self, *judgements: Judgement) -> tuple[JudgedPair, ...]:
        """The pairs so judged."""
        return tuple(one for one in self.pairs if one.judgement in judgements)

    @property
    def hopeless(self) -> bool:
        """Whether a pair is too close to the bound for any number of repeats."""
        return any(map(_hopeless, self.pairs))


FOR = (Judgement.SUPPORTED, Judgement.EQUIVALENT, Judgement.INDICATED)
AGAINST = (Judgement.CONTRADICTED, Judgement.DIFFERENT, Judgement.INDICATED_AGAINST)
BY_SINGLE_RUNS = (Judgement.INDICATED, Judgement.INDICATED_AGAINST)
BY_REPEATS = tuple(one for one in (*FOR, *AGAINST) if one not in BY_SINGLE_RUNS)

PValue = Callable[[PairRatio, float], float | None]
"""Of a repeated pair: two-sided p of its true ratio being the bound."""


def judge_claim(
    pairs: Iterable[PairRatio],
    bound: Bound,
    *,
    order: Sequence[str] = (),
    least_blocks: int = 2,
    ended: bool = True,
    p_of: PValue = PairRatio.p_of,
) -> JudgedClaim:
    """The judgement of a claim about the pairs that do not stand beside the cross product.

    `order`: factors to look at first when naming what it depends on. A pair between trials is
    decided when Holm's p over all pairs is below `DECIDED`; all decided verdicts then hold together
    with 95 %. Single runs have the p of an assumed scatter, provided that their within-trial
    interval, if any, clears the bound too; and so have pairs of fewer than `least_blocks` blocks.
    That two are equal takes two one-sided tests (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15),
    of which the one at the nearer end of the margin has the larger p. Each is made at 2.5 %, so
    that the 95 % interval lies within the margin, and that beyond it is as sure. A pair that was
    not measured leaves the claim open, and so does one whose better side fails.
    Before a session has `ended` nothing is decided, and no p is given: p holds for one look.
    """
    judged = _judged([one for one in pairs if not one.extra], bound, least_blocks, p_of)
    if not ended:
        return JudgedClaim(ClaimResult.NOT_DECIDED, pairs=tuple(map(_open, judged)), ended=False)
    holds = [one for one in judged if one.judgement in FOR]
    fails = [one for one in judged if one.judgement in AGAINST]
    single = any(one.judgement in BY_SINGLE_RUNS for one in judged)
    depends_on: tuple[str, ...] = ()
    if holds and fails:
        depends_on = _parting(holds, fails, order)
        verdict = ClaimResult.INDICATED if single else ClaimResult.DEPENDS
    elif not judged or len(holds) + len(fails) < len(judged):
        verdict = ClaimResult.NOT_DECIDED
    else:
        verdict = ClaimResult.INDICATED if single else _SURE[judged[0].judgement]
    return JudgedClaim(verdict, depends_on, judged, _needed(judged))


_SURE = {
    Judgement.SUPPORTED: ClaimResult.SUPPORTED,
    Judgement.CONTRADICTED: ClaimResult.CONTRADICTED,
    Judgement.EQUIVALENT: ClaimResult.EQUIVALENT,
    Judgement.DIFFERENT: ClaimResult.DIFFERENT,
}


def _open(one: JudgedPair) -> JudgedPair:
    """A pair as far as it is judged before its session has ended."""
    said = (Judgement.WITHHELD, Judgement.NOT_MEASURED)
    kept = one.judgement if one.judgement in said else Judgement.NOT_DECIDED
    return JudgedPair(one.pair, kept)


def _judged(
    pairs: Sequence[PairRatio], bound: Bound, least_blocks: int, p_of: PValue
) -> tuple[JudgedPair, ...]:
    repeated = [_repeated(pair, least_blocks) for pair in pairs]
    p_values = [
        _p(pair, bound, p_of if of else None) for pair, of in zip(pairs, repeated, strict=True)
    ]
    family = [p for p in p_values if p is not None]
    adjusted = iter(holm(family))
    return tuple(
        JudgedPair(pair, Judgement.NOT_MEASURED)
        if p is None
        else _judge(pair, bound, next(adjusted), len(family), repeated=of)
        for pair, p, of in zip(pairs, p_values, repeated, strict=True)
    )


def _repeated(pair: PairRatio, least_blocks: int) -> bool:
    return pair.kind is Kind.BETWEEN_TRIALS and pair.n_blocks >= least_blocks


def _p(pair: PairRatio, bound: Bound, p_of: PValue | None) -> float | None:
    """Of the true ratio being the bound, by repeats or else as of single runs; None without one."""
    if pair.ratio is None:
        return None
    edge = bound.edge(pair.ratio)
    if edge <= 0:
        return 0.0  # no ratio is below it
    return p_of(pair, edge) if p_of else single_run_p(pair.ratio, edge)


def _judge(
    pair: PairRatio, bound: Bound, p_holm: float, family: int, *, repeated: bool
) -> JudgedPair:
    assert pair.ratio is not None
    edge, holds = bound.edge(pair.ratio), bound.holds(pair.ratio)
    favoured = bound.favours(pair.ratio)
    p_shown = p_holm if repeated else None
    if any(pair.silent[side] for side in favoured):  # what the ratio lacks is on its side
        return JudgedPair(pair, Judgement.NOT_DECIDED)
    if any(map(pair.fails, favoured)):
        return JudgedPair(pair, Judgement.WITHHELD, p_shown)
    if repeated and p_holm < DECIDED:
        return JudgedPair(pair, _sure(bound, holds=holds), p_holm)
    if repeated:
        needed = repeats_needed(pair, edge, family)
        return JudgedPair(pair, Judgement.NOT_DECIDED, p_holm, needed)
    if p_holm < DECIDED and _clear(pair, bound):
        return JudgedPair(pair, BY_SINGLE_RUNS[not holds])
    return JudgedPair(pair, Judgement.NOT_DECIDED)


def _sure(bound: Bound, *, holds: bool) -> Judgement:
    if bound.at_least is None:
        return Judgement.EQUIVALENT if holds else Judgement.DIFFERENT
    return Judgement.SUPPORTED if holds else Judgement.CONTRADICTED


def _clear(pair: PairRatio, bound: Bound) -> bool:
    """Whether the pair's own interval, if it has one, is all on one side of the bound."""
    if pair.low is None or pair.high is None or pair.ratio is None:
        return True
    edges = {bound.edge(at) for at in (pair.low, pair.ratio, pair.high)}
    return not any(pair.low < edge < pair.high for edge in edges)


ENOUGH_TO_DESPAIR = 4
"""Blocks below which a scatter is known too badly to call a pair beyond any number of repeats."""


def _hopeless(one: JudgedPair) -> bool:
    open_ = one.judgement is Judgement.NOT_DECIDED and one.p_holm is not None
    return open_ and one.pair.n_blocks >= ENOUGH_TO_DESPAIR and one.repeats_needed is None


def _needed(judged: Sequence[JudgedPair]) -> RepeatRange | None:
    """The most that any pair needs; None where none does, or one needs more than anybody has."""
    needed = [one.repeats_needed for one in judged if one.repeats_needed]
    if not needed or any(map(_hopeless, judged)):
        return None
    most = [one.most for one in needed if one.most is not None]
    least = max(one.least for one in needed)
    return RepeatRange(least, max(most) if len(most) == len(needed) else None)


def _parting(
    holds: Sequence[JudgedPair], fails: Sequence[JudgedPair], order: Sequence[str]
) -> tuple[str, ...]:
    """The fewest factors whose levels alone tell the pairs that hold from those that do not."""
    varying = factors_varying([*holds, *fails])
    varying.sort(key=lambda name: order.index(name) if name in order else len(order))
    for size in range(1, len(varying) + 1):
        for chosen in itertools.combinations(varying, size):
            above = {tuple(one.pair.levels[name] for name in chosen) for one in holds}
            below = {tuple(one.pair.levels[name] for name in chosen) for one in fails}
            if not above & below:
                return chosen
    return tuple(varying)


def factors_varying(judged: Sequence[JudgedPair]) -> list[str]:
    """The factors at more than one level among the pairs."""
    pairs = [one.pair for one in judged]
    names = pairs[0].levels if pairs else {}
    return [name for name in names if len({pair.levels[name] for pair in pairs}) > 1]
