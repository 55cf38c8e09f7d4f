"""The study's figure as the page shows it: a drawing per route, from the points of `goodput.csv`.

Medians with their intervals joined by lines, trials as dots, invalid ones hollow and named, the
predicted ceiling as a thin line, failures in a band of their own. May not know sessions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.figures.goodput import Goodput
from analysis.figures.markup import Element
from analysis.figures.panels import Point, Series
from analysis.figures.svg import (
    COLOURS,
    Frame,
    Scale,
    around,
    box,
    dot,
    drawing,
    line,
    shape,
    short,
    through,
    words,
)
from rig.model import Verdict

WIDTH, HEIGHT, LEFT, RIGHT = 370.0, 330.0, 46.0, 14.0
TOP, HIGH, BAND_TOP, BAND_HIGH = 48.0, 160.0, 246.0, 42.0


NEAREST_TICKS = 0.1
"""Numbers nearer to each other than this share of the axis would overlap."""


def draw(goodput: Goodput) -> list[Element]:
    """A drawing per route."""
    return [_panel(goodput, name) for name in goodput.panels]


def legend(goodput: Goodput) -> list[tuple[str, str]]:
    """Class and name of each series that has a mark."""
    used = {point.series for point in goodput.points}
    return [(kind(s), s.label) for s in goodput.series if s.label in used]


def kind(series: Series) -> str:
    """The class that colours a series."""
    return f"c{series.colour % COLOURS} d{series.dash % 5}"


def _panel(goodput: Goodput, name: str) -> Element:
    points = [point for point in goodput.points if point.panel == name]
    series = [s for s in goodput.series if any(p.series == s.label for p in points)]
    drawn = ((p.goodput_rps, p.low_rps, p.high_rps, p.predicted_rps) for p in points)
    values = [value for of_point in drawn for value in of_point if value]
    x = _x(points)
    upper = Frame(x, around(values), LEFT, TOP, WIDTH - LEFT - RIGHT, HIGH)
    lower = Frame(x, Scale(0, 100), LEFT, BAND_TOP, WIDTH - LEFT - RIGHT, BAND_HIGH)
    made = [words(LEFT, 16, name or goodput.title, "title"), *upper.y_axis("goodput, answers/s")]
    made += [*lower.y_axis("failed, %", 2), *lower.x_axis(goodput.x_label, _ticks(points, x))]
    if not any(p.verdict == Verdict.VALID for p in points):
        made.append(words(WIDTH / 2, TOP + HIGH / 2, "no valid trial", "quiet", "middle"))
    for index, one in enumerate(series):
        own = [point for point in points if point.series == one.label]
        made += _series(upper, own, one, index, len(series))
        made += _failures(lower, own, one, index, len(series))
    return drawing(WIDTH, HEIGHT, _says(name, points), *made)


def _x(points: Sequence[Point]) -> Scale:
    levels = [point.x for point in points if point.x is not None] or [0.0]
    margin = 0.18 * (max(levels) - min(levels)) or 1.0
    return Scale(min(levels) - margin, max(levels) + margin)


def _ticks(points: Sequence[Point], x: Scale) -> list[tuple[float, str]]:
    levels = sorted({point.x for point in points if point.x is not None})
    apart = levels[:1]
    for level in levels[1:]:
        if x.share(level) - x.share(apart[-1]) > NEAREST_TICKS:
            apart.append(level)
    return [(level, short(level)) for level in apart]


def _place(frame: Frame, point: Point, index: int, of: int) -> float:
    """Its x in the frame's scale; side by side where no number varies."""
    span = frame.x.high - frame.x.low
    if point.x is None:
        return frame.x.low + span * (index + 0.5) / of
    # extra cells stand a little to the side, so that none hides another
    return point.x + span * 0.012 * (index - (of - 1) / 2)


