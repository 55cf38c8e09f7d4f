"""What not to conclude from an answer: failures, silence, what stands beside it, what carries over.

Sentences, as `opening` has them. May not know how words are written to a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.inference import LOWER_IS_BETTER, MOST_FAILURES
from analysis.reading.session import Claim
from analysis.report.claimed_pairs import (
    SHOWN,
    ClaimedPair,
    capital,
    few_numbers,
    joined,
    listed,
    side_name,
)
from analysis.report.inputs import ReportInputs
from analysis.report.model import carries_over
from analysis.report.wording import percent
from analysis.summaries.cells import CellResult
from analysis.summaries.measures import metric

SILENT = 0.05
"""A share of users without any answer from which on they are named."""

DECISIVE = ("app_threads", "connections", "pooler", "app_workers")
"""Factors that may close a gap by themselves; named where the compared cells have one level."""


def before_acting(
    inputs: ReportInputs, claim: Claim, pairs: Sequence[ClaimedPair]
) -> Iterator[str]:
    """A claim's sentences, the heaviest first."""
    gone = [(one, one.judged.pair.no_ratio_reason) for one in pairs]
    yield from _first([_at(one, reason) for one, reason in gone if reason])
    failing = sorted(
        (one for one in pairs if one.judged.pair.failing and one.judged.pair.ratio is not None),
        key=lambda one: -max(share or 0.0 for share in one.judged.pair.failure_shares),
    )
    yield from _first([_at(one, one.judged.pair.failing) for one in failing])
    yield from _first(list(_unanswered(inputs, claim, pairs)))
    off = sum(
        inputs.ceilings[cell.cell].unexplained
        for one in pairs
        for cell in (one.over, one.under)
        if cell and (cell.measures.failure_share or 0.0) <= MOST_FAILURES
    )
    if off:
        yield f"The goodput of {off} of these cells is not explained by any ceiling."
    yield from _first(list(_beside(inputs, claim)))
    alike = [*inputs.layout.fixed, *inputs.layout.unsaid]
    fixed = {f.name: f"{f.label} {f.value(at)}" for f, at in alike}
    often = [fixed[name] for name in DECISIVE if name in fixed]
    if often:
        yield f"The same in all that is compared, and perhaps decisive: {joined(often)}."
    sides = (
        (claim.denominator, [one.under for one in pairs if one.under]),
        (claim.numerator, [one.over for one in pairs if one.over]),
    )
    named = [(capital(side_name(inputs, claim, level)), cells) for level, cells in sides]
    yield from carries_over(inputs, named)


def _beside(inputs: ReportInputs, claim: Claim) -> Iterator[str]:
    """What the cells reached that stand beside the claim, by what sets them apart."""
    unit = " ms" if claim.of in LOWER_IS_BETTER else " a second"
    by_series: dict[str, list[CellResult]] = {}
    for cell in inputs.cells:
        known = metric(cell.measures, claim.of) is not None
        if known and inputs.layout.is_extra(cell.levels):
            by_series.setdefault(inputs.layout.series(cell.levels), []).append(cell)
    for series, cells in by_series.items():
        values = few_numbers([metric(one.measures, claim.of) or 0.0 for one in cells])
        failed = max(one.measures.failure_share or 0.0 for one in cells)
        but = f", {percent(failed)} failed" if failed > MOST_FAILURES else ""
        where = listed([inputs.layout.group(one.levels) for one in cells])
        yield f"Beside the claim, {series}: {values}{unit}{but} ({where})."


def _at(one: ClaimedPair, said: str) -> str:
    return f"{one.place}: {said}." if one.place else f"{capital(said)}."


def _first(sentences: Sequence[str]) -> Iterator[str]:
    yield from sentences[:SHOWN]
    if len(sentences) > SHOWN:
        yield f"{len(sentences) - SHOWN} more in the table."


def _unanswered(inputs: ReportInputs, claim: Claim, pairs: Sequence[ClaimedPair]) -> Iterator[str]:
    """Users whom nobody answered, where they are more than a few."""
    for one in pairs:
        for level, cell in ((claim.numerator, one.over), (claim.denominator, one.under)):
            never = cell.measures.never_answered_users if cell else None
            peak = cell.measures.peak_users if cell else None
            if never and peak and never > SILENT * peak:
                side = side_name(inputs, claim, level)
                users = f"{never:.0f} of {peak:.0f} users"
                yield _at(one, f"{users} of {side} had no answer when the load ended")
