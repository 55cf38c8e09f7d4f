"""One trial's load, second by second: answers, failures and users. Small, for there are many.

Drawn straight from the trial's own `completions.csv` and `seconds.csv`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import labels
from analysis.figures.frame import frame, short, x_label, y_label
from analysis.figures.style import Stroke, new_figure
from analysis.figures.svg import bands, element
from analysis.summaries.timeline import Timeline
from rig.model import digits

WIDTH, HEIGHT = 650.0, 162.0
MOST_POINTS, MOST_STRETCHES = 400, 40
OK, FAILED, USERS = Stroke(1), Stroke(3, 2), Stroke(4, thin=True)
LINES = (USERS, FAILED, OK)
LEGEND = ((OK.key, "correct"), (FAILED.key, "failed"), (USERS.key, "users"))


@functools.cache
def _empty() -> tuple[Figure, Axes]:
    """The same for every trial, for there are many: its axes and empty lines."""
    figure = new_figure(WIDTH, HEIGHT)
    axes = frame(figure, 46, 36, 510, 90, ticks=3)
    x_label(axes, "seconds since the load began")
    for stroke in LINES:
        axes.plot([], [], **stroke.line())
    return figure, axes


def draw(timeline: Timeline, ramp_s: float, duration_s: float, description: str) -> str:
    """Answers and failures per second on the left scale; users as a thin line on their own."""
    figure, axes = _empty()
    for artist in (*axes.lines[len(LINES) :], *axes.texts):
        artist.remove()
    length = max(1, len(timeline.ok))
    step = -(-length // MOST_POINTS)
    ok, failed, users = (_mean(of, step) for of in (timeline.ok, timeline.failed, timeline.users))
    most = max([*ok, *failed]) or 1.0
    most_users = max(timeline.users, default=0)
    axes.set_xlim(0, length)
    axes.set_ylim(0, 1.12 * most)
    at = [(index + 0.5) * step for index in range(len(ok))]
    scaled = [most * of / (most_users or 1) for of in users]
    for line, values in zip(axes.lines, (scaled, failed, ok), strict=False):
        line.set_data(at, values)
        line.set_visible(any(values))
    marks = ((min(ramp_s, length), "steady"), (min(duration_s, length), "end"))
    labels.marks(axes, marks, taken=[y_label(axes, "answers/s")])
    labels.write(axes, f"{short(most_users)} users", (length, most if most_users else 0),
                 (6, -4, "left"), color=USERS.hex)  # fmt: skip
    return element(figure, description, bands(axes, _stretches(timeline)))


def _stretches(timeline: Timeline) -> Iterator[tuple[float, float, str]]:
    """Stretches of whole seconds, and what they say when they are pointed at."""
    length = len(timeline.ok)
    step = max(1, -(-length // MOST_STRETCHES))
    for start in range(0, length, step):
        end = min(start + step, length)
        ok, failed, users = (
            sum(of[start:end]) / (end - start)
            for of in (timeline.ok, timeline.failed, timeline.users)
        )
        rates = f"{digits(ok)} correct/s, {digits(failed)} failed/s, {digits(users)} users"
        yield start, end, f"{start} to {end} s: {rates}"


def _mean(values: Sequence[int], step: int) -> list[float]:
    """Means of `step` seconds at a time."""
    return [
        sum(values[i : i + step]) / len(values[i : i + step]) for i in range(0, len(values), step)
    ]
