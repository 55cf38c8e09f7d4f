"""Where one level overtakes another: ratios of pairs of trials along a factor, and the crossing.

`data` lists the points, `draw` draws just them. May not know sessions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from analysis.figures import labels
from analysis.figures.frame import frame, grid_of, log_y, x_label, y_label
from analysis.figures.style import COLOURS, QUIET
from analysis.figures.svg import element, hover
from analysis.inference import Crossover
from rig.model import Level

WIDTH, HEIGHT, ACROSS = 370.0, 250.0, 3
LEFT, WIDE = 50.0, 306.0
DOT, BAND = COLOURS[1], COLOURS[4]
COLUMNS = ("group", "what", "at", "low", "high", "ratio")


@dataclass(frozen=True)
class Drawn:
    """One combination of the other factors' levels. `along`: the axis' label."""

    group: str
    along: str
    between: tuple[float, float]
    crossover: Crossover

    def rows(self) -> list[Mapping[str, Level | None]]:
        """A line for the crossing and one for each pair of trials."""
        found = self.crossover
        crossing: dict[str, Level | None] = {
            "group": self.group, "what": "crossover", "at": found.at, "low": found.low,
            "high": found.high, "ratio": None,
        }  # fmt: skip
        empty: dict[str, Level | None] = dict.fromkeys(COLUMNS)
        points = [
            {**empty, "group": self.group, "what": "pair", "at": point.at,
             "ratio": math.exp(point.log_ratio)}
            for point in found.points
        ]  # fmt: skip
        return [crossing, *points]


def draw(drawn: Sequence[Drawn]) -> str:
    """A drawing each, side by side."""
    figure, places = grid_of(len(drawn), WIDTH, HEIGHT, ACROSS)
    for one, (left, top) in zip(drawn, places, strict=True):
        _draw(figure, one, left + LEFT, top)
    return element(figure, ". ".join(_description(one) for one in drawn))


def _draw(figure: Figure, drawn: Drawn, left: float, top: float) -> None:
    """Ratios on a logarithmic scale, 1 as a line, the interval as a band."""
    found = drawn.crossover
    ratios = [math.exp(point.log_ratio) for point in found.points]
    low, high = drawn.between
    margin = 0.05 * (high - low) or 1.0
    axes = frame(figure, left, top + 44, WIDE, HEIGHT - 92)
    axes.set_xlim(low - margin, high + margin)
    log_y(axes, min([*ratios, 1.0]) / 1.3, max([*ratios, 1.0]) * 1.3)
    if found.low is not None and found.high is not None:
        axes.axvspan(found.low, found.high, color=BAND, alpha=0.25, linewidth=0)
    axes.axhline(1.0, color=QUIET, linewidth=1)
    if found.at is not None:
        labels.line(axes, found.at)
    for point, ratio in zip(found.points, ratios, strict=True):
        (dot,) = axes.plot([point.at], [ratio], "o", color=DOT, markersize=7, markeredgewidth=0)
        hover(dot, f"{ratio:.3g} at {point.at:g}")
    x_label(axes, drawn.along)
    y_label(axes, "ratio")
    labels.title(axes, drawn.group, WIDE)


def _description(drawn: Drawn) -> str:
    """The crossing in words."""
    found = drawn.crossover
    if found.at is None:
        return f"{drawn.group}: {found.conclusion}"
    return f"{drawn.group}: crossing at {found.at:.3g}"


def rows(drawn: Sequence[Drawn]) -> list[Mapping[str, Level | None]]:
    """The lines of `crossover.csv`."""
    return [row for one in drawn for row in one.rows()]
