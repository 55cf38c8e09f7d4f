"""Steps from one stack to another: what each step multiplies the goodput by.

`data` computes the shares, `draw` draws floating bars on a logarithmic axis. May not know cells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import labels
from analysis.figures.frame import frame, log_x, x_label
from analysis.figures.style import COLOURS, INK, MARK, new_figure
from analysis.figures.svg import element
from analysis.inference import Kind, PairRatio
from rig.model import Level, percent

WIDTH, LEFT, WIDE, ROW, EDGE = 640.0, 210.0, 320.0, 30.0, 76.0
MORE, LESS, FIRST = COLOURS[1], COLOURS[0], COLOURS[4]
NO_RATIO = PairRatio({}, None, None, None, Kind.NONE, 0)


@dataclass(frozen=True)
class Step:
    """A line of `waterfall.csv`."""

    group: str
    step: str
    goodput_rps: float | None
    ratio: float | None
    """To the step before that has a rate; None for the first, and without one."""
    low: float | None
    high: float | None
    """The bounds of `ratio` at 95 %, where it has any."""
    interval: str
    """Where they come from: between trials, within trial, none."""
    mind: str
    """Which side failed too many of its answers; or empty."""
    share: float | None
    """Of the log of the whole gap; shares add up to 1, and may be negative."""


COLUMNS = tuple(field.name for field in fields(Step))


def data(
    group: str, stages: Sequence[tuple[str, float | None, PairRatio | None]]
) -> tuple[Step, ...]:
    """The steps of one waterfall, from each stage's name, goodput (answers/s) and ratio."""
    logs = [math.log(pair.ratio) if pair and pair.ratio else None for _, _, pair in stages]
    whole = sum(log for log in logs if log is not None)
    steps = []
    for (name, rate, pair), log in zip(stages, logs, strict=True):
        share = log / whole if log is not None and abs(whole) > 1e-9 else None
        one = pair or NO_RATIO
        of_ratio = one.ratio, one.low, one.high, one.kind.value, one.failing
        steps.append(Step(group, name, rate, *of_ratio, share))
    return tuple(steps)


def rows(steps: Sequence[Step]) -> tuple[Mapping[str, Level | None], ...]:
    """The steps as lines of `waterfall.csv`."""
    return tuple(asdict(step) for step in steps)


def draw(waterfalls: Sequence[Sequence[Step]]) -> str:
    """The waterfalls, one below the other."""
    figure = new_figure(WIDTH, max(1.0, sum(EDGE + ROW * len(steps) for steps in waterfalls)))
    top = 0.0
    for steps in waterfalls:
        _draw(figure, steps, top)
        top += EDGE + ROW * len(steps)
    return element(figure, ". ".join(_description(steps) for steps in waterfalls))


def _draw(figure: Figure, steps: Sequence[Step], top: float) -> None:
    """One waterfall: a row per step, from above."""
    axes = frame(figure, LEFT, top + 34, WIDE, ROW * len(steps))
    rates = [step.goodput_rps for step in steps if step.goodput_rps]
    low = min(rates, default=1.0) / 1.5
    log_x(axes, low, max(rates, default=1.0) * 1.5)
    axes.set_ylim(len(steps), 0)
    axes.set_yticks([])
    x_label(axes, "goodput, answers/s · log scale")
    before = low
    for index, step in enumerate(steps):
        name = labels.write(axes, step.step, (0, index + 0.5), (-8, -4, "right"), color=INK,
                            xycoords=("axes fraction", "data"))  # fmt: skip
        labels.fit(name, LEFT - 10)
        before = _step(axes, step, index, before)
    title = labels.title(axes, steps[0].group if steps else "", WIDTH - 20, up=12)
    for line in title:
        line.set_position((10 - LEFT, 12))


def _step(axes: Axes, step: Step, row: int, before: float) -> float:
    """One bar from where the step before ended; where this one ends."""
    rate = step.goodput_rps
    if not rate:
        labels.write(axes, "no rate", (0, row + 0.5), (4, -4, "left"),
                     xycoords=("axes fraction", "data"))  # fmt: skip
        return before
    kind = FIRST if step.ratio is None else MORE if rate >= before else LESS
    left, right = min(before, rate), max(before, rate)
    axes.barh(row + 0.5, right - left, 0.6, left, color=kind, alpha=0.75)
    axes.plot([rate, rate], [row + 0.2, row + 1.2], **MARK)
    low, high = axes.get_xlim()
    ends = [min(high, max(low, end)) for end in _bounds(step)]
    if ends:
        axes.plot(ends, [row + 0.5] * 2, color=INK, linewidth=1)
    labels.write(axes, _label(step), (max((right, *ends)), row + 0.5), (6, -4, "left"))
    return rate


def _bounds(step: Step) -> tuple[float, ...]:
    """Where the bar would end, were the step's ratio at its bounds."""
    if not (step.goodput_rps and step.ratio and step.low and step.high):
        return ()
    return step.goodput_rps * step.low / step.ratio, step.goodput_rps * step.high / step.ratio


def _label(step: Step) -> str:
    if step.ratio is None:
        return f"{step.goodput_rps:.3g}/s"
    share = f", {percent(step.share)}" if step.share is not None else ""
    return f"×{step.ratio:.3g}{share}"


def _description(steps: Sequence[Step]) -> str:
    group = steps[0].group if steps else ""
    parts = [
        f"{s.step} {s.goodput_rps:.3g}/s" if s.goodput_rps else f"{s.step} no rate" for s in steps
    ]
    return f"Steps of {group}: " + "; ".join(parts)
