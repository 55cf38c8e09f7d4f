"""The study's figure: goodput against delay, one panel per route, failures below.

`data` decides what is drawn, `draw` draws just that, `save` with title, legend and caption. Only
valid trials carry lines; others that were measured stand as hollow marks. Where no number varies,
series stand side by side.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.comparisons.same_setup import Comparison
from analysis.figures import labels, panels, style
from analysis.figures.caption import DRAWN, caption
from analysis.figures.frame import grid_of, x_label
from analysis.figures.panels import Point, Scale, Series
from analysis.figures.style import new_figure
from analysis.figures.svg import element, standalone
from analysis.reading.session import Session
from analysis.summaries.cell_estimates import CellEstimate
from analysis.summaries.cells import CellResult
from analysis.summaries.csv_rows import Row
from analysis.summaries.layout import Layout
from rig.model import Verdict, printable

COLUMNS = tuple(field.name for field in fields(Point))

ACROSS, NARROWEST, SIDE, LINE, PNG_DPI = 3, 500.0, 10.0, 15.0, 120


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
    estimates: Mapping[str, CellEstimate] | None = None,
) -> Goodput:
    """What is drawn of a session's cells; `estimates` by the cell's id."""
    by_id = estimates or {}
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
            p for c in ordered for p in _points(layout, c, by_id.get(c.cell, CellEstimate()))
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


def _points(layout: Layout, cell: CellResult, estimate: CellEstimate) -> Iterator[Point]:
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
            cell.measures.goodput_rps,
            cell.measures.failure_share,
            cell.measures.top_failure,
            estimate.low_rps,
            estimate.high_rps,
            estimate.predicted_rps,
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


def draw(goodput: Goodput) -> str:
    """A panel per route, side by side."""
    figure, places = grid_of(len(goodput.panels), panels.WIDTH, panels.HEIGHT, ACROSS)
    _panels(figure, goodput, places)
    return element(figure, _description(goodput))


def save(goodput: Goodput, svg: Path, png: Path) -> None:
    """The same with all that it must say of itself, as files that go anywhere."""
    across = max(1, min(ACROSS, len(goodput.panels)))
    down = -(-len(goodput.panels) // across)
    width = max(NARROWEST, across * panels.WIDTH)
    notes = [
        line
        for sentence in goodput.caption
        for line in textwrap.wrap(printable(sentence), int(width / 6.2))
    ]
    head, foot = 62.0 + LINE * _legend_rows(goodput, width), 20.0 + LINE * len(notes)
    figure = new_figure(width, head + panels.HEIGHT * down + foot)
    _, places = grid_of(len(goodput.panels), panels.WIDTH, panels.HEIGHT, ACROSS)
    _panels(figure, goodput, [(left, head + top) for left, top in places])
    _text(figure, 14, goodput.title, size=16, weight=600)
    _text(figure, 38, goodput.subtitle, color=style.QUIET)
    _legend(figure, goodput)
    for index, line in enumerate(notes):
        _text(figure, figure.bbox.height - foot + LINE * index, line, size=10, color=style.QUIET)
    svg.write_text(standalone(element(figure, _description(goodput))), encoding="utf-8")
    figure.savefig(png, format="png", dpi=PNG_DPI, facecolor=style.PAPER)


def _panels(figure: Figure, goodput: Goodput, places: Sequence[tuple[float, float]]) -> None:
    for name, corner in zip(goodput.panels, places, strict=True):
        points = [point for point in goodput.points if point.panel == name]
        scale = Scale.of(goodput.points if goodput.x_label else points, goodput.series)
        upper, lower = panels.draw_panel(figure, corner, points, goodput.series, scale)
        labels.title(upper, name or goodput.title, panels.WIDE)
        x_label(lower, goodput.x_label)


def _text(figure: Figure, top: float, words: str, **properties: Any) -> None:
    """A line of the sheet around the panels, px from its upper edge."""
    wide, high = figure.bbox.width, figure.bbox.height
    text = figure.text(SIDE / wide, 1 - top / high, printable(words), va="top", **properties)
    labels.fit(text, wide - 2 * SIDE)


def legend(goodput: Goodput) -> list[tuple[str, str]]:
    """Classes and name of each series that has a mark, and its sign where these differ."""
    used = {point.series for point in goodput.points}
    shown = [series for series in goodput.series if series.label in used]
    signs = [style.SIGNS[series.dash % len(style.SIGNS)] for series in shown]
    several = len(set(signs)) > 1
    return [
        (series.stroke.key, f"{sign} {series.label}" if several else series.label)
        for series, sign in zip(shown, signs, strict=True)
    ]


def _legend(figure: Figure, goodput: Goodput) -> None:
    wide, high = figure.bbox.width, figure.bbox.height
    handles = _handles(goodput, wide)
    if handles:
        figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(SIDE / wide, 1 - 58 / high),
            ncols=_legend_columns(handles, wide),
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            handlelength=3,
            labelspacing=0.3,
            columnspacing=1.6,
        )


def _handles(goodput: Goodput, width: float) -> list[Line2D]:
    """One entry per series that is drawn, and one per kind of trial that does not count."""
    used = {point.series for point in goodput.points}
    handles = [
        Line2D([], [], label=_cut(printable(s.label), width), **panels.line_properties(s))
        for s in goodput.series
        if s.label in used
    ]
    verdicts = {point.verdict for point in goodput.points}
    return handles + [
        Line2D([], [], label=f"{verdict} trial: not counted", **panels.hollow(verdict))
        for verdict in (Verdict.INVALID.value, Verdict.UNKNOWN.value)
        if verdict in verdicts
    ]


def _cut(label: str, width: float) -> str:
    most = int((width - 60) / 7)
    return label if len(label) <= most else label[: most - 1] + "…"


def _legend_columns(handles: Sequence[Line2D], width: float) -> int:
    """As many as fit: in one row each entry takes its own width, in several the longest one's."""
    widths = [60 + 6 * len(str(handle.get_label())) for handle in handles]
    return len(handles) if sum(widths) < width else max(1, int(width / max(widths)))


def _legend_rows(goodput: Goodput, width: float) -> int:
    handles = _handles(goodput, width)
    return -(-len(handles) // _legend_columns(handles, width)) if handles else 0


def _description(goodput: Goodput) -> str:
    return ". ".join(_description_of(goodput, name) for name in goodput.panels)


def _description_of(goodput: Goodput, name: str) -> str:
    parts = [
        f"{p.series} {f'at {p.x:g} ' if p.x is not None else ''}{panels.rate(p)}"
        for p in goodput.points
        if p.what == "median" and p.panel == name
    ]
    return f"Goodput of {name or 'all'}: " + ("; ".join(parts) or "no valid trial")
