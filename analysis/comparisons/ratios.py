"""From a session's trials to what may be said of them: the bridge to `analysis.inference`.

May not know how findings are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analysis.comparisons.pairs import Pair
from analysis.inference import (
    SURE_OF_SEARCH,
    Bound,
    Crossover,
    Effect,
    JudgedClaim,
    Observation,
    PairRatio,
    PValue,
    WithinTrialError,
    crossovers,
    effects,
    judge_claim,
    pairs,
    within,
)
from analysis.reading.session import Session
from analysis.summaries.layout import Layout
from analysis.summaries.measures import TrialMeasures, metric
from analysis.summaries.percentiles import BEST_S
from analysis.summaries.trials import TrialResult
from rig.model import Level

FIRST = ("route", "delay_ms", "target")
"""Factors to look at first when naming what an answer depends on."""


def observations(
    session: Session, layout: Layout, results: Sequence[TrialResult]
) -> tuple[Observation, ...]:
    """One for each scheduled trial, valid or not."""
    measure = session.claim.of if session.claim else "goodput_rps"
    return tuple(_observation(layout, result, measure) for result in results)


def _observation(layout: Layout, result: TrialResult, measure: str) -> Observation:
    return Observation(
        levels=result.scheduled.levels,
        block=result.scheduled.block,
        value=metric(result.measures, measure),
        valid=result.valid,
        failure_share=result.measures.failure_share,
        within=within_of(result) if measure == "goodput_rps" else None,
        extra=bool(result.scheduled.because) or layout.is_extra(result.scheduled.levels),
        answers=_answers(result.measures, measure),
    )


def _answers(measures: TrialMeasures, measure: str) -> int | None:
    """How many answers a rate was counted from; None of what is no rate."""
    if measure == "max_goodput_rps" and measures.max_goodput_rps is not None:
        return round(measures.max_goodput_rps * BEST_S)
    return measures.successes if measure == "goodput_rps" else None


def cell_ratio(
    session: Session, pairing: Pair, names: tuple[str, str] = ("this", "the other")
) -> PairRatio:
    """The goodput of one cell over another's, whatever they differ in; `names` of the two."""
    side, (above, below) = "side", names
    found = [
        Observation(
            {side: name},
            result.scheduled.block,
            result.measures.goodput_rps,
            failure_share=result.measures.failure_share,
            within=within_of(result),
            answers=result.measures.successes,
        )
        for cell, name in ((pairing.over, above), (pairing.under, below))
        for result in cell.valid
    ]
    (ratio,) = pairs(found, side, above, below, adaptive=session.adaptive)
    return ratio


def within_of(result: TrialResult) -> WithinTrialError | None:
    """How well a trial's own window determines its goodput; None where it does not tell."""
    if result.record is None:
        return None
    load = result.record.load
    return within(result.answers, load.ramp_s, load.duration_s)


def claimed_ratios(session: Session, found: Sequence[Observation]) -> tuple[PairRatio, ...]:
    """The ratio of every pair of the claim's two levels; empty where nothing is claimed."""
    claim = session.claim
    if claim is None:
        return ()
    return pairs(found, claim.factor, claim.numerator, claim.denominator, adaptive=session.adaptive)


def answer(session: Session, found: Sequence[Observation], *, ended: bool) -> JudgedClaim | None:
    """The session's claim, judged; None where it claims nothing."""
    return answer_by(session, found, PairRatio.p_of, ended=ended)


def answer_by(
    session: Session, found: Sequence[Observation], p_of: PValue, *, ended: bool
) -> JudgedClaim | None:
    """The same by another test of repeated pairs."""
    claim = session.claim
    if claim is None or not found:
        return None
    bound = Bound(
        claim.factor,
        claim.numerator,
        claim.denominator,
        claim.at_least,
        claim.of,
        claim.equivalent_within,
    )
    least = SURE_OF_SEARCH if session.search else 2
    compared = claimed_ratios(session, found)
    return judge_claim(compared, bound, order=FIRST, least_blocks=least, ended=ended, p_of=p_of)


def main_effects(
    session: Session, found: Sequence[Observation], *, ended: bool
) -> tuple[Effect, ...]:
    """Effects of the factors that vary, the claim's factor first; without p before the end."""
    claim = session.claim
    first = claim.factor if claim else "target"
    levels: dict[str, Sequence[Level]] = {}
    if claim:
        levels[first] = (claim.denominator, claim.numerator)
    for factor in session.factors:
        levels.setdefault(factor.name, _measured_levels(factor.levels, found, factor.name))
    ordered = {name: levels[name] for name in (first, *levels) if name in levels}
    made = effects(found, ordered, adaptive=session.adaptive)
    return made if ended else tuple(replace(one, p=None, p_holm=None) for one in made)


def crossovers_of(session: Session, found: Sequence[Observation]) -> tuple[Crossover, ...]:
    """Where the claim's two levels are equal; empty where that was not searched."""
    claim, search = session.claim, session.search
    if claim is None or search is None:
        return ()
    return crossovers(
        found,
        claim.factor,
        claim.numerator,
        claim.denominator,
        along=search.factor,
        between=search.between,
        say=factor.say if (factor := session.factor(search.factor)) else None,
    )


def _measured_levels(
    levels: Sequence[Level], found: Sequence[Observation], name: str
) -> tuple[Level, ...]:
    there = {observation.levels.get(name) for observation in found}
    return tuple(level for level in levels if level in there)
