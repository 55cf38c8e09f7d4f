"""The figure of the study, with the numbers behind it."""

from __future__ import annotations

from analysis.figures import goodput
from analysis.report.blocks import (
    Absent,
    Block,
    Figure,
    Fold,
    Inline,
    Link,
    Section,
    Table,
    Words,
    para,
    row,
)
from analysis.report.inputs import ReportInputs
from analysis.report.wording import NOTHING, between, digits, percent, to_trial
from analysis.summaries.cells import CellResult
from analysis.summaries.measures import PERCENTS, percentile_bounds_ms

TITLE = "Goodput against delay"


def section(inputs: ReportInputs) -> Section | Absent:
    """The figure and, folded, the table of all cells."""
    if not inputs.trials:
        return Absent(TITLE, "no trial is scheduled yet")
    drawn = goodput.data(
        inputs.session, inputs.layout, inputs.cells, inputs.pairs, inputs.estimates
    )
    figure = Figure(
        goodput.draw(drawn),
        alt=f"{drawn.title}, a panel per route",
        name="goodput",
        caption=_caption(inputs),
        legend=goodput.legend(drawn),
        columns=goodput.COLUMNS,
        rows=drawn.rows(),
    )
    title = drawn.title if inputs.layout.x else "Goodput"
    return Section("goodput", title, [figure, *_not_counted(inputs), _cells(inputs)])


def _caption(inputs: ReportInputs) -> str:
    words = "Points: medians of valid trials. Small dots: single trials."
    if any(estimate.low_rps for estimate in inputs.estimates.values()):
        words += " Bars: 95 % intervals of the mean, between trials."
    if any(estimate.predicted_rps for estimate in inputs.estimates.values()):
        words += " Thin dashes: the lowest predicted ceiling."
    return words + " Lower band: failed answers."


def _not_counted(inputs: ReportInputs) -> list[Block]:
    off = [trial for trial in inputs.trials if not trial.result.valid]
    if not off:
        return []
    rows: list[tuple[Words, ...]] = [
        row(to_trial(trial), trial.result.verdict, trial.result.reason) for trial in off
    ]
    table = Table(["trial", "verdict", "reason"], rows, numbers_from=3)
    return [Fold((f"{len(off)} trial{'s' * (len(off) > 1)} left out of all numbers",), [table])]


def _cells(inputs: ReportInputs) -> Fold:
    heading = ["cell", "valid", "offered /s", "goodput /s", "95 % interval", "failed",
               "best 5 s /s", "p50 ms", "p95 ms", "p99 ms", "trials"]  # fmt: skip
    rows = [_row(inputs, cell) for cell in inputs.cells]
    files = ("The same in ", Link("summary.csv", "summary.csv"), ", each trial in ",
             Link("trials.csv", "trials.csv"), ".")  # fmt: skip
    table = Table(heading, rows, words_from=10)
    return Fold(("Numbers of all cells",), [table, para(_meaning(), *files, quiet=True)])


def _row(inputs: ReportInputs, cell: CellResult) -> tuple[Words, ...]:
    estimate, measured = inputs.estimates[cell.cell], cell.measures
    return (
        *row(_name(inputs, cell), f"{len(cell.valid)}/{len(cell.results)}"),
        *row(digits(measured.offered_rps), digits(measured.goodput_rps)),
        *row(between(estimate.low_rps, estimate.high_rps)),
        *row(percent(measured.failure_share)),
        *row(digits(measured.max_goodput_rps)),
        *row(*(_percentile(cell, percent) for percent in PERCENTS)),
        _trials(inputs, cell),
    )


def _name(inputs: ReportInputs, cell: CellResult) -> str:
    unfit = cell.measures.round_fits == "no"
    return inputs.name(cell.levels) + (" (not feasible)" if unfit else "")


def _trials(inputs: ReportInputs, cell: CellResult) -> Words:
    """A link to each of the cell's trials."""
    own = {result.scheduled.trial for result in cell.results}
    words: list[Inline] = []
    for trial in inputs.trials:
        if trial.name in own:
            words += [to_trial(trial, f"r{trial.result.scheduled.replicate}"), " "]
    return words[:-1]


def _percentile(cell: CellResult, percent: int) -> str:
    """A number, or the bounds where what was never answered leaves it open."""
    lower, upper = percentile_bounds_ms(cell.measures, percent)
    if lower is None:
        return NOTHING
    if lower == upper:
        return digits(lower)
    return f"> {digits(lower)}" if upper is None else f"{digits(lower)} to {digits(upper)}"


def _meaning() -> str:
    return (
        "Medians over valid trials. Percentiles are of all requests sent in the steady windows. "
        "They are bounds where too many had no answer, and empty where fewer than 5 lie beyond or "
        "in overload. Not feasible: one request of every user was predicted to take longer than "
        "the time-out, or more than 0.6 of the window. "
    )
