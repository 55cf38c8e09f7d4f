"""Percentile curves: response time against 1 ÷ (1 - q), both logarithmic, as HdrHistogram plots.

`data` takes histograms, `draw` draws just its points. May not know sessions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from analysis.figures.markup import Element
from analysis.figures.svg import Frame, Scale, drawing, through, words
from analysis.summaries.percentiles import BEYOND
from rig.model import Level

WIDTH, HEIGHT = 370.0, 260.0
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
    `bound`: with what was never answered, at its age."""
    one_in: float
    """1 ÷ (1 - q): one in so many took longer."""
    response_ms: float


COLUMNS = tuple(field.name for field in fields(Point))


@dataclass(frozen=True)
class Curve:
    """One series of one drawing: the answers, the ages of what was never answered, its class."""

    group: str
    series: str
    kind: str
    answers: Counts
    unanswered_ms: Sequence[float] = ()
    service: Counts = ()
    dropped_share: float = 0.0
    """Of the arrivals of an open load: the percentiles above are nobody's."""


@dataclass(frozen=True)
class Latency:
    """All that is drawn."""

    points: tuple[Point, ...]
    kinds: Mapping[tuple[str, str], str]

    def rows(self) -> tuple[Mapping[str, Level | None], ...]:
        """The points as lines of `latency.csv`."""
        return tuple(asdict(point) for point in self.points)


def data(curves: Sequence[Curve]) -> Latency:
    """The points of every curve, as far as 5 requests lie beyond."""
    points: list[Point] = []
    for curve in curves:
        points += _points(curve, MEASURED, curve.answers)
        points += _points(curve, SERVICE, curve.service)
        if curve.unanswered_ms:
            points += _points(curve, BOUND, joined(curve.answers, curve.unanswered_ms))
    return Latency(tuple(points), {(c.group, c.series): c.kind for c in curves})


def joined(answers: Counts, ages_ms: Sequence[float]) -> Counts:
    """Answers and, at their age, the requests that had none: a lower bound of their times."""
    return sorted([*answers, *((age, 1) for age in ages_ms)])


def _points(curve: Curve, what: str, counts: Counts) -> Iterator[Point]:
    total = sum(count for _, count in counts)
    if total < 2 * BEYOND:
        return
    most = 1 / curve.dropped_share if curve.dropped_share else math.inf
    wanted = list(_grid(min(total / BEYOND, most)))
    below = 0
    for ms, count in counts:
        below += count
        while wanted and below >= total * (1 - 1 / wanted[0]) and below > 0:
            yield Point(curve.group, curve.series, what, wanted.pop(0), ms)


def _grid(most: float) -> Iterator[float]:
    index, value = 0, 1.0
    while value <= most:
        yield round(value, 4)
        index += 1
        value = 10 ** (index / PER_DECADE)


def draw(latency: Latency) -> list[Element]:
    """A drawing per group."""
    return [_panel(latency, group) for group in dict.fromkeys(p.group for p in latency.points)]


def _panel(latency: Latency, group: str) -> Element:
    points = [point for point in latency.points if point.group == group]
    values = [max(point.response_ms, 0.01) for point in points]
    most = max(point.one_in for point in points)
    frame = Frame(
        Scale(1.0, max(10.0, most), log=True),
        Scale(min(values) / 1.3, max(values) * 1.3, log=True),
        *(50.0, 44.0, WIDTH - 64.0, HEIGHT - 92.0),
    )
    ticks = [(v, said) for v, said in TICKS if v <= frame.x.high * 1.001]
    made = [words(50, 16, group, "title"), *frame.y_axis("response time, ms")]
    made += frame.x_axis("percentile", ticks)
    for series in dict.fromkeys(point.series for point in points):
        for what in (BOUND, SERVICE, MEASURED):
            own = [p for p in points if p.series == series and p.what == what]
            kind = latency.kinds[group, series]
            colour = kind.split()[0]
            look = {
                MEASURED: f"{kind} line",
                SERVICE: f"{colour} line fine",
                BOUND: f"{colour} thin",
            }
            made.append(through((frame.at(p.one_in, p.response_ms) for p in own), look[what]))
    return drawing(WIDTH, HEIGHT, _says(group, points), *made)


TICKS = ((1, "0"), (2, "50"), (10, "90"), (100, "99"), (1e3, "99.9"), (1e4, "99.99"),
         (1e5, "99.999"))  # fmt: skip


def _says(group: str, points: Sequence[Point]) -> str:
    said = []
    for series in dict.fromkeys(point.series for point in points):
        own = [p for p in points if p.series == series and p.what == MEASURED]
        if own:
            last = own[-1]
            said.append(f"{series} up to {last.response_ms:.4g} ms for one in {last.one_in:.4g}")
    return f"Response times of {group or 'all'}: " + ("; ".join(said) or "too few answers")
