"""One panel of the goodput figure: rates above, failures in a thin band below.

May not know sessions or files: points and series in, marks out.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import labels, style
from analysis.figures.frame import around, frame, short, y_label
from analysis.figures.labels import Labels, Offset
from analysis.figures.style import Stroke
from analysis.figures.svg import hover
from rig.model import Verdict, digits, percent

WIDTH, HEIGHT = 370.0, 340.0
LEFT, WIDE, TOP, HIGH, BAND_TOP, BAND_HIGH = 46.0, 310.0, 48.0, 160.0, 256.0, 42.0

NEAREST_TICKS = 0.1
"""Numbers nearer to each other than this share of the axis would overlap."""
MOST_CLASSES = 2
MOST_LINES = 3

ABOVE: tuple[Offset, ...] = ((0, 9, "center"), (7, 3, "left"), (-7, 3, "right"), (0, 18, "center"))
BELOW: tuple[Offset, ...] = ((0, -17, "center"), *ABOVE, (0, -28, "center"), (9, -12, "left"))
FOOT: tuple[Offset, ...] = tuple(
    (0, up, side) for up in (4, 16, 28, 40, 52) for side in ("center", "left", "right")
)


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

    @property
    def stroke(self) -> Stroke:
        """How its line looks."""
        return Stroke(self.colour, self.dash)


@dataclass(frozen=True)
class Scale:
    """An x axis: numbers that all panels share, or a place for every series of this panel."""

    levels: tuple[float, ...]
    names: tuple[str, ...]

    @staticmethod
    def of(points: Sequence[Point], series: Sequence[Series]) -> Scale:
        """The scale that fits all points."""
        levels = {point.x for point in points if point.x is not None}
        used = {point.series for point in points}
        return Scale(tuple(sorted(levels)), tuple(s.label for s in series if s.label in used))

    @property
    def places(self) -> tuple[float, ...]:
        """Where something stands."""
        return self.levels or tuple(float(index) for index in range(len(self.names))) or (0.0,)

    @property
    def ends(self) -> tuple[float, float]:
        """The limits of the axis."""
        first, last = self.places[0], self.places[-1]
        margin = 0.18 * (last - first) or 1.0
        return first - margin, last + margin

    def at(self, point: Point) -> float:
        """Where a point stands; series a little apart, so that none hides another."""
        index = self.names.index(point.series)
        if point.x is None:
            return float(index)
        return point.x + 0.012 * self._span * (index - (len(self.names) - 1) / 2)

    @property
    def _span(self) -> float:
        return self.ends[1] - self.ends[0]

    def bar(self, point: Point, names: Sequence[str]) -> tuple[float, float]:
        """Middle and width of a bar, beside those of the other series at the same number."""
        if point.x is None:
            return self.at(point), min(0.6, 0.07 * self._span)
        gap = min((b - a for a, b in pairwise(self.levels)), default=self._span)
        width = min(0.07 * self._span, 0.8 * gap / len(names))
        return point.x + width * (names.index(point.series) - (len(names) - 1) / 2), 0.9 * width

    def ticks(self) -> tuple[float, ...]:
        """The numbers that stand apart."""
        apart: list[float] = []
        for level in self.levels:
            if not apart or level - apart[-1] > NEAREST_TICKS * self._span:
                apart.append(level)
        return tuple(apart)


def draw_panel(
    figure: Figure,
    corner: tuple[float, float],
    points: Sequence[Point],
    series: Sequence[Series],
    scale: Scale,
) -> tuple[Axes, Axes]:
    """Both parts of one panel, its upper left corner in px."""
    left, top = corner[0] + LEFT, corner[1]
    upper = frame(figure, left, top + TOP, WIDE, HIGH)
    lower = frame(figure, left, top + BAND_TOP, WIDE, BAND_HIGH, ticks=2)
    drawn = ((p.goodput_rps, p.low_rps, p.high_rps, p.predicted_rps) for p in points)
    around(upper, [value for of_point in drawn for value in of_point if value])
    lower.set_ylim(0, 100)
    for axes in (upper, lower):
        axes.set_xlim(*scale.ends)
        axes.set_xticks(scale.ticks(), [short(level) for level in scale.ticks()])
    upper.tick_params("x", length=0, labelbottom=False)
    for one in series:
        _series(upper, [p for p in points if p.series == one.label], one, scale)
    y_label(upper, "goodput, answers/s")
    _words(upper, points, series, scale)
    if not any(point.verdict == Verdict.VALID for point in points):
        _say(upper, "no valid trial")
    _failures(lower, points, series, scale)
    if not scale.levels:
        _names(lower, scale)
    return upper, lower


def _say(axes: Axes, words: str) -> None:
    """Words in the middle of empty axes."""
    labels.write(axes, words, (0.5, 0.75), (0, -4, "center"), xycoords="axes fraction")


def _names(axes: Axes, scale: Scale) -> None:
    """What stands where, if there is room for it; the legend has every name."""
    slot = WIDE / (scale.ends[1] - scale.ends[0]) - 6
    names = [textwrap.wrap(name, max(4, int(slot / 6))) for name in scale.names]
    made = [
        labels.write(
            axes, "\n".join(lines), (place, 0), (0, -6, "center"), va="top", size=style.SMALL
        )
        for place, lines in zip(scale.places, names, strict=False)
    ]
    if any(len(lines) > MOST_LINES for lines in names) or any(
        label.get_window_extent().width > slot for label in made
    ):
        for label in made:
            label.remove()


def line_properties(series: Series) -> dict[str, Any]:
    """Its line and mark: a shape for each dash of a colour."""
    marker = style.MARKERS[series.dash % len(style.MARKERS)]
    return {**series.stroke.line(), "marker": marker, "markersize": 8, "markeredgewidth": 0}


def _series(axes: Axes, points: Sequence[Point], series: Series, scale: Scale) -> None:
    """Its line with intervals and ceilings, and each trial."""
    # levels that a search came by stand after the YAML's own: a line goes from left to right
    points = sorted(points, key=lambda point: point.x or 0.0)
    medians = [point for point in points if point.what == "median"]
    ceilings = [(scale.at(p), p.predicted_rps) for p in medians if p.predicted_rps]
    rates = [(scale.at(p), p.goodput_rps) for p in medians if p.goodput_rps]
    if ceilings:
        axes.plot(*zip(*ceilings, strict=True), **Stroke(series.colour, thin=True).line())
    if rates and scale.levels:
        axes.plot(*zip(*rates, strict=True), **series.stroke.line())
    for point in medians:
        _median(axes, point, series, scale.at(point))
    for point in points:
        if point.what == "trial" and point.goodput_rps is not None:
            _trial(axes, point, series.stroke.hex, scale.at(point))


def _median(axes: Axes, point: Point, series: Series, at: float) -> None:
    """A cell's mark with its interval."""
    if not point.goodput_rps:
        return
    if point.low_rps and point.high_rps:
        bounds = [point.low_rps, point.high_rps]
        axes.plot([at, at], bounds, color=series.stroke.hex, linewidth=1.5)
    (dot,) = axes.plot([at], [point.goodput_rps], **line_properties(series))
    hover(dot, f"{series.label}: {rate(point)}")


