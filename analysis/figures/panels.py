"""One panel of the goodput figure: rates above, failures in a thin band below.

May not know sessions or files: points and series in, marks out.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes as Panel
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from analysis.figures import style
from rig.model import Verdict

LOG_FROM = 10
"""A panel whose values span more than this factor has a logarithmic scale."""

MOST_CLASSES = 2

NAME_WIDE = 14


@dataclass(frozen=True)
class Point:
    """A line of `goodput.csv`: a cell's median over its valid trials, or one trial."""

    panel: str
    series: str
    x: float | None
    what: str
    """`median` or `trial`."""
    verdict: str
    trials: int
    trial: str
    goodput_rps: float | None
    failure_share: float | None
    top_failure: str
    low_rps: float | None = None
    high_rps: float | None = None
    """The median's interval; None where there are too few trials for one."""
    predicted_rps: float | None = None
    """The lowest ceiling of the cell."""


@dataclass(frozen=True)
class Series:
    """What is joined by a line. `colour`, `dash`: places in the style's lists."""

    label: str
    colour: int
    dash: int
    extra: bool


@dataclass(frozen=True)
class Scale:
    """An x axis: numbers that all panels share, or a place for every series of this panel."""

    levels: tuple[float, ...]
    names: tuple[str, ...]
    gap: float
    dodge: dict[str, float]

    @staticmethod
    def of(points: Sequence[Point], series: Sequence[Series]) -> Scale:
        """The scale that fits all points."""
        used = [s for s in series if any(point.series == s.label for point in points)]
        names = tuple(s.label for s in used)
        levels = tuple(sorted({point.x for point in points if point.x is not None}))
        if not levels:
            return Scale((), names, 1.0, {name: float(i) for i, name in enumerate(names)})
        gaps = [b - a for a, b in pairwise(levels)]
        gap = min(gaps, default=abs(levels[0]) or 1.0)
        extras = [s.label for s in used if s.extra]
        dodge = dict.fromkeys(names, 0.0)
        dodge |= {name: 0.055 * gap * (i + 1) for i, name in enumerate(extras)}
        return Scale(levels, (), gap, dodge)

    def at(self, point: Point) -> float:
        """Where a point stands; extra cells a little to the right, so that none hides another."""
        return (point.x or 0.0) + self.dodge[point.series]

    def set(self, panel: Panel) -> None:
        """Limits and ticks."""
        places = self.levels or tuple(float(i) for i in range(len(self.names)))
        if not places:
            panel.set_xticks([])
            return
        margin = 0.45 * self.gap if self.levels else max(0.6, 1.8 - 0.6 * len(places))
        panel.set_xlim(places[0] - margin, places[-1] + margin)
        labels = [f"{level:g}" for level in self.levels]
        labels = labels or [_in_lines(name) for name in self.names]
        panel.set_xticks(places, labels, size=8.5 if self.levels else 7.5)


def _in_lines(name: str) -> str:
    return "\n".join(textwrap.wrap(name, NAME_WIDE, break_long_words=False))


def handle(series: Series, index: int) -> Line2D:
    """A series as it stands in the legend."""
    return Line2D([], [], label=series.label, **_line(series, index))


def hollow(verdict: str) -> dict[str, Any]:
    """The mark of a trial that does not count."""
    return {
        "linestyle": "none",
        "marker": "X" if verdict == Verdict.INVALID else "d",
        "markersize": 9,
        "markerfacecolor": "white",
        "markeredgecolor": style.QUIET,
        "markeredgewidth": 1.3,
    }


def _colour(series: Series) -> str:
    return style.COLOURS[series.colour % len(style.COLOURS)]


def _line(series: Series, index: int) -> dict[str, Any]:
    return {
        "color": _colour(series),
        "linestyle": style.DASHES[series.dash % len(style.DASHES)],
        "linewidth": 1.3 if series.extra else 1.9,
        "marker": style.MARKERS[index % len(style.MARKERS)],
        "markersize": 7 if series.extra else 6.5,
        "markeredgecolor": "white",
        "markeredgewidth": 0.9,
    }


def draw_panel(
    upper: Panel,
    lower: Panel,
    points: Sequence[Point],
    series: Sequence[Series],
    scale: Scale,
) -> None:
    """Both parts of one panel."""
    rates = [point.goodput_rps for point in points if point.goodput_rps]
    bars = not scale.levels
    _y_scale(upper, rates, log=not bars and _wide(rates))
    for index, one in enumerate(series):
        own = [point for point in points if point.series == one.label]
        _rates(upper, own, one, index, scale)
    if not any(point.verdict == Verdict.VALID for point in points):
        _say(upper, "no valid trial", 12)
    if not points:
        upper.set_yticks([])
    _failures(lower, points, series, scale)
    scale.set(upper)
    scale.set(lower)
    upper.tick_params(labelbottom=False)
    for panel in (upper, lower):
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color=style.GRID, linewidth=0.7)


