"""The claim of an experiment, judged pair by pair and as a whole.

Pure: pairs in, an Answer out. May not know sessions, files or how a report looks.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable, Sequence
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
    INDICATED = "indicated"
    """A single run, above the bound by more than such runs scatter."""
    INDICATED_AGAINST = "indicated against"
    """A single run, as far below the bound."""
    WITHHELD = "withheld"
    """The ratio favours a side that failed more than 5 % of its answers: it was not under the load
    that the other side was under. No number of repeats mends that."""
    NOT_DECIDED = "not decided"
    NOT_MEASURED = "not measured"


class Verdict(enum.StrEnum):
    """What became of the claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    DEPENDS = "depends"
    INDICATED = "indicated"
    """By single runs: for, against, or depending on something."""
    NOT_DECIDED = "not decided"


@dataclass(frozen=True)
class Bound:
    """A claim, as far as it can be judged: numerator ÷ denominator of `of` is `at_least`."""

    factor: str
    numerator: Level
    denominator: Level
    at_least: float
    of: str = "goodput_rps"


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
class Answer:
    """The claim, judged."""

    verdict: Verdict
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


FOR = (Judgement.SUPPORTED, Judgement.INDICATED)
AGAINST = (Judgement.CONTRADICTED, Judgement.INDICATED_AGAINST)


def judge_claim(
    pairs: Iterable[PairRatio],
    bound: Bound,
    *,
    order: Sequence[str] = (),
    least_blocks: int = 2,
    ended: bool = True,
) -> Answer:
    """The Answer to a claim about the pairs that do not stand beside the cross product.

    `order`: factors to look at first when naming what it depends on. A pair between trials is
    decided when Holm's p over all pairs is below `DECIDED`; all decided verdicts then hold together
    with 95 %. Single runs have the p of an assumed scatter, provided that their within-trial
    interval, if any, clears the bound too; and so have pairs of fewer than `least_blocks` blocks.
    A pair that was not measured leaves the claim open, and so does one whose better side fails.
    Before a session has `ended` nothing is decided, and no p is given: p holds for one look.
    """
    judged = _judged([one for one in pairs if not one.extra], bound, least_blocks)
    if not ended:
        return Answer(Verdict.NOT_DECIDED, pairs=tuple(map(_open, judged)), ended=False)
    holds = [one for one in judged if one.judgement in FOR]
    fails = [one for one in judged if one.judgement in AGAINST]
    single = any(one.judgement in (FOR[1], AGAINST[1]) for one in judged)
    depends_on: tuple[str, ...] = ()
    if holds and fails:
        depends_on = _parting(holds, fails, order)
        verdict = Verdict.INDICATED if single else Verdict.DEPENDS
    elif not judged or len(holds) + len(fails) < len(judged):
        verdict = Verdict.NOT_DECIDED
    else:
        sure = Verdict.SUPPORTED if holds else Verdict.CONTRADICTED
        verdict = Verdict.INDICATED if single else sure
    return Answer(verdict, depends_on, judged, _needed(judged))


def _open(one: JudgedPair) -> JudgedPair:
    """A pair as far as it is judged before its session has ended."""
    said = (Judgement.WITHHELD, Judgement.NOT_MEASURED)
    kept = one.judgement if one.judgement in said else Judgement.NOT_DECIDED
    return JudgedPair(one.pair, kept)


def _judged(pairs: Sequence[PairRatio], bound: Bound, least_blocks: int) -> tuple[JudgedPair, ...]:
    repeated = [_repeated(pair, least_blocks) for pair in pairs]
    p_values = [_p(pair, bound, of) for pair, of in zip(pairs, repeated, strict=True)]
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


def _p(pair: PairRatio, bound: Bound, repeated: bool) -> float | None:
    """Of the true ratio being the bound; None of a pair without a ratio."""
    if pair.ratio is None:
        return None
    if bound.at_least <= 0:
        return 0.0  # no ratio is below it
    return pair.p_of(bound.at_least) if repeated else single_run_p(pair.ratio, bound.at_least)


def _judge(
    pair: PairRatio, bound: Bound, p_holm: float, family: int, *, repeated: bool
) -> JudgedPair:
    assert pair.ratio is not None
    above = pair.ratio >= bound.at_least
    better = int(above == (bound.of in LOWER_IS_BETTER))
    p_shown = p_holm if repeated else None
    if pair.silent[better]:  # what the ratio lacks is on the side that it favours
        return JudgedPair(pair, Judgement.NOT_DECIDED)
    if pair.fails(better):
        return JudgedPair(pair, Judgement.WITHHELD, p_shown)
    if repeated and p_holm < DECIDED:
        return JudgedPair(pair, FOR[0] if above else AGAINST[0], p_holm)
    if repeated:
        needed = repeats_needed(pair, bound.at_least, family)
        return JudgedPair(pair, Judgement.NOT_DECIDED, p_holm, needed)
    if p_holm < DECIDED and _clear(pair, bound.at_least):
        return JudgedPair(pair, FOR[1] if above else AGAINST[1])
    return JudgedPair(pair, Judgement.NOT_DECIDED)


def _clear(pair: PairRatio, bound: float) -> bool:
    """Whether the pair's own interval, if it has one, is on one side of the bound."""
    return pair.low is None or pair.high is None or not pair.low < bound < pair.high


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
