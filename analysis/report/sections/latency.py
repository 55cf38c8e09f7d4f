"""Response times: full percentile curves, with bounds for what was never answered."""

from __future__ import annotations

from analysis.figures import goodput, latency
from analysis.figures.style import Stroke
from analysis.reading.load_files import counts_ms, new_histogram
from analysis.report.blocks import Absent, Block, Figure, Section, Table, para, row
from analysis.report.inputs import ReportInputs
from analysis.report.wording import digits, percent
from analysis.summaries.cells import CellResult
from analysis.summaries.percentiles import share

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
    bounded = any(point.what == latency.BOUND for point in data.points)
    figure = Figure(
        latency.draw(data),
        alt="Percentile curves of response times, a panel per route and delay",
        name="latency",
        caption=_caption(bounded, any(curve.dropped_share for curve in curves)),
        legend=[(s.stroke.key, s.label) for s in drawn.series if s.label in used],
        columns=latency.COLUMNS,
        rows=data.rows(),
    )
    blocks: list[Block] = [para(_lead(inputs)), figure]
    waiting = [cell for cell in shown if unanswered_ms(cell)]
    return Section(
        "latency", TITLE, [*blocks, *([_unanswered(inputs, waiting)] if waiting else [])]
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


def _caption(bounded: bool, dropped: bool) -> str:
    words = (
        "Correct answers of the steady window, valid trials merged. A curve ends where fewer than "
        "5 answers lie beyond."
    )
    if dropped:
        words += " Where arrivals were dropped, it ends at the share that was not."
    return words + (
        " Thin dashes, a lower bound: with the requests that were never answered. Each counts as "
        "answered when the load stopped or its user gave up." if bounded else ""
    )  # fmt: skip


def _curve(inputs: ReportInputs, cell: CellResult, strokes: dict[str, Stroke]) -> latency.Curve:
    merged = new_histogram()
    for result in cell.valid:
        merged.add(result.latencies)
    series = inputs.layout.series(cell.levels)
    return latency.Curve(
        inputs.layout.group(cell.levels),
        series,
        strokes.get(series, Stroke(0)),
        counts_ms(merged),
        unanswered_ms(cell),
        _service(inputs, cell),
        _dropped_share(cell),
    )


def _dropped_share(cell: CellResult) -> float:
    """Of the arrivals meant for the steady windows of its valid trials."""
    dropped = sum(result.measures.dropped or 0 for result in cell.valid)
    return share(dropped, sum(result.offered for result in cell.valid)) or 0.0


def _service(inputs: ReportInputs, cell: CellResult) -> latency.Counts:
    found = [trial.service for trial in inputs.trials_of(cell) if trial.service is not None]
    merged = new_histogram()
    for one in found:
        merged.add(one)
    return counts_ms(merged) if found else ()


def unanswered_ms(cell: CellResult) -> tuple[float, ...]:
    """The ages of the requests that a cell's valid trials left without an answer."""
    return tuple(sorted(1000 * age for result in cell.valid for age in result.overdue_s))


def _unanswered(inputs: ReportInputs, cells: list[CellResult]) -> Table:
    rows = []
    for cell in cells:
        ages = unanswered_ms(cell)
        answers = sum(result.measures.successes or 0 for result in cell.valid)
        of_all = len(ages) / (len(ages) + answers)
        rows.append(row(inputs.name(cell.levels), str(len(ages)), percent(of_all),
                        digits(ages[len(ages) // 2]), digits(ages[-1])))  # fmt: skip
    heading = ["cell", "overdue", "share", "median age ms", "oldest ms"]
    caption = (
        "Overdue: requests that the client gave up on, and requests open at the stop that would "
        "change a percentile. The latter belong to users without any answer, are older than the "
        "window or than any of its answers, or met a stall."
    )
    return Table(heading, rows, caption=caption)
