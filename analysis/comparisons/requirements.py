"""Whether the cells keep what the experiment requires of them.

Each limit is judged by itself, at 95 %. May not know how that is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.comparisons.ratios import within_of
from analysis.inference import (
    MOST_FAILURES,
    TRIAL_CV,
    Basis,
    Estimate,
    Judgement,
    geometric_mean_interval,
    limits,
)
from analysis.reading.requirements import Limit, Requirement
from analysis.reading.session import Session
from analysis.summaries.cells import CellResult
from analysis.summaries.measures import (
    RESPONSE_STATES,
    metric,
    percentile_bounds_ms,
    percentile_interval_ms,
)
from rig.model import percent

NOT_ENDED = "the session has not ended"


@dataclass(frozen=True)
class JudgedLimit:
    """A limit of a requirement in one cell; `cell` is None where the session has none such."""

    requirement: Requirement
    limit: Limit
    cell: CellResult | None
    known: Estimate
    judgement: Judgement
    notes: tuple[str, ...] = ()
    """Why it is not decided; and what it rests on, where that is one run."""


def judged_limits(
    session: Session, cells: Sequence[CellResult], *, ended: bool
) -> tuple[JudgedLimit, ...]:
    """Every limit in every cell that it is for, in the order of the experiment."""
    return tuple(
        judged
        for requirement in session.requires
        for limit in requirement.limits
        for judged in _of_limit(requirement, limit, cells, ended)
    )


def _of_limit(
    requirement: Requirement, limit: Limit, cells: Sequence[CellResult], ended: bool
) -> Iterator[JudgedLimit]:
    wanted = requirement.cell.items()
    those = [one for one in cells if all(one.levels.get(name) == at for name, at in wanted)]
    if not those:
        why = ("no cell of this session has these levels",)
        yield JudgedLimit(requirement, limit, None, Estimate(), Judgement.NOT_MEASURED, why)
    for cell in those:
        yield _in_cell(requirement, limit, cell, ended)


def _in_cell(requirement: Requirement, limit: Limit, cell: CellResult, ended: bool) -> JudgedLimit:
    if not cell.valid:
        why = (cell.reason or "no trial of it is valid",)
        return JudgedLimit(requirement, limit, cell, Estimate(), Judgement.NOT_MEASURED, why)
    known = estimate(limit.of, cell)
    judgement = limits.judge_limit(limit.keeps, known)
    failed = cell.measures.failure_share or 0.0
    flattered = limit.is_time and failed > MOST_FAILURES
    if not ended:
        judgement = Judgement.NOT_DECIDED
    elif flattered and judgement is Judgement.SUPPORTED:
        judgement = Judgement.WITHHELD
    notes = tuple(_notes(limit, cell, known, judgement, ended))
    return JudgedLimit(requirement, limit, cell, known, judgement, notes)


def estimate(of: str, cell: CellResult) -> Estimate:
    """What is known of a measure over a cell's valid trials, of which there is one at least."""
    if of == "failure_share":
        return _failures(cell)
    return _response_time(int(of[1:3]), cell) if of.endswith("_ms") else _rate(of, cell)


def _failures(cell: CellResult) -> Estimate:
    of = [one.measures for one in cell.valid]
    counts = [(one.failures or 0, (one.failures or 0) + (one.successes or 0)) for one in of]
    return limits.share(counts) if all(answers for _, answers in counts) else Estimate()


def _response_time(percentile: int, cell: CellResult) -> Estimate:
    lower, upper = percentile_bounds_ms(cell.measures, percentile)
    if lower is None:
        return Estimate()
    if lower != upper:
        return limits.bounds(lower, upper)
    interval = percentile_interval_ms(cell.measures, percentile)
    single = len(cell.valid) == 1
    return limits.one_run(lower, *interval) if single else limits.repeated(lower, *interval)


def _rate(name: str, cell: CellResult) -> Estimate:
    values = [metric(one.measures, name) for one in cell.valid]
    value = metric(cell.measures, name)
    if value is None or not all(values):  # a run that hardly answered has no rate
        return Estimate()
    if len(values) > 1:
        return limits.repeated(value, *geometric_mean_interval(values))
    error = within_of(cell.valid[0]) if name == "goodput_rps" else None
    return limits.one_run(value, *limits.spread(value, error))


def _notes(
    limit: Limit, cell: CellResult, known: Estimate, judgement: Judgement, ended: bool
) -> Iterator[str]:
    if not ended:
        yield NOT_ENDED
    elif judgement is Judgement.WITHHELD:
        yield f"more than {percent(MOST_FAILURES)} failed: the times are of the others"
    elif judgement is Judgement.NOT_DECIDED:
        yield _why_open(limit, cell, known)
    if known.basis is Basis.ONE_RUN:
        taken = f"runs are taken to differ by {percent(TRIAL_CV)}"
        yield "one run" if limit.of == "failure_share" else f"one run: {taken}"


def _why_open(limit: Limit, cell: CellResult, known: Estimate) -> str:
    state = cell.measures.response_state
    if known.basis is Basis.BOUNDS:
        assert known.low is not None
        return f"it is a bound only: more than {limit.value_text(known.low)}"
    if known.basis is not Basis.NONE:
        return "the 95 % interval holds the bound"
    if limit.is_time and state == "overload":
        return RESPONSE_STATES[state]
    if known.value is not None:
        return "not every run has a number for it, so it has no interval"
    return "too few answers tell"