def _series(
    frame: Frame, points: Sequence[Point], series: Series, index: int, of: int
) -> Iterator[Element]:
    look = f"c{series.colour % COLOURS}"
    # levels that a search came by stand after the YAML's own: a line goes from left to right
    points = sorted(points, key=lambda point: point.x or 0.0)
    medians = [p for p in points if p.what == "median" and p.goodput_rps]
    at = [frame.at(_place(frame, p, index, of), p.goodput_rps or 0.0) for p in medians]
    ceilings = [
        frame.at(_place(frame, p, index, of), p.predicted_rps)
        for p in points
        if p.what == "median" and p.predicted_rps
    ]
    yield through(ceilings, f"{look} thin")
    yield through(at, f"{kind(series)} line")
    for (x, y), point in zip(at, medians, strict=True):
        if point.low_rps and point.high_rps:
            _, low = frame.at(frame.x.low, point.low_rps)
            _, high = frame.at(frame.x.low, point.high_rps)
            yield line(x, low, x, high, f"{look} bar")
        yield marker((x, y), series, f"{series.label}: {short_rate(point)}")
    for point in points:
        if point.what != "trial":
            if point.goodput_rps is None:
                x, y = frame.at(_place(frame, point, index, of), frame.y.low)
                yield words(x, y - 4 - 11 * index, "< 2 successes", f"{look} own", "middle")
            continue
        yield from _trial(frame, point, look, _place(frame, point, index, of))


def marker(at: tuple[float, float], series: Series, says: str) -> Element:
    """A dot for the first series of a colour, other shapes for the rest."""
    x, y = at
    look = f"c{series.colour % COLOURS} dot"
    match series.dash % 4:
        case 0:
            return dot(at, 4, look, says)
        case 1:
            return shape([(x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y)], look, says)
        case 2:
            return shape([(x, y - 6), (x + 5.5, y + 4), (x - 5.5, y + 4)], look, says)
        case _:
            return box(x - 4, y - 4, 8, 8, look, says)


def _trial(frame: Frame, point: Point, look: str, place: float) -> Iterator[Element]:
    """A dot; where it does not count, a hollow one with its verdict."""
    if point.goodput_rps is None:
        return
    at = frame.at(place, point.goodput_rps)
    if point.verdict == Verdict.VALID:
        yield dot(at, 2.2, f"{look} faint", f"{point.trial}: {short_rate(point)}")
        return
    yield dot(at, 5, f"{look} hollow", f"{point.trial}: {point.verdict}, not counted")
    yield words(at[0], at[1] + 17, point.verdict, f"{look} own", "middle")


def _failures(
    frame: Frame, points: Sequence[Point], series: Series, index: int, of: int
) -> Iterator[Element]:
    look = f"c{series.colour % COLOURS}"
    levels = {point.x for point in points if point.x is not None}
    slot = frame.width / max(1, len(levels) if levels else of)
    width = min(22.0, 0.6 * slot / (of if levels else 1))
    counted = [p for p in points if p.what == "median"]
    has_median = {p.x for p in counted}
    alone = [p for p in points if p.what == "trial" and p.x not in has_median]
    for point in [*counted, *alone]:
        if not point.failure_share:
            continue
        percent = 100 * point.failure_share
        x, y = frame.at(
            point.x if point.x is not None else _place(frame, point, index, of), percent
        )
        x += (index - (of - 1) / 2) * width if levels else 0
        says = f"{series.label}: {percent:.3g} % failed, mostly {point.top_failure}"
        look_of = "fill" if point.verdict == Verdict.VALID else "hollow"
        foot = frame.top + frame.height
        yield box(x - width / 2, y, width * 0.9, foot - y, f"{look} {look_of}", says)
        said = f"{percent:.0f}" if percent >= 1 else "< 1"
        yield words(x, y - 2, said, f"{look} own", "middle")


def short_rate(point: Point) -> str:
    """A point's rate in words."""
    return f"{point.goodput_rps:.4g} answers/s" if point.goodput_rps is not None else "no rate"


def _says(name: str, points: Sequence[Point]) -> str:
    said = [
        f"{p.series} {f'at {p.x:g} ' if p.x is not None else ''}{short_rate(p)}"
        for p in points
        if p.what == "median"
    ]
    return f"Goodput of {name or 'all'}: " + ("; ".join(said) or "no valid trial")
