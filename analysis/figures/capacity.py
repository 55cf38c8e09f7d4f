"""Response time against rate: every trial of a deployment, its limit, and its capacity.

`data` lists the points, `draw` draws just them. May not know sessions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import labels
from analysis.figures.frame import frame, grid_of, log_x, log_y, x_label, y_label
from analysis.figures.style import COLOURS, QUIET
from analysis.figures.svg import element, hover
from rig.inference.capacity import Capacity
from rig.model import Level, digits

WIDTH, HEIGHT, ACROSS = 370.0, 250.0, 3
LEFT, WIDE = 50.0, 306.0
KEPT, MISSED, BAND = COLOURS[1], COLOURS[0], COLOURS[4]
COLUMNS = ("group", "what", "rate_per_s", "low_per_s", "high_per_s", "response_ms")
BEYOND = 1.6
"""A trial without a response time stands so far above the highest one."""


@dataclass(frozen=True)
class Dot:
    """One trial: what was asked for, how long it took, whether it kept the objective.

    `response_ms`: None where more requests never had an answer than the percentile leaves.
    """

    rate_per_s: float
    response_ms: float | None
    kept: bool


@dataclass(frozen=True)
class Drawn:
    """One deployment; `limit_ms` is of the percentile that is drawn."""

    group: str
    percentile: str
    limit_ms: float
    capacity: Capacity
    dots: tuple[Dot, ...]

    def rows(self) -> list[Mapping[str, Level | None]]:
        """A line for the capacity and one for each trial."""
        found = self.capacity
        empty: dict[str, Level | None] = {**dict.fromkeys(COLUMNS), "group": self.group}
        capacity: dict[str, Level | None] = {
            **empty, "what": "capacity", "rate_per_s": found.per_s, "low_per_s": found.low_per_s,
            "high_per_s": found.high_per_s,
        }  # fmt: skip
        return [
            capacity,
            *(
                {**empty, "what": "kept" if dot.kept else "missed", "rate_per_s": dot.rate_per_s,
                 "response_ms": dot.response_ms}
                for dot in self.dots
            ),
        ]  # fmt: skip


def rows(drawn: Sequence[Drawn]) -> list[Mapping[str, Level | None]]:
    """The lines of `capacity.csv`."""
    return [row for one in drawn for row in one.rows()]


def draw(drawn: Sequence[Drawn]) -> str:
    """A drawing each, side by side, on the same scales."""
    figure, places = grid_of(len(drawn), WIDTH, HEIGHT, ACROSS)
    rates = [dot.rate_per_s for one in drawn for dot in one.dots] or [1.0]
    times = [
        *(one.limit_ms for one in drawn),
        *(dot.response_ms for one in drawn for dot in one.dots if dot.response_ms),
    ]
    scales = (min(rates) / 1.2, max(rates) * 1.2), (min(times) / 1.5, max(times) * BEYOND)
    for one, (left, top) in zip(drawn, places, strict=True):
        _draw(figure, one, scales, left + LEFT, top)
    return element(figure, ". ".join(_description(one) for one in drawn))


Scale = tuple[float, float]


def _draw(
    figure: Figure, drawn: Drawn, scales: tuple[Scale, Scale], left: float, top: float
) -> None:
    """Both scales logarithmic, the limit as a line, the capacity's interval as a band."""
    axes = frame(figure, left, top + 44, WIDE, HEIGHT - 92)
    log_x(axes, *scales[0])
    log_y(axes, *scales[1])
    low, high = drawn.capacity.low_per_s, drawn.capacity.high_per_s
    if low is not None and high is not None:
        axes.axvspan(low, high, color=BAND, alpha=0.25, linewidth=0)
    axes.axhline(drawn.limit_ms, color=QUIET, linewidth=1)
    if drawn.capacity.per_s is not None:
        labels.line(axes, drawn.capacity.per_s)
    _dots(axes, drawn, scales[1][1])
    x_label(axes, "arrivals per second")
    y_label(axes, f"{drawn.percentile}, ms")
    labels.title(axes, drawn.group, WIDE)


def _dots(axes: Axes, drawn: Drawn, top_ms: float) -> None:
    answered = [dot for dot in drawn.dots if dot.response_ms]
    axes.plot([dot.rate_per_s for dot in answered], [dot.response_ms or 0 for dot in answered],
              color=QUIET, linewidth=1)  # fmt: skip
    for dot in drawn.dots:
        at_ms = dot.response_ms or top_ms / 1.15
        mark, colour = ("o", KEPT) if dot.kept else ("X", MISSED)
        (shown,) = axes.plot([dot.rate_per_s], [at_ms], mark, color=colour, markersize=7,
                             markeredgewidth=0)  # fmt: skip
        took = f"{digits(dot.response_ms)} ms" if dot.response_ms else "never for too many"
        hover(shown, f"{took} at {dot.rate_per_s:g} /s")


def _description(drawn: Drawn) -> str:
    """The capacity in words."""
    return f"{drawn.group}: {drawn.capacity.finding}"