def _trial(axes: Axes, point: Point, colour: str, at: float) -> None:
    """A dot; where it does not count, a hollow one."""
    drawn: dict[str, Any] = {"color": colour, "alpha": 0.55, "markersize": 4.4}
    text = f"{point.trial}: {rate(point)}"
    if point.verdict != Verdict.VALID:
        drawn = {**hollow(point.verdict), "markeredgecolor": colour}
        text = f"{point.trial}: {point.verdict}, not counted"
    (dot,) = axes.plot(
        [at], [point.goodput_rps or 0.0], **{"marker": "o", "markeredgewidth": 0, **drawn}
    )
    hover(dot, text)


def hollow(verdict: str) -> dict[str, Any]:
    """The mark of a trial that does not count."""
    return {
        "linestyle": "none",
        "marker": "X" if verdict == Verdict.INVALID else "d",
        "markersize": 10,
        "markerfacecolor": style.PAPER,
        "markeredgecolor": style.QUIET,
        "markeredgewidth": 1.5,
    }


def _words(axes: Axes, points: Sequence[Point], series: Sequence[Series], scale: Scale) -> None:
    """What no mark can say: verdicts, what has no rate, and numbers where no axis has any."""
    words = Labels(axes)
    colours = {one.label: one.stroke.hex for one in series}
    for point in points:
        at, colour = scale.at(point), colours[point.series]
        uncounted = point.verdict != Verdict.VALID
        if point.goodput_rps is None:
            text = f"{point.verdict}: < 2 successes" if uncounted else "< 2 successes"
            if uncounted or point.what == "median":
                words.place(text, (at, 0), FOOT, xycoords=("data", "axes fraction"), color=colour)
        elif uncounted:
            words.place(point.verdict, (at, point.goodput_rps), BELOW, color=colour)
        elif point.what == "median" and not scale.levels:
            words.place(f"{point.goodput_rps:.3g}", (at, point.goodput_rps), ABOVE, color=colour)


