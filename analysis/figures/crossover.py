"""Where one level overtakes another: ratios of pairs of trials along a factor, and the crossing.

`data` lists the points, `draw` draws just them. May not know sessions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.figures.markup import Element
from analysis.figures.svg import Frame, Scale, box, dot, drawing, line, words
from analysis.inference import Crossover
from rig.model import Level

WIDTH, HEIGHT = 370.0, 250.0
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


def draw(drawn: Drawn) -> Element:
    """One drawing: ratios on a logarithmic scale, 1 as a line, the interval as a band."""
    found = drawn.crossover
    ratios = [math.exp(point.log_ratio) for point in found.points] or [1.0]
    low, high = drawn.between
    margin = 0.05 * (high - low) or 1.0
    frame = Frame(
        Scale(low - margin, high + margin),
        Scale(min(*ratios, 1.0) / 1.3, max(*ratios, 1.0) * 1.3, log=True),
        *(50.0, 44.0, WIDTH - 64.0, HEIGHT - 92.0),
    )
    made = [words(50, 16, drawn.group, "title"), *frame.y_axis("ratio"), *frame.x_axis(drawn.along)]
    if found.low is not None and found.high is not None:
        left, _ = frame.at(found.low, 1)
        right, _ = frame.at(found.high, 1)
        made.append(box(left, 44, max(1.0, right - left), frame.height, "c4 band"))
    _, one = frame.at(low, 1.0)
    made.append(line(frame.left, one, frame.left + frame.width, one, "axis"))
    if found.at is not None:
        at, _ = frame.at(found.at, 1)
        made.append(line(at, 44, at, 44 + frame.height, "cross"))
    for point, ratio in zip(found.points, ratios, strict=False):
        says = f"{ratio:.3g} at {point.at:g}"
        made.append(dot(frame.at(point.at, ratio), 3.5, "c1 dot", says))
    return drawing(WIDTH, HEIGHT, says_of(drawn), *made)


def says_of(drawn: Drawn) -> str:
    """The crossing in words."""
    found = drawn.crossover
    if found.at is None:
        return f"{drawn.group}: {found.why}"
    return f"{drawn.group}: crossing at {found.at:.3g}"


def rows(drawn: Sequence[Drawn]) -> list[Mapping[str, Level | None]]:
    """The lines of `crossover.csv`."""
    return [row for one in drawn for row in one.rows()]
