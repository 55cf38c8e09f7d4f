"""Drawing primitives for figures inside a page: scales, frames, lines, marks.

Colours are classes, so that a figure follows the page's light or dark scheme. May not know
what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.figures.markup import Element, Node, el, write

_LIGHT = (
    "--paper:#fff;--ink:#1d1d1f;--quiet:#5f6368;--grid:#e2e2e0;--wash:#f5f5f3;--link:#0b57d0;"
    "--good:#0a7a3d;--bad:#b3261e;--open:#855700;--c0:#c8500a;--c1:#0068ab;--c2:#00805c;"
    "--c3:#a8558a;--c4:#7d6000;--c5:#3c82ad"
)
_DARK = (
    "--paper:#17181a;--ink:#e8e8e6;--quiet:#a4a7ab;--grid:#36383b;--wash:#222427;--link:#8ab4f8;"
    "--good:#6fd08c;--bad:#ff8a80;--open:#f3c15a;--c0:#ff8f4a;--c1:#5cb3f5;--c2:#3fcf9f;"
    "--c3:#e6a0cc;--c4:#d9bd5a;--c5:#9bd0ef"
)
COLOURS = 6

FIGURE_STYLE = (
    f":root{{color-scheme:light dark;{_LIGHT}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}"
    f"@media print{{:root{{color-scheme:light;{_LIGHT}}}}}"
    + "".join(f".c{i}{{--c:var(--c{i})}}" for i in range(COLOURS))
    + "svg text{fill:var(--ink);font:12px system-ui,sans-serif}"
    "svg text.quiet{fill:var(--quiet);font-size:11px}svg text.title{font-weight:600;font-size:13px}"
    "svg text.halo{paint-order:stroke;stroke:var(--paper);stroke-width:3px}"
    "svg text.own{fill:var(--c);font-size:11px}"
    ".axis{stroke:var(--quiet)}.gridline{stroke:var(--grid)}.cross{stroke:var(--quiet);"
    "stroke-dasharray:2 3}"
    ".line,.key{fill:none;stroke:var(--c);stroke-width:2}.fine{stroke-width:1}.thin{fill:none;stroke:var(--c);"
    "stroke-dasharray:5 3}.d1{stroke-dasharray:7 3}.d2{stroke-dasharray:2 2}"
    ".d3{stroke-dasharray:7 2 2 2}.d4{stroke-dasharray:12 3}"
    ".bar{stroke:var(--c);stroke-width:1.5}.dot{fill:var(--c)}.faint{fill:var(--c);opacity:.55}"
    ".hollow{fill:var(--paper);stroke:var(--c);stroke-width:1.5}.fill{fill:var(--c);opacity:.75}"
    ".band{fill:var(--c);opacity:.25}"
)


@dataclass(frozen=True)
class Scale:
    """Where a number stands between two others, as a share of the way; `log` for ratios."""

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """0 at `low`, 1 at `high`; kept within."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            value = math.log(max(value, self.low))
        else:
            low, high = self.low, self.high
        return min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.5

    def ticks(self, most: int = 6) -> tuple[float, ...]:
        """Round numbers inside, at most about `most`."""
        return _log_ticks(self, most) if self.log else _even_ticks(self, most)


def _even_ticks(scale: Scale, most: int) -> tuple[float, ...]:
    span = scale.high - scale.low
    if span <= 0:
        return (scale.low,)
    size = 10.0 ** math.floor(math.log10(span / most))
    step = next(size * by for by in (1, 2, 2.5, 5, 10, 20) if span / (size * by) <= most)
    first = math.ceil(scale.low / step - 1e-9)
    last = math.floor(scale.high / step + 1e-9)
    return tuple(round(index * step, 10) for index in range(first, last + 1))


