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
from rig.model import Level

FEW = 0.05
"""Of users without any answer: more than so many are named."""

DECISIVE = ("app_threads", "connections", "pooler", "app_workers")
"""Factors that may close a gap by themselves; named where the compared cells have one level."""


def before_acting(
    inputs: ReportInputs, claim: Claim, pairs: Sequence[ClaimedPair]
) -> Iterator[str]:
    """A claim's sentences, the heaviest first."""
    gone = [(one, one.judged.pair.no_ratio_reason) for one in pairs]
    yield from _first([_at(one, reason) for one, reason in gone if reason])
    yield from _first(list(_extras(inputs, claim)))
    for level, cells in _sides(claim, pairs):
        side = side_name(inputs, claim, level)
        yield from _failing(side, cells)
        yield from _unanswered(side, cells)
    off = sum(
        inputs.ceilings[cell.cell].unexplained
        for one in pairs
        for cell in (one.over, one.under)
        if cell and (cell.measures.failure_share or 0.0) <= MOST_FAILURES
    )
    if off:
        yield f"The goodput of {off} of these cells is not explained by any ceiling."
    alike = [*inputs.layout.fixed, *inputs.layout.unsaid]
    fixed = {f.name: f"{f.label} {f.value(at)}" for f, at in alike}
    often = [fixed[name] for name in DECISIVE if name in fixed]
    if often:
        yield f"The same in all that is compared, and perhaps decisive: {joined(often)}."
    named = [
        (capital(side_name(inputs, claim, level)), [cell for _, cell in cells])
        for level, cells in _sides(claim, pairs)
    ]
    yield from carries_over(inputs, named)


Placed = tuple[str, CellResult]
"""A cell of one side, and where its pair is."""


def _sides(claim: Claim, pairs: Sequence[ClaimedPair]) -> Sequence[tuple[Level, list[Placed]]]:
    """Both sides, each with its cells."""
    return (
        (claim.denominator, [(one.place, one.under) for one in pairs if one.under]),
        (claim.numerator, [(one.place, one.over) for one in pairs if one.over]),
    )


def _extras(inputs: ReportInputs, claim: Claim) -> Iterator[str]:
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


def _failing(side: str, cells: Sequence[Placed]) -> Iterator[str]:
    """Where a side failed too many of its answers to be favoured, the worst first."""
    shares = [(cell.measures.failure_share or 0.0, place, cell) for place, cell in cells]
    failing = sorted(
        (one for one in shares if one[0] > MOST_FAILURES), key=lambda one: one[:2], reverse=True
    )
    if failing:
        said = joined([percent(share) for share, *_ in failing[:SHOWN]])
        yield f"{capital(side)} failed {said} of its answers{_there([at for _, at, _ in failing])}."
        reasons = (one.failure_reasons for *_, one in failing)
        if why := next((found[0] for found in reasons if found), ""):
            yield f"Its logs say: {why.rstrip('.')}."


def _unanswered(side: str, cells: Sequence[Placed]) -> Iterator[str]:
    """Users whom nobody answered, where they are more than a few."""
    silent = [
        (cell.measures.never_answered_users, cell.measures.peak_users, place)
        for place, cell in cells
    ]
    those = [
        (never, peak, at) for never, peak, at in silent if never and peak and never > FEW * peak
    ]
    if those:
        never = joined([f"{never:.0f} of {peak:.0f}" for never, peak, _ in those[:SHOWN]])
        where = _there([at for *_, at in those])
        yield f"{never} users of {side} had no answer when the load ended{where}."


def _there(places: Sequence[str]) -> str:
    """In brackets; nothing of the only pair."""
    return f" ({listed(places)})" if any(places) else ""
