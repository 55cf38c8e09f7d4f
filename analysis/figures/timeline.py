"""One trial's load, second by second: answers, failures and users. Small, for there are many.

Drawn straight from the trial's own `completions.csv` and `seconds.csv`.
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis.figures.markup import Element
from analysis.figures.svg import Frame, Scale, drawing, from_zero, line, short, through, words
from analysis.summaries.timeline import Timeline

WIDTH, HEIGHT = 620.0, 150.0
MOST_POINTS = 400


def draw(timeline: Timeline, ramp_s: float, duration_s: float, says: str) -> Element:
    """Answers and failures per second on the left scale; users as a thin line on their own."""
    length = max(1, len(timeline.ok))
    step = -(-length // MOST_POINTS)
    rates = [_mean(timeline.ok, step), _mean(timeline.failed, step)]
    users = _mean(timeline.users, step)
    frame = Frame(Scale(0, length), from_zero([v for r in rates for v in r]), 46, 22, 530, 92)
    right = Frame(frame.x, from_zero(users), 46, 22, 530, 92)
    made = [*frame.y_axis("answers/s", 3), *frame.x_axis("seconds since the load began")]
    for at_s, said in ((ramp_s, "steady"), (duration_s, "end")):
        x, _ = frame.at(at_s, 0)
        made.append(line(x, 22, x, 114, "cross"))
        made.append(words(x - 3, 32, said, "quiet", "end"))
    made.append(through(_points(right, users, step), "c4 thin"))
    if any(timeline.failed):
        made.append(through(_points(frame, rates[1], step), "c3 line d2"))
    made.append(through(_points(frame, rates[0], step), "c1 line"))
    most = max(timeline.users, default=0)
    _, top = right.at(0, most)
    made.append(words(580, top + 4, f"{short(most)} users", "c4 own"))
    return drawing(WIDTH + 30, HEIGHT, says, *made)


def _mean(values: Sequence[int], step: int) -> list[float]:
    """Means of `step` seconds at a time."""
    return [
        sum(values[i : i + step]) / len(values[i : i + step]) for i in range(0, len(values), step)
    ]


def _points(frame: Frame, values: Sequence[float], step: int) -> list[tuple[float, float]]:
    return [frame.at((index + 0.5) * step, value) for index, value in enumerate(values)]
