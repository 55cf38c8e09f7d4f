"""Trials, cells and failures as lines of `trials.csv`, `summary.csv` and `failures.csv`.

Here typed values become rows; nothing reads a row back. May not know how a file is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields

from analysis.reading.session import Session
from analysis.summaries.cells import CellResult
from analysis.summaries.measures import CellMeasures, TrialMeasures
from analysis.summaries.routes import RouteResult
from analysis.summaries.steps import StepResult
from analysis.summaries.trials import VERDICTS, TrialResult
from rig.model import Level

Row = Mapping[str, Level | None]
"""A line of a CSV: None is an empty cell."""

FAILURE_COLUMNS = (
    *("trial", "verdict", "class", "count", "first_s", "users", "in_flight"),
    *("db_connections_before", "db_connections_after"),
)


def trial_columns(session: Session) -> tuple[str, ...]:
    """The columns of `trials.csv`, in order."""
    return (
        *("trial", "position", "block", "replicate", "cell", "attempt", "attempts"),
        *(factor.name for factor in session.factors),
        *("verdict", "why"),
        *(field.name for field in fields(TrialMeasures)),
    )


def trial_row(result: TrialResult) -> Row:
    """A trial's line."""
    return {
        "trial": result.scheduled.trial,
        "position": result.scheduled.position,
        "block": result.scheduled.block,
        "replicate": result.scheduled.replicate,
        "cell": result.scheduled.cell,
        "attempt": result.attempt,
        "attempts": result.attempts,
        **result.scheduled.levels,
        "verdict": result.verdict,
        "why": result.reason,
        **asdict(result.measures),
    }


def summary_columns(session: Session) -> tuple[str, ...]:
    """The columns of `summary.csv`, in order."""
    return (
        "cell",
        *(factor.name for factor in session.factors),
        *("verdict", "why", "trials"),
        *VERDICTS,
        *(field.name for field in fields(CellMeasures)),
    )


def summary_row(cell: CellResult) -> Row:
    """A cell's line."""
    return {
        "cell": cell.cell,
        **cell.levels,
        "verdict": cell.verdict,
        "why": cell.reason,
        "trials": len(cell.results),
        **{name: cell.counts[name] for name in VERDICTS},
        **asdict(cell.measures),
    }


ROUTE_COLUMNS = tuple(field.name for field in fields(RouteResult))


def route_rows(found: Sequence[RouteResult]) -> Iterator[Row]:
    """The lines of `routes.csv`: one per trial and route of its mix."""
    for result in found:
        yield asdict(result)


STEP_COLUMNS = tuple(field.name for field in fields(StepResult))


def step_rows(found: Sequence[StepResult]) -> Iterator[Row]:
    """The lines of `steps.csv`: one per trial and step of its load."""
    for result in found:
        yield asdict(result)


def failure_rows(found: Sequence[TrialResult]) -> Iterator[Row]:
    """The lines of `failures.csv`: one per trial and class."""
    for result in found:
        for failure in result.failures:
            yield {
                "trial": result.scheduled.trial,
                "verdict": result.verdict,
                "class": failure.name,
                "count": failure.count,
                "first_s": failure.first_s,
                "users": failure.users,
                "in_flight": failure.in_flight,
                "db_connections_before": failure.connections[0],
                "db_connections_after": failure.connections[1],
            }
