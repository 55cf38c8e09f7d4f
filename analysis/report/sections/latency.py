"""Response times: full percentile curves, with bounds for what was never answered."""

from __future__ import annotations

from analysis.figures import goodput, latency
from analysis.figures.style import Stroke
from analysis.reading.load_files import counts_ms, new_histogram
from analysis.report.blocks import Absent, Block, Figure, Section, Table, para, row
from analysis.report.inputs import ReportInputs
from analysis.report.wording import between, digits
from analysis.summaries.cells import CellResult, response_times_of
from analysis.summaries.measures import (
    PERCENTS,
    RESPONSE_STATES,
    percentile_bounds_ms,
    percentile_interval_ms,
)
from rig.disk.sent import together
from rig.inference.stationarity import State

TITLE = "Response times"


def section(inputs: ReportInputs) -> Section | Absent:
    """A drawing per route and delay, a curve per series."""
    shown = [cell for cell in inputs.cells if cell.valid]
    if not shown:
        return Absent(TITLE, "no cell has a valid trial")
    drawn = goodput.data(inputs.session, inputs.layout, inputs.cells)
    strokes = {series.label: series.stroke for series in drawn.series}
    curves = [_curve(inputs, cell, strokes) for cell in shown]
    data = latency.data(curves)
    used = {curve.series for curve in curves}
    if not data.points:
        return Absent(TITLE, "no cell has ten correct answers in the steady window")
    figure = Figure(
        latency.draw(data),
        alt="Percentile curves of response times, a panel per route and delay",
        name="latency",
        caption=_caption(any(point.what == latency.BOUND for point in data.points)),
        legend=[(s.stroke.key, s.label) for s in drawn.series if s.label in used],
        columns=latency.COLUMNS,
        rows=data.rows(),
    )
    blocks: list[Block] = [para(_lead(inputs)), figure, *_intervals(inputs, shown)]
    bounded = [cell for cell in shown if is_bounded(cell)]
    return Section(
        "latency", TITLE, [*blocks, *([_unanswered(inputs, bounded)] if bounded else [])]
    )


def _lead(inputs: ReportInputs) -> str:
    if not inputs.session.is_open:
        return (
            "Closed loop: each user waits for its answer before it sends again, so a stalled "
            "target gets fewer requests. Visitors who arrive by a clock would wait longer than "
            "these curves show (coordinated omission)."
        )
    return (
        "Open model: requests are due by a clock, and response times count from that moment. So "
        "every request that meets a stall shows it. Fine lines: service times, from the moment of "
        "the real send."
    )


def _caption(bounded: bool) -> str:
    words = (
        "Correct answers to requests of the steady window, valid trials together. A curve ends "
        "where fewer than 5 requests lie beyond."
    )
    return words + (
        " Thin dashes, a lower bound: each request without an answer counts as answered when the "
        "load stopped or its user gave up." if bounded else ""
    )  # fmt: skip


def _curve(inputs: ReportInputs, cell: CellResult, strokes: dict[str, Stroke]) -> latency.Curve:
    series = inputs.layout.series(cell.levels)
    return latency.Curve(
        inputs.layout.group(cell.levels),
        series,
        strokes.get(series, Stroke(0)),
        response_times_of(cell.valid),
        _service(inputs, cell),
    )


def _service(inputs: ReportInputs, cell: CellResult) -> latency.Counts:
    found = [trial.service for trial in inputs.trials_of(cell) if trial.service is not None]
    merged = new_histogram()
    for one in found:
        merged.add(one)
    return counts_ms(merged) if found else ()


def is_bounded(cell: CellResult) -> bool:
    """Whether a percentile of it is no number, but a bound or withheld for overload."""
    bounds = [percentile_bounds_ms(cell.measures, percent) for percent in PERCENTS]
    return any(lower != upper for lower, upper in bounds) or (
        cell.measures.response_state == State.OVERLOAD
    )


def _intervals(inputs: ReportInputs, cells: list[CellResult]) -> list[Block]:
    known = [
        cell
        for cell in cells
        if any(percentile_interval_ms(cell.measures, one)[0] is not None for one in PERCENTS)
    ]
    if not known:
        return []
    rows = []
    for cell in known:
        row_ = [inputs.name(cell.levels)]
        for one in PERCENTS:
            lower, upper = percentile_bounds_ms(cell.measures, one)
            row_ += [digits(lower if lower == upper else None)]
            row_ += [between(*percentile_interval_ms(cell.measures, one))]
        repeated = len(cell.valid) > 1
        rows.append(row(*row_, "between trials" if repeated else "within trial"))
    heading = ["cell", *(word for one in PERCENTS for word in (f"p{one} ms", "95 % interval")),
               "interval type"]  # fmt: skip
    words = [para(_limit(), quiet=True)] if any(len(cell.valid) == 1 for cell in known) else []
    caption = "Percentiles that are numbers, where an interval is known."
    table = Table(heading, rows, words_from=len(heading) - 1, caption=caption)
    return [table, *words]


def _limit() -> str:
    return (
        "An interval within a trial tells where a percentile lies if that load went on; another "
        "run may give another one. It is of ranks, and wider the more seconds differ. Where "
        "response times wander for longer than a tenth of the window, most have none. Of the few "
        "there, some are too narrow: about 5 in 100 windows."
    )


def _unanswered(inputs: ReportInputs, cells: list[CellResult]) -> Table:
    rows = []
    for cell in cells:
        sent = together(result.sent for result in cell.valid)
        ages_us = sent.waiting_us
        rows.append(row(inputs.name(cell.levels), RESPONSE_STATES[cell.measures.response_state],
                        str(len(ages_us)), digits(ages_us[-1] / 1000 if ages_us else None),
                        str(sent.unanswered - len(ages_us)), str(sent.dropped)))  # fmt: skip
    heading = ["cell", "response times", "in flight", "oldest ms", "given up", "dropped"]
    caption = (
        "Cells with percentiles that are bounds or withheld, and what became of the requests of "
        "their windows that had no answer at the stop."
    )
    return Table(heading, rows, caption=caption, numbers_from=2)
