"""The study's figure: goodput against delay, one panel per route, failures below.

`data` decides what is drawn, `draw` draws just that. Only valid trials carry lines; others
that were measured stand as hollow marks. Where no number varies, series stand side by side.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from matplotlib.axes import Axes as Panel
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.comparisons.same_setup import Comparison
from analysis.figures import panels, style
from analysis.figures.caption import DRAWN, caption, row_number
from analysis.figures.panels import Point, Scale, Series
from analysis.reading.session import Session
from analysis.summaries.cell_estimates import CellEstimate
from analysis.summaries.cells import CellResult
from analysis.summaries.layout import Layout
from analysis.summaries.trials import Row
from rig.model import Verdict, printable

COLUMNS = tuple(field.name for field in fields(Point))

PANEL_IN, PANEL_HIGH_IN, MOST_ACROSS = 3.9, 3.9, 3


@dataclass(frozen=True)
class Goodput:
    """All that is drawn."""

    title: str
    subtitle: str
    x_label: str
    panels: tuple[str, ...]
    series: tuple[Series, ...]
    points: tuple[Point, ...]
    caption: tuple[str, ...]

    def rows(self) -> tuple[Row, ...]:
        """The points as lines of `goodput.csv`."""
        return tuple(asdict(point) for point in self.points)


def data(
    session: Session,
    layout: Layout,
    cells: Sequence[CellResult],
    pairs: Sequence[Comparison] = (),
    beside: Mapping[str, CellEstimate] | None = None,
) -> Goodput:
    """What is drawn of a session's cells; `beside` by the cell's id."""
    more = beside or {}
    ordered = sorted(cells, key=lambda cell: layout.order(cell.levels))
    results = [result for cell in cells for result in cell.results]
    against = f" against {layout.x.label}" if layout.x else ""
    panel_names = dict.fromkeys(_panel(layout, cell) for cell in ordered)
    replicates = max((len(cell.valid) for cell in cells), default=0) > 1
    return Goodput(
        title=f"Goodput{against}",
        subtitle=session.experiment
        + (": medians of valid trials, and each of them as a dot" if replicates else ""),
        x_label=layout.x.axis if layout.x else "",
        panels=tuple(panel_names),
        series=_series(layout, ordered),
        points=tuple(
            p for c in ordered for p in _points(layout, c, more.get(c.cell, CellEstimate()))
        ),
        caption=caption(session, layout, results, pairs),
    )


def _panel(layout: Layout, cell: CellResult) -> str:
    return str(cell.levels[layout.panel.name]) if layout.panel else ""


def _series(layout: Layout, cells: Sequence[CellResult]) -> tuple[Series, ...]:
    """One per name; colour by target where targets vary, dashes by whatever else differs."""
    by_name = {layout.series(cell.levels): cell for cell in cells}
    names = sorted(
        by_name, key=lambda name: layout.order(by_name[name].levels)[-1 - len(layout.rest) :]
    )
    names.sort(key=lambda name: layout.is_extra(by_name[name].levels))
    colours: dict[object, int] = {}
    if layout.colour:
        colours = {level: i for i, level in enumerate(layout.base[layout.colour.name])}
    dashes: dict[str, int] = {}
    found = []
    for name in names:
        levels = by_name[name].levels
        key = levels[layout.colour.name] if layout.colour else name
        differs = ", ".join(layout.differs(levels))
        colour = colours.setdefault(key, len(colours))
        extra = layout.is_extra(levels)
        dash = dashes.setdefault(differs, len(dashes)) if layout.colour else int(extra)
        found.append(Series(name, colour, dash, extra))
    return tuple(found)


def _points(layout: Layout, cell: CellResult, beside: CellEstimate) -> Iterator[Point]:
    at = cell.levels[layout.x.name] if layout.x else None
    x = None if at is None or isinstance(at, str) else at
    panel, series = _panel(layout, cell), layout.series(cell.levels)
    if cell.valid:
        yield Point(
            panel,
            series,
            x,
            "median",
            Verdict.VALID.value,
            len(cell.valid),
            "",
            row_number(cell.row, "goodput_rps"),
            row_number(cell.row, "failure_share"),
            str(cell.row["top_failure"] or ""),
            beside.low_rps,
            beside.high_rps,
            beside.predicted_rps,
        )
    for result in cell.results:
        measured = result.measures
        if result.verdict in DRAWN and measured.successes is not None:
            yield Point(
                panel,
                series,
                x,
                "trial",
                result.verdict,
                1,
                result.scheduled.trial,
                measured.goodput_rps,
                measured.failure_share,
                measured.top_failure,
            )


def _shown(goodput: Goodput) -> Goodput:
    """The same without characters that no font has and no XML may hold."""
    return replace(
        goodput,
        title=printable(goodput.title),
        subtitle=printable(goodput.subtitle),
        x_label=printable(goodput.x_label),
        panels=tuple(printable(name) for name in goodput.panels),
        series=tuple(replace(s, label=printable(s.label)) for s in goodput.series),
        points=tuple(
            replace(p, panel=printable(p.panel), series=printable(p.series),
                    top_failure=printable(p.top_failure))
            for p in goodput.points
        ),
        caption=tuple(printable(line) for line in goodput.caption),
    )  # fmt: skip


def draw(goodput: Goodput, svg: Path, png: Path) -> None:
    """Draws the figure and saves it twice."""
    goodput = _shown(goodput)
    with style.settings():
        across = max(1, min(MOST_ACROSS, len(goodput.panels)))
        down = max(1, -(-len(goodput.panels) // across))
        width_in = max(6.8, PANEL_IN * across)
        notes = [line for said in goodput.caption for line in _wrap(said, width_in)]
        legend_rows = _legend_rows(goodput, width_in)
        top_in, bottom_in = 0.78 + 0.22 * legend_rows, 0.62 + 0.15 * len(notes)
        height_in = top_in + PANEL_HIGH_IN * down + bottom_in
        figure = style.new_figure(width_in, height_in)
        _words(figure, goodput, notes, width_in, height_in)
        grid = figure.add_gridspec(
            down,
            across,
            left=0.75 / width_in,
            right=1 - 0.15 / width_in,
            top=1 - (top_in + 0.22) / height_in,
            bottom=bottom_in / height_in,
            wspace=0.26,
            hspace=0.3,
        )
        for index, name in enumerate(goodput.panels):
            inner = grid[index // across, index % across].subgridspec(
                2, 1, height_ratios=(5, 1), hspace=0.3
            )
            upper = figure.add_subplot(inner[0])
            lower = figure.add_subplot(inner[1], sharex=upper)
            points = [point for point in goodput.points if point.panel == name]
            scale = Scale.of(goodput.points if goodput.x_label else points, goodput.series)
            panels.draw_panel(upper, lower, points, goodput.series, scale)
            _label(upper, lower, goodput, index, across)
        style.save(figure, svg, png)


def _label(upper: Panel, lower: Panel, goodput: Goodput, index: int, across: int) -> None:
    upper.set_title(goodput.panels[index], loc="left", fontweight="bold", fontsize=10)
    lower.set_xlabel(goodput.x_label)
    if index % across == 0:
        upper.set_ylabel("goodput (requests/s)")
        lower.set_ylabel("failed (%)", fontsize=8)


def _words(
    figure: Figure, goodput: Goodput, notes: Sequence[str], width_in: float, height_in: float
) -> None:
    left = 0.15 / width_in
    figure.text(left, 1 - 0.12 / height_in, goodput.title, va="top", size=13, weight="bold")
    figure.text(left, 1 - 0.4 / height_in, goodput.subtitle, va="top", size=9, color=style.QUIET)
    handles = _handles(goodput)
    if handles:
        figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(left, 1 - 0.68 / height_in),
            borderaxespad=0,
            ncols=_legend_columns(handles, width_in),
            frameon=False,
            borderpad=0,
            handlelength=3,
            columnspacing=1.6,
        )
    for index, line in enumerate(reversed(notes)):
        figure.text(left, (0.1 + 0.15 * index) / height_in, line, size=7, color=style.QUIET)


def _handles(goodput: Goodput) -> list[Line2D]:
    """One entry per series that is drawn, and one per kind of trial that does not count."""
    used = {point.series for point in goodput.points if point.x is not None}
    handles = [
        panels.handle(series, index)
        for index, series in enumerate(goodput.series)
        if series.label in used
    ]
    verdicts = {point.verdict for point in goodput.points}
    return handles + [
        Line2D([], [], label=f"{verdict} trial: not counted", **panels.hollow(verdict))
        for verdict in (Verdict.INVALID.value, Verdict.UNKNOWN.value)
        if verdict in verdicts
    ]


def _legend_columns(handles: Sequence[Line2D], width_in: float) -> int:
    """As many as fit: in one row each entry takes its own width, in several the longest one's."""
    lengths = [len(str(handle.get_label())) for handle in handles]
    if sum(0.72 + 0.072 * length for length in lengths) < width_in:
        return len(handles)
    longest = max(lengths)
    return max(1, int(width_in / (0.72 + 0.072 * longest)))


def _legend_rows(goodput: Goodput, width_in: float) -> int:
    handles = _handles(goodput)
    return -(-len(handles) // _legend_columns(handles, width_in)) if handles else 0


def _wrap(line: str, width_in: float) -> list[str]:
    return textwrap.wrap(line, int(width_in * 19))