def _say(panel: Panel, text: str, size: float) -> None:
    """Words in the middle of an empty panel, clear of its grid."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 2.0}
    panel.text(0.5, 0.5, text, transform=panel.transAxes, ha="center", va="center", size=size,
               color=style.QUIET, bbox=box)  # fmt: skip


def _wide(rates: Sequence[float]) -> bool:
    return bool(rates) and max(rates) > LOG_FROM * min(rates)


def _y_scale(panel: Panel, rates: Sequence[float], log: bool) -> None:
    most = max(rates, default=1.0)
    if not log:
        panel.set_ylim(0, 1.15 * most)
        panel.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        return
    least = min(rates)
    panel.set_yscale("log")
    panel.set_ylim(least / 1.8, most * 1.8)
    steps = (1.0, 2.0, 5.0) if most < 500 * least else (1.0,)
    panel.yaxis.set_major_locator(LogLocator(subs=steps))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.annotate("log scale", (1, 1), xycoords="axes fraction", xytext=(0, 7),
                   textcoords="offset points", ha="right", va="baseline", size=7.5,
                   color=style.QUIET)  # fmt: skip


def _rates(panel: Panel, points: Sequence[Point], series: Series, index: int, scale: Scale) -> None:
    medians = [p for p in points if p.what == "median" and p.goodput_rps is not None]
    look = _line(series, index)
    at, rates = [scale.at(p) for p in medians], [p.goodput_rps or 0.0 for p in medians]
    if scale.levels:
        panel.plot(at, rates, zorder=3, **look)
    else:
        panel.bar(at, rates, width=0.6, color=look["color"], alpha=0.5 if series.extra else 0.85)
        for place, rate in zip(at, rates, strict=True):
            top = max(p.goodput_rps or 0.0 for p in points if p.verdict == Verdict.VALID)
            panel.annotate(f"{rate:.3g}", (place, top), xytext=(0, 4), ha="center", size=8,
                           textcoords="offset points", color=look["color"])  # fmt: skip
    for p in points:
        if p.what != "trial":
            if p.goodput_rps is None:
                _foot(panel, scale.at(p), "< 2 successes", index, look["color"])
        elif p.verdict != Verdict.VALID:
            _not_counted(panel, p, index, scale, look["color"])
        elif p.goodput_rps is not None:
            dot = "black" if not scale.levels else look["color"]
            panel.plot([scale.at(p)], [p.goodput_rps], ".", color=dot, alpha=0.55, markersize=5,
                       markeredgewidth=0, zorder=4)  # fmt: skip


def _not_counted(panel: Panel, point: Point, index: int, scale: Scale, colour: str) -> None:
    """A hollow mark at what an invalid trial measured, beside its bar where there are bars."""
    at = scale.at(point) + (0 if scale.levels else 0.4)
    if point.goodput_rps is None:
        _foot(panel, at, f"{point.verdict}: < 2 successes", index, colour)
        return
    mark = hollow(point.verdict) | {"markeredgecolor": colour, "zorder": 5}
    panel.plot([at], [point.goodput_rps], **mark)
    if scale.levels:
        panel.annotate(point.verdict, (at, point.goodput_rps), xytext=(0, -7), va="top",
                       textcoords="offset points", ha="center", size=7, color=colour)  # fmt: skip


def _foot(panel: Panel, at: float, text: str, index: int, colour: str) -> None:
    """Words at the foot for what has no rate: it is never drawn as a number."""
    panel.annotate(text, (at, 0), xycoords=("data", "axes fraction"), xytext=(0, 4 + 9 * index),
                   textcoords="offset points", ha="center", size=7, color=colour)  # fmt: skip


def _failures(
    panel: Panel, points: Sequence[Point], series: Sequence[Series], scale: Scale
) -> None:
    """Bars of the share of failed answers; hollow where only trials that do not count have any."""
    panel.set_ylim(0, 125)
    panel.yaxis.set_major_locator(FixedLocator([0, 50, 100]))
    shown = [p for p in points if p.failure_share and _speaks(p, points)]
    if not shown:
        _say(panel, "no failures" if points else "nothing measured", 7.5)
        return
    names = [s.label for s in series if any(p.series == s.label for p in shown)]
    width = 0.6 if not scale.levels else min(0.16, 0.8 / len(names)) * scale.gap
    classes: dict[str, dict[str, str]] = {}
    for p in shown:
        one = next(s for s in series if s.label == p.series)
        offset = (names.index(p.series) - (len(names) - 1) / 2) * width
        at = scale.at(p) if not scale.levels else (p.x or 0.0) + offset
        percent = 100 * (p.failure_share or 0.0)
        fill = _colour(one) if p.verdict == Verdict.VALID else "white"
        panel.bar([at], [percent], width=0.88 * width, edgecolor=_colour(one), linewidth=0.9,
                  color=fill, alpha=0.5 if one.extra else 1)  # fmt: skip
        panel.annotate(_percent(percent), (at, percent), xytext=(0, 1.5),
                       textcoords="offset points", ha="center", size=6.5,
                       color=_colour(one))  # fmt: skip
        classes.setdefault(p.top_failure, {})[p.series] = _colour(one)
    _name_classes(panel, classes)


def _speaks(point: Point, points: Sequence[Point]) -> bool:
    """Whether its failures stand for its cell: the median, or a trial where there is none."""
    if point.what == "median":
        return True
    same = (point.series, point.x)
    return not any(p.what == "median" and (p.series, p.x) == same for p in points)


def _percent(percent: float) -> str:
    return "< 1" if percent < 1 else f"{percent:.0f}"


def _name_classes(panel: Panel, classes: Mapping[str, Mapping[str, str]]) -> None:
    """Names the most frequent failure of each series (with its colour) above the band."""
    lines = []
    for name, colours in classes.items():
        (colour, *others) = dict.fromkeys(colours.values())
        lines.append((f"{', '.join(colours)}: mostly {name}", style.INK if others else colour))
    more = len(lines) - MOST_CLASSES
    if more > 0:
        text, colour = lines[MOST_CLASSES - 1]
        lines = [*lines[: MOST_CLASSES - 1], (f"{text}; {more} more in goodput.csv", colour)]
    for index, (text, colour) in enumerate(reversed(lines)):
        panel.annotate(text, (0, 1), xycoords="axes fraction", xytext=(0, 4 + 9 * index),
                       textcoords="offset points", size=7, color=colour)  # fmt: skip
