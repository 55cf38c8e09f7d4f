"""One trial at the connection cap: counts above, rates below, on one time axis.

`data` lines the series up by second, `draw` draws just them. May not know sessions.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.figures.markup import Element
from analysis.figures.svg import Frame, Scale, drawing, from_zero, line, through, words
from rig.model import Level

WIDTH, HEIGHT = 470.0, 310.0

COUNTS: Mapping[str, str] = {
    "users": "c4 thin",
    "in_flight": "c1 line",
    "postgres_sessions": "c2 line d1",
    "waiting": "c3 line d2",
}
RATES: Mapping[str, str] = {"ok_rps": "c1 line", "refused_rps": "c0 line d1"}
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


def draw(cap: Cap) -> Element:
    """Both frames of one trial."""
    ends = [second for points in cap.series.values() for second, _ in points]
    x = Scale(0.0, max(ends, default=1.0))
    upper = Frame(x, _scale(cap, COUNTS), 50, 44, WIDTH - 64, 120)
    lower = Frame(x, _scale(cap, RATES), 50, 196, WIDTH - 64, 80)
    lines = textwrap.wrap(cap.title, 58)[:2]
    made = [words(50, 13 + 14 * i, text, "title") for i, text in enumerate(lines)]
    made += [*upper.y_axis("how many"), *upper.x_axis(ticks=())]
    made += [*lower.y_axis("per second", 3), *lower.x_axis("seconds since the load began")]
    labels = []  # above the curves
    for index, (second, said) in enumerate(cap.marks):
        at, _ = upper.at(second, 0)
        made.append(line(at, 44, at, 276, "cross"))
        end = second > 0.6 * x.high
        labels.append(words(at + (-3 if end else 3), 158 - 13 * (index % 4), said, "quiet halo",
                            "end" if end else "start"))  # fmt: skip
    for frame, kinds in ((upper, COUNTS), (lower, RATES)):
        for name, kind in kinds.items():
            points = cap.series.get(name, ())
            if any(value for _, value in points):
                made.append(through((frame.at(s, v) for s, v in points), kind))
    return drawing(WIDTH, HEIGHT, _says(cap), *made, *labels)


def _scale(cap: Cap, kinds: Mapping[str, str]) -> Scale:
    return from_zero([value for name in kinds for _, value in cap.series.get(name, ())])


def _says(cap: Cap) -> str:
    said = [
        f"{NAMES[name]} up to {max(value for _, value in points):.4g}"
        for name, points in cap.series.items()
        if points
    ]
    marks = [f"{words} at {second:.0f} s" for second, words in cap.marks]
    return f"{cap.title}: " + "; ".join([*said, *marks])