def _log_ticks(scale: Scale, most: int) -> tuple[float, ...]:
    decades = range(math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        inside = [tick for tick in ticks if scale.low * 0.999 <= tick <= scale.high * 1.001]
        if len(inside) <= most + 1:
            return tuple(inside)
    return tuple(inside[:: -(-len(inside) // most)])


def from_zero(values: Iterable[float]) -> Scale:
    """From 0 to a little above the largest."""
    return Scale(0.0, 1.12 * max((v for v in values if v > 0), default=1.0))


def around(values: Iterable[float], log_from: float = 10.0) -> Scale:
    """From 0, or logarithmic where the values span more than a factor of `log_from`."""
    there = [value for value in values if value > 0]
    if there and max(there) > log_from * min(there):
        return Scale(min(there) / 1.6, max(there) * 1.6, log=True)
    return from_zero(there)


@dataclass(frozen=True)
class Frame:
    """A rectangle with two scales on a drawing; all measures in px of the drawing."""

    x: Scale
    y: Scale
    left: float
    top: float
    width: float
    height: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a pair of numbers stands."""
        across = self.left + self.width * self.x.share(x)
        return across, self.top + self.height * (1 - self.y.share(y))

    def y_axis(self, label: str = "", most: int = 5) -> list[Element]:
        """Lines across at round numbers, each with its number, and the label above."""
        made: list[Element] = []
        for tick in self.y.ticks(most):
            _, y = self.at(self.x.low, tick)
            made.append(line(self.left, y, self.left + self.width, y, "gridline"))
            made.append(words(self.left - 5, y + 4, short(tick), "quiet", "end"))
        said = label + (" · log scale" if self.y.log and label else "")
        return [*made, *([words(self.left, self.top - 7, said, "quiet")] if label else [])]

    def x_axis(
        self, label: str = "", ticks: Sequence[tuple[float, str]] | None = None
    ) -> list[Element]:
        """The lower edge with its numbers, and the label below."""
        foot = self.top + self.height
        made = [line(self.left, foot, self.left + self.width, foot, "axis")]
        if ticks is None:
            ticks = [(tick, short(tick)) for tick in self.x.ticks()]
        for value, said in ticks:
            x, _ = self.at(value, self.y.low)
            made.append(line(x, foot, x, foot + 4, "axis"))
            made.append(words(x, foot + 16, said, "quiet", "middle"))
        middle = self.left + self.width / 2
        return [*made, *([words(middle, foot + 31, label, "quiet", "middle")] if label else [])]


def drawing(width: float, height: float, says: str, *children: Node) -> Element:
    """A whole drawing; `says` is what it shows, for who cannot see it."""
    return el(
        "svg",
        el("title", says),
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=says,
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Element:
    """A straight line."""
    return el("line", x1=px(x1), y1=px(y1), x2=px(x2), y2=px(y2), class_=kind)


def words(x: float, y: float, said: str, kind: str = "", anchor: str = "start") -> Element:
    """Text at a place."""
    return el("text", said, x=px(x), y=px(y), class_=kind or None,
              text_anchor=None if anchor == "start" else anchor)  # fmt: skip


def through(points: Iterable[tuple[float, float]], kind: str) -> Element:
    """A line through points."""
    return el("polyline", points=" ".join(f"{px(x)},{px(y)}" for x, y in points), class_=kind)


def dot(at: tuple[float, float], radius: float, kind: str, says: str = "") -> Element:
    """A round mark; `says` shows when pointed at."""
    title = el("title", says) if says else None
    return el("circle", title, cx=px(at[0]), cy=px(at[1]), r=px(radius), class_=kind)


def shape(points: Iterable[tuple[float, float]], kind: str, says: str = "") -> Element:
    """A filled shape; `says` shows when pointed at."""
    title = el("title", says) if says else None
    corners = " ".join(f"{px(x)},{px(y)}" for x, y in points)
    return el("polygon", title, points=corners, class_=kind)


def box(x: float, y: float, width: float, height: float, kind: str, says: str = "") -> Element:
    """A rectangle; `says` shows when pointed at."""
    title = el("title", says) if says else None
    return el("rect", title, x=px(x), y=px(y), width=px(max(0.0, width)),
              height=px(max(0.0, height)), class_=kind)  # fmt: skip


def px(value: float) -> str:
    """A length as it stands in an attribute."""
    return f"{value:.1f}".removesuffix(".0")


def short(value: float) -> str:
    """A tick's number, never in powers of ten: `1500`, `0.25`, `20k`."""
    if abs(value) >= 10_000 and value % 100 == 0:
        return f"{value / 1_000_000:g}M" if abs(value) >= 1_000_000 else f"{value / 1000:g}k"
    return f"{value:.10f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:.10g}"


def arranged(drawings: Sequence[Element], columns: int = 3) -> str:
    """Drawings side by side, in rows of `columns`, as one complete `<svg>` element."""
    boxes = [dict(one.attributes)["viewBox"].split()[2:] for one in drawings]
    wide = max((float(box[0]) for box in boxes), default=1.0)
    high = max((float(box[1]) for box in boxes), default=1.0)
    placed = []
    for index, (one, (width, height)) in enumerate(zip(drawings, boxes, strict=True)):
        kept = {n.replace("-", "_"): v for n, v in one.attributes if n != "class"}
        at = {"x": px(wide * (index % columns)), "y": px(high * (index // columns))}
        placed.append(el("svg", *one.children, **kept, **at, width=width, height=height))
    across, down = min(columns, len(placed)) or 1, math.ceil(len(placed) / columns) or 1
    size = {"width": px(wide * across), "height": px(high * down)}
    whole = el("svg", *placed, xmlns="http://www.w3.org/2000/svg", **size,
               viewBox=f"0 0 {size['width']} {size['height']}")  # fmt: skip
    return write(whole)


def standalone(svg: str) -> str:
    """A complete `<svg>` element as a file of its own, with its own colours."""
    start, end = svg.split(">", 1)
    paper = el("rect", width="100%", height="100%", fill="var(--paper)")
    return f"{start}>{write(el('style', FIGURE_STYLE))}{write(paper)}{end}\n"