def rate(point: Point) -> str:
    """A point's rate in words."""
    return f"{point.goodput_rps:.4g} answers/s" if point.goodput_rps is not None else "no rate"


def _failures(axes: Axes, points: Sequence[Point], series: Sequence[Series], scale: Scale) -> None:
    """Bars of the share of failed answers; hollow where only trials that do not count have any."""
    y_label(axes, "failed, %")
    shown = [p for p in points if p.failure_share and _speaks(p, points)]
    if not shown:
        _say(axes, "no failures" if points else "nothing measured")
        return
    names = [s.label for s in series if any(p.series == s.label for p in shown)]
    colours = {one.label: one.stroke.hex for one in series}
    for point in shown:
        middle, width = scale.bar(point, names)
        failed = point.failure_share or 0.0
        colour = colours[point.series]
        fill = colour if point.verdict == Verdict.VALID else style.PAPER
        (bar,) = axes.bar([middle], [100 * failed], width, color=fill, edgecolor=colour, alpha=0.75)
        hover(bar, f"{point.series}: {percent(failed)} failed, mostly {point.top_failure}")
    words = Labels(axes)
    for point in shown:
        middle, _ = scale.bar(point, names)
        percents = 100 * (point.failure_share or 0.0)
        words.place("< 1" if percents < 1 else digits(percents), (middle, percents),
                    ((0, 2, "center"),), size=style.SMALL, color=colours[point.series])  # fmt: skip
    _name_classes(axes, shown, colours)


def _speaks(point: Point, points: Sequence[Point]) -> bool:
    """Whether its failures stand for its cell: the median, or a trial where there is none."""
    if point.what == "median":
        return True
    same = (point.series, point.x)
    return not any(p.what == "median" and (p.series, p.x) == same for p in points)


def _name_classes(axes: Axes, shown: Sequence[Point], colours: Mapping[str, str]) -> None:
    """Names the most frequent failure of each series, in its colour, above the band."""
    lines = list(_classes(shown, colours))
    more = len(lines) - MOST_CLASSES
    if more > 0:
        text, colour = lines[MOST_CLASSES - 1]
        lines = [*lines[: MOST_CLASSES - 1], (f"{text}; {more} more in goodput.csv", colour)]
    for above, (text, colour) in enumerate(reversed(lines)):
        label = labels.write(axes, text, (0, 1), (0, 20 + 12 * above, "left"), color=colour,
                             size=style.SMALL, xycoords="axes fraction")  # fmt: skip
        labels.fit(label, WIDE)


def _classes(shown: Sequence[Point], colours: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A line on each class of failure, and its colour."""
    classes: dict[str, dict[str, str]] = {}
    for point in shown:
        classes.setdefault(point.top_failure, {})[point.series] = colours[point.series]
    for name, own in classes.items():
        one = len(set(own.values())) == 1
        yield f"{', '.join(own)}: mostly {name}", next(iter(own.values())) if one else style.INK
