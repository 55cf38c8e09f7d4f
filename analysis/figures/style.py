"""How figures look: one palette for matplotlib and the page, so that drawings follow its scheme.

matplotlib draws in the light colours; on a page a style sheet puts the scheme's in their place.
May not know what is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_LIGHT = {
    "paper": "#ffffff", "ink": "#1d1d1f", "quiet": "#5f6368", "grid": "#e2e2e0",
    "wash": "#f5f5f3", "link": "#0b57d0", "good": "#0a7a3d", "bad": "#b3261e", "open": "#855700",
    "c0": "#c8500a", "c1": "#0068ab", "c2": "#00805c", "c3": "#a8558a", "c4": "#7d6000",
    "c5": "#3c82ad",
}  # fmt: skip
"""Series after Okabe and Ito, darkened so that thin lines show on white."""
_DARK = {
    "paper": "#17181a", "ink": "#e8e8e6", "quiet": "#a4a7ab", "grid": "#36383b",
    "wash": "#222427", "link": "#8ab4f8", "good": "#6fd08c", "bad": "#ff8a80", "open": "#f3c15a",
    "c0": "#ff8f4a", "c1": "#5cb3f5", "c2": "#3fcf9f", "c3": "#e6a0cc", "c4": "#d9bd5a",
    "c5": "#9bd0ef",
}  # fmt: skip
PAPER, INK, QUIET, GRID = (_LIGHT[name] for name in ("paper", "ink", "quiet", "grid"))
COLOURS = tuple(_LIGHT[f"c{index}"] for index in range(6))
_NOT_DRAWN = {"wash", "link", "good", "bad", "open"}

DASHES: tuple[tuple[float, ...], ...] = ((), (7, 3), (2, 2), (7, 2, 2, 2), (12, 3))
THIN_DASH = (5.0, 3.0)
MARK: Any = {"color": QUIET, "linestyle": (0, (2, 3)), "linewidth": 1.0}
MARKERS = ("o", "D", "^", "s", "v")
SIGNS = "●◆▲■▼"
"""The same in words."""

TITLE, LABEL, SMALL = 13.0, 11.0, 10.0
"""Sizes of words, in px."""


def _variables(scheme: dict[str, str]) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in scheme.items())


def _stroke_dashes(dash: tuple[float, ...]) -> str:
    return f"stroke-dasharray:{' '.join(f'{length:g}' for length in dash)}"


FIGURE_STYLE = (
    f":root{{color-scheme:light dark;{_variables(_LIGHT)}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_variables(_DARK)}}}}}"
    f"@media print{{:root{{color-scheme:light;{_variables(_LIGHT)}}}}}"
    + "".join(
        f'[{of}="{colour}"]{{{of}:var(--{name})}}'
        for name, colour in _LIGHT.items()
        if name not in _NOT_DRAWN
        for of in ("fill", "stroke")
    )
    + "svg text{font-family:system-ui,sans-serif}"
    + ".at:hover{fill:var(--quiet);fill-opacity:.5}rect.at:hover{fill-opacity:.15}"
    + "".join(f".key.c{index}{{stroke:var(--c{index})}}" for index in range(len(COLOURS)))
    + "".join(f".key.d{i}{{{_stroke_dashes(dash)}}}" for i, dash in enumerate(DASHES) if dash)
    + f".key{{fill:none;stroke-width:2}}.key.thin{{stroke-width:1;{_stroke_dashes(THIN_DASH)}}}"
)
"""The colours as variables, and what makes drawings and keys of legends take them."""

SETTINGS: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": LABEL,
    "axes.axisbelow": True,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 1,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": GRID,
    "grid.linewidth": 1,
    "lines.scale_dashes": False,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": QUIET,
    "axes.labelpad": 3,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
}
# of this process alone, in which nothing else draws
mpl.rcParams.update(SETTINGS)


@dataclass(frozen=True)
class Stroke:
    """How a line looks: its places in the lists above. `thin`: what is not the measurement."""

    colour: int
    dash: int = 0
    thin: bool = False
    width: float = 2.0

    @property
    def hex(self) -> str:
        """Its colour."""
        return COLOURS[self.colour % len(COLOURS)]

    @property
    def key(self) -> str:
        """The classes of its key in a page's legend."""
        other = "thin" if self.thin else f"d{self.dash % len(DASHES)}"
        return f"c{self.colour % len(COLOURS)} {other}"

    def line(self) -> dict[str, Any]:
        """The same for matplotlib."""
        dash = THIN_DASH if self.thin else DASHES[self.dash % len(DASHES)]
        return {
            "color": self.hex,
            "linestyle": (0, dash) if dash else "-",
            "linewidth": 1.0 if self.thin else self.width,
            # whole, where it runs along an edge of its axes
            "clip_on": False,
        }


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in px, that belongs to no global state."""
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    figure.patch.set_visible(False)
    FigureCanvasAgg(figure)
    return figure
