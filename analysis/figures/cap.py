"""One trial at the connection cap: counts above, rates below, on one time axis.

`data` lines the series up by second, `draw` draws just them. May not know sessions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import labels
from analysis.figures.frame import frame, from_zero, grid_of, x_label, y_label
from analysis.figures.style import Stroke
from analysis.figures.svg import element
from rig.model import Level

WIDTH, HEIGHT, ACROSS = 470.0, 354.0, 2
LEFT, WIDE = 50.0, 406.0

COUNTS: Mapping[str, Stroke] = {
    "users": Stroke(4, thin=True),
    "in_flight": Stroke(1),
    "postgres_sessions": Stroke(2, 1),
    "waiting": Stroke(3, 2),
}
RATES: Mapping[str, Stroke] = {"ok_rps": Stroke(1), "refused_rps": Stroke(0, 1)}
NAMES: Mapping[str, str] = {
    "users": "users",
    "in_flight": "requests in flight",
    "postgres_sessions": "connections to Postgres",
    "waiting": "clients waiting for PgBouncer",
    "ok_rps": "correct answers/s",
    "refused_rps": "refusals/s",
}
COLUMNS = ("trial", "second", *COUNTS, *RATES)

Series = Mapping[str, Sequence[tuple[float, float]]]
"""(second, value), by column."""


@dataclass(frozen=True)
class Cap:
    """One trial's series, and the moments worth marking: (second, words)."""

    trial: str
    title: str
    series: Series
    marks: tuple[tuple[float, str], ...] = ()

    def rows(self) -> list[Mapping[str, Level | None]]:
        """The series as lines of `connection-cap.csv`, a line per second with any value."""
        by_second: dict[int, dict[str, Level | None]] = {}
        for name, points in self.series.items():
            for second, value in points:
                by_second.setdefault(int(second), {})[name] = value
        empty: dict[str, Level | None] = dict.fromkeys(COLUMNS)
        return [
            {**empty, "trial": self.trial, "second": second, **values}
            for second, values in sorted(by_second.items())
        ]


def draw(caps: Sequence[Cap]) -> str:
    """A drawing per trial, side by side."""
    figure, places = grid_of(len(caps), WIDTH, HEIGHT, ACROSS)
    for cap, (left, top) in zip(caps, places, strict=True):
        _draw(figure, cap, left + LEFT, top)
    return element(figure, ". ".join(_description(cap) for cap in caps))


def _draw(figure: Figure, cap: Cap, left: float, top: float) -> None:
    """Both frames of one trial."""
    upper = frame(figure, left, top + 78, WIDE, 120)
    lower = frame(figure, left, top + 224, WIDE, 80, ticks=3)
    ends = [second for points in cap.series.values() for second, _ in points]
    for axes, strokes in ((upper, COUNTS), (lower, RATES)):
        axes.set_xlim(0, max(ends, default=1.0))
        _lines(axes, cap.series, strokes)
    upper.tick_params(labelbottom=False, bottom=False)
    x_label(lower, "seconds since the load began")
    for second, _ in cap.marks:
        labels.line(lower, second)
    y_label(lower, "per second")
    labels.marks(upper, cap.marks, taken=[y_label(upper, "how many")])
    labels.title(upper, cap.title, WIDE, lines=2, up=48)


def _lines(axes: Axes, series: Series, strokes: Mapping[str, Stroke]) -> None:
    shown = {name: series.get(name, ()) for name in strokes}
    from_zero(axes, [value for points in shown.values() for _, value in points])
    for name, points in shown.items():
        if any(value for _, value in points):
            axes.plot(*zip(*points, strict=True), **strokes[name].line())


def _description(cap: Cap) -> str:
    parts = [
        f"{NAMES[name]} up to {max(value for _, value in points):.4g}"
        for name, points in cap.series.items()
        if points
    ]
    marks = [f"{words} at {second:.0f} s" for second, words in cap.marks]
    return f"{cap.title}: " + "; ".join([*parts, *marks])
