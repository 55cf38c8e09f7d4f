"""A ladder of steps from one stack to another: what each step multiplies the goodput by.

`data` computes the shares, `draw` draws floating bars on a logarithmic axis. May not know cells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from analysis.figures.markup import Element
from analysis.figures.svg import Frame, Scale, box, drawing, line, words
from analysis.inference import Kind, PairRatio
from rig.model import Level

WIDTH, LEFT, ROW = 640.0, 210.0, 30.0
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
    group: str, rungs: Sequence[tuple[str, float | None, PairRatio | None]]
) -> tuple[Step, ...]:
    """The steps of one ladder, from each rung's name, goodput (answers/s) and ratio."""
    logs = [math.log(pair.ratio) if pair and pair.ratio else None for _, _, pair in rungs]
    whole = sum(log for log in logs if log is not None)
    steps = []
    for (name, rate, pair), log in zip(rungs, logs, strict=True):
        share = log / whole if log is not None and abs(whole) > 1e-9 else None
        one = pair or NO_RATIO
        of_ratio = one.ratio, one.low, one.high, one.kind.value, one.failing
        steps.append(Step(group, name, rate, *of_ratio, share))
    return tuple(steps)


def rows(steps: Sequence[Step]) -> tuple[Mapping[str, Level | None], ...]:
    """The steps as lines of `waterfall.csv`."""
    return tuple(asdict(step) for step in steps)


def draw(steps: Sequence[Step]) -> Element:
    """One ladder."""
    rates = [step.goodput_rps for step in steps if step.goodput_rps]
    high, low = max(rates, default=1.0) * 1.5, min(rates, default=1.0) / 1.5
    height = 70 + ROW * len(steps)
    frame = Frame(Scale(low, high, log=True), Scale(0, 1), LEFT, 34.0, WIDTH - LEFT - 110,
                  ROW * len(steps))  # fmt: skip
    group = steps[0].group if steps else ""
    made = [words(10, 18, group, "title"), *frame.x_axis("goodput, answers/s · log scale")]
    before = low
    for index, step in enumerate(steps):
        y = 34 + ROW * index
        made.append(words(LEFT - 8, y + 19, step.step, "", "end"))
        if not step.goodput_rps:
            made.append(words(LEFT + 4, y + 19, "no rate", "quiet"))
            continue
        x, _ = frame.at(step.goodput_rps, 0)
        start, _ = frame.at(before, 0)
        kind = "c1 fill" if step.goodput_rps >= before else "c0 fill"
        kind = "c4 fill" if step.ratio is None else kind
        made.append(box(min(x, start), y + 6, max(2.0, abs(x - start)), ROW - 12, kind))
        made.append(line(x, y + 6, x, y + ROW + 6, "cross"))
        ends = _bounds(step, frame)
        if ends:
            made.append(line(ends[0], y + ROW / 2, ends[1], y + ROW / 2, "axis"))
        label_x = max(x, start, *ends) + 6
        made.append(words(label_x, y + 19, _label(step), "quiet"))
        before = step.goodput_rps
    return drawing(WIDTH, height, _says(group, steps), *made)


def _bounds(step: Step, frame: Frame) -> tuple[float, ...]:
    """Where the bar would end, were the step's ratio at its bounds."""
    if not (step.goodput_rps and step.ratio and step.low and step.high):
        return ()
    return tuple(frame.at(step.goodput_rps * at / step.ratio, 0)[0] for at in (step.low, step.high))


def _label(step: Step) -> str:
    if step.ratio is None:
        return f"{step.goodput_rps:.3g}/s"
    share = f", {round(100 * step.share)} %" if step.share is not None else ""
    return f"×{step.ratio:.3g}{share}"


def _says(group: str, steps: Sequence[Step]) -> str:
    said = [
        f"{s.step} {s.goodput_rps:.3g}/s" if s.goodput_rps else f"{s.step} no rate" for s in steps
    ]
    return f"Steps of {group}: " + "; ".join(said)
