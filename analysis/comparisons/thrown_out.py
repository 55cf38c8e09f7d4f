"""Attempts that did not count, on each side of the claim, and what would be with them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.comparisons.ratios import answer, observations
from analysis.inference import JudgedClaim
from analysis.reading.session import Session
from analysis.summaries.layout import Layout
from analysis.summaries.measures import metric
from analysis.summaries.trials import TrialResult
from rig.model import Level, Phase, Status, Verdict
from rig.record import Record


@dataclass(frozen=True)
class Side:
    """The finished attempts at one level of the claim's factor."""

    level: Level
    attempts: int
    reasons: Mapping[str, int]
    """Attempts by the checks that threw them out; one that broke by the phase, as in `failed in
    load`. An attempt may have several."""
    thrown_out: int


@dataclass(frozen=True)
class ThrownOut:
    """Of both sides, the numerator's first."""

    sides: tuple[Side, Side]
    measured: int
    """Trials with a number of an attempt that was thrown out."""
    answer: JudgedClaim | None
    """The claim, had the last such number of each trial counted."""
    changed: int
    """Pairs that would be judged otherwise."""


def thrown_out(
    session: Session,
    layout: Layout,
    results: Sequence[TrialResult],
    rejected: Sequence[TrialResult],
    given: JudgedClaim | None,
) -> ThrownOut | None:
    """What did not count; None without a claim. `rejected`: newest first for each trial."""
    claim = session.claim
    if claim is None or given is None:
        return None
    numbers: dict[str, TrialResult] = {}
    for one in rejected:
        if metric(one.measures, claim.of) is not None:
            numbers.setdefault(one.scheduled.trial, replace(one, verdict=Verdict.VALID.value))
    instead = [numbers.get(one.scheduled.trial, one) for one in results]
    other = answer(session, observations(session, layout, instead), ended=given.ended)
    first, second = (
        _side(claim.factor, level, results, rejected)
        for level in (claim.numerator, claim.denominator)
    )
    return ThrownOut((first, second), len(numbers), other, _changed(given, other))


def _side(
    factor: str, level: Level, results: Sequence[TrialResult], rejected: Sequence[TrialResult]
) -> Side:
    counted = sum(one.valid and one.scheduled.levels[factor] == level for one in results)
    records = [
        one.record for one in rejected if one.record and one.scheduled.levels[factor] == level
    ]
    reasons = Counter(reason for record in records for reason in _reasons(record))
    return Side(level, counted + len(records), dict(reasons.most_common()), len(records))


def _reasons(record: Record) -> tuple[str, ...]:
    """The checks that fail, or else are unknown; where the attempt broke, its phase."""
    if record.verdict is Verdict.FAILED:
        broke = (span.phase for span in record.spans if span.error)
        return (f"failed in {next(broke, Phase.PROVISION)}",)
    for status in (Status.FAIL, Status.UNKNOWN):
        names = tuple(c.name for c in record.checks if c.status is status and not c.needs)
        if names:
            return names
    return (record.verdict.value,)


def _changed(given: JudgedClaim, other: JudgedClaim | None) -> int:
    if other is None:
        return 0
    before = {frozenset(one.pair.levels.items()): one.judgement for one in given.pairs}
    after = {frozenset(one.pair.levels.items()): one.judgement for one in other.pairs}
    return sum(after.get(levels) != judgement for levels, judgement in before.items())
