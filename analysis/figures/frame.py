"""Axes at a place in px, with round numbers in plain digits.

May not know what is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from analysis.figures import labels
from analysis.figures.style import new_figure
from rig.model import printable

FEW_NUMBERS = 5.0
"""Below this factor 1, 2 and 5 of each decade would be a number or two."""
LOG_FROM = 10.0
"""Values that span more than this factor stand on a logarithmic scale."""


def grid_of(
    count: int, width: float, height: float, most_across: int
) -> tuple[Figure, list[tuple[float, float]]]:
    """An empty figure for drawings of one size in rows, and each one's upper left corner, in px."""
    across = max(1, min(most_across, count))
    down = max(1, -(-count // across))
    places = [(width * (i % across), height * (i // across)) for i in range(count)]
    return new_figure(width * across, height * down), places


def frame(
    figure: Figure, left: float, top: float, width: float, height: float, ticks: int = 5
) -> Axes:
    """Empty axes, px from the figure's upper left corner, with lines across at round numbers."""
    wide, high = figure.bbox.width, figure.bbox.height
    at = (left / wide, 1 - (top + height) / high, width / wide, height / high)
    axes = figure.add_axes(at, facecolor="none")
    axes.grid(axis="y")
    axes.tick_params("y", length=0, pad=5)
    axes.tick_params("x", length=4, pad=4)
    _plain(axes.xaxis, 6)
    _plain(axes.yaxis, ticks)
    # labels at fixed places: finding them costs more than drawing them
    axes.xaxis.set_label_coords(0.5, -22 / height)
    axes.yaxis.set_label_coords(0, 1)
    return axes


def _plain(axis: Axis, ticks: int) -> None:
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def log_x(axes: Axes, low: float, high: float) -> None:
    """A logarithmic axis across, between two numbers."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    _log(axes.xaxis, high / low)


def log_y(axes: Axes, low: float, high: float) -> None:
    """A logarithmic upright axis between two numbers."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    _log(axes.yaxis, high / low)


def _log(axis: Axis, factor: float) -> None:
    _plain(axis, 4)
    if factor > FEW_NUMBERS:
        steps = (1.0, 2.0, 5.0) if factor < 200 else (1.0, 3.0) if factor < 3000 else (1.0,)
        axis.set_major_locator(LogLocator(subs=steps))
    axis.set_minor_locator(NullLocator())


def from_zero(axes: Axes, values: Sequence[float]) -> None:
    """An upright axis from 0 to a little above the largest."""
    axes.set_ylim(0, 1.12 * max((value for value in values if value > 0), default=1.0))


def around(axes: Axes, values: Sequence[float]) -> None:
    """An upright axis from 0, or logarithmic where the values span too much."""
    there = [value for value in values if value > 0]
    if there and max(there) > LOG_FROM * min(there):
        log_y(axes, min(there) / 1.6, max(there) * 1.6)
    else:
        from_zero(axes, there)


def x_label(axes: Axes, words: str) -> None:
    """What the axis across shows, below it."""
    axes.set_xlabel(printable(words))
    labels.fit(axes.xaxis.label, axes.bbox.width)


def y_label(axes: Axes, words: str) -> Text:
    """What the upright axis shows, above it; a logarithmic one says so."""
    words += " · log scale" if axes.get_yscale() == "log" else ""
    return labels.write(axes, words, (0, 1), (0, 5, "left"), xycoords="axes fraction")


def short(value: float) -> str:
    """A tick's number, never in powers of ten: `1500`, `0.25`, `20k`."""
    if abs(value) >= 10_000 and value % 100 == 0:
        return f"{value / 1_000_000:g}M" if abs(value) >= 1_000_000 else f"{value / 1000:g}k"
    return f"{value:.10f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:.10g}"
