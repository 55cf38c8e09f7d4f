"""Percentile curves: response time against 1 ÷ (1 - q), both logarithmic, as HdrHistogram plots.

`data` takes response times, `draw` draws just its points. May not know sessions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import labels
from analysis.figures.frame import frame, grid_of, log_x, log_y, x_label, y_label
from analysis.figures.style import Stroke
from analysis.figures.svg import element
from analysis.figures.svg import points as at_places
from analysis.summaries.response_times import BEYOND, ResponseTimes
from rig.model import Level, digits, nearest_rank

WIDTH, HEIGHT, ACROSS = 370.0, 260.0, 3
LEFT, WIDE = 50.0, 306.0
PER_DECADE = 12
MEASURED, SERVICE, BOUND = "measured", "service", "bound"

Counts = Sequence[tuple[float, int]]
"""(ms, how many), ascending."""


@dataclass(frozen=True)
class Point:
    """A line of `latency.csv`."""

    group: str
    series: str
    what: str
    """`measured`: correct answers. `service`: the same from the real send, for an open load.
    `bound`: no less, where more is not known."""
    one_in: float
    """1 ÷ (1 - q): one in so many took longer."""
    response_ms: float


COLUMNS = tuple(field.name for field in fields(Point))


@dataclass(frozen=True)
class Curve:
    """One series of one drawing: how it looks, and its times."""

    group: str
    series: str
    stroke: Stroke
    times: ResponseTimes
    service: Counts = ()


@dataclass(frozen=True)
class Latency:
    """All that is drawn."""

    points: tuple[Point, ...]
    strokes: Mapping[tuple[str, str], Stroke]

    def rows(self) -> tuple[Mapping[str, Level | None], ...]:
        """The points as lines of `latency.csv`."""
        return tuple(asdict(point) for point in self.points)


def data(curves: Sequence[Curve]) -> Latency:
    """The points of every curve, as far as 5 requests lie beyond."""
    points: list[Point] = []
    for curve in curves:
        points += _response(curve)
        points += _service(curve)
    return Latency(tuple(points), {(c.group, c.series): c.stroke for c in curves})


def _response(curve: Curve) -> Iterator[Point]:
    """The percentiles that a table would have: numbers, and where there is none, lower bounds."""
    if curve.times.requests < 2 * BEYOND:
        return
    for one_in in _grid(curve.times.requests / BEYOND):
        lower, upper = curve.times.bounds_ms(1 - 1 / one_in)
        if lower is not None:
            what = MEASURED if lower == upper else BOUND
            yield Point(curve.group, curve.series, what, one_in, lower)


def _service(curve: Curve) -> Iterator[Point]:
    total = sum(count for _, count in curve.service)
    if total < 2 * BEYOND:
        return
    wanted = list(_grid(total / BEYOND))
    below = 0
    for ms, count in curve.service:
        below += count
        while wanted and below >= nearest_rank(total, 1 - 1 / wanted[0]):
            yield Point(curve.group, curve.series, SERVICE, wanted.pop(0), ms)


def _grid(most: float) -> Iterator[float]:
    index, value = 0, 1.0
    while value <= most:
        yield round(value, 4)
        index += 1
        value = 10 ** (index / PER_DECADE)


def draw(latency: Latency) -> str:
    """A drawing per group, side by side."""
    groups: dict[str, list[Point]] = {}
    for point in latency.points:
        groups.setdefault(point.group, []).append(point)
    figure, places = grid_of(len(groups), WIDTH, HEIGHT, ACROSS)
    pointed = ""
    for (group, points), (left, top) in zip(groups.items(), places, strict=True):
        axes = _axes(figure, points, left + LEFT, top + 44)
        _curves(axes, points, latency.strokes)
        pointed += at_places(axes, ((p.one_in, p.response_ms, _words(p)) for p in points))
        y_label(axes, "response time, ms")
        labels.title(axes, group, WIDE)
    return element(figure, ". ".join(_description(*group) for group in groups.items()), pointed)


def _words(point: Point) -> str:
    """What a point of a curve says when it is pointed at."""
    percentile = f"p{100 - 100 / point.one_in:.{4 if point.one_in < 1000 else 6}g}"
    least = "at least " if point.what == BOUND else ""
    of = "service time, " if point.what == SERVICE else ""
    return f"{point.series}: {of}{percentile} {least}{digits(point.response_ms)} ms"


def _axes(figure: Figure, points: Sequence[Point], left: float, top: float) -> Axes:
    values = [max(point.response_ms, 0.01) for point in points]
    most = max(10.0, *(point.one_in for point in points))
    axes = frame(figure, left, top, WIDE, HEIGHT - 92)
    log_x(axes, 1.0, most)
    log_y(axes, min(values) / 1.3, max(values) * 1.3)
    shown = {at: label for at, label in TICKS.items() if at <= most * 1.001}
    axes.set_xticks(list(shown), list(shown.values()))
    x_label(axes, "percentile")
    return axes


def _curves(axes: Axes, points: Sequence[Point], strokes: Mapping[tuple[str, str], Stroke]) -> None:
    lines: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        lines.setdefault((point.series, point.what), []).append(point)
    # what was measured lies on top of its bounds
    for (series, what), own in sorted(lines.items(), key=lambda item: WHATS.index(item[0][1])):
        stroke = strokes[own[0].group, series]
        curve = {MEASURED: stroke, SERVICE: replace(stroke, dash=0, width=1.0),
                BOUND: replace(stroke, thin=True)}[what]  # fmt: skip
        axes.plot([p.one_in for p in own], [p.response_ms for p in own], **curve.line())


TICKS = {1: "0", 2: "50", 10: "90", 100: "99", 1e3: "99.9", 1e4: "99.99", 1e5: "99.999"}
WHATS = (BOUND, SERVICE, MEASURED)


def _description(group: str, points: Sequence[Point]) -> str:
    parts = []
    for series in dict.fromkeys(point.series for point in points):
        own = [p for p in points if p.series == series and p.what == MEASURED]
        if own:
            last = own[-1]
            parts.append(f"{series} up to {last.response_ms:.4g} ms for one in {last.one_in:.4g}")
    return f"Response times of {group or 'all'}: " + ("; ".join(parts) or "too few answers")
