"""How figures look: colours that colour-blind people can tell apart, text that stays text.

May not know what is drawn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#8C6D00", "#56B4E9")
"""After Okabe and Ito, its yellow darkened so that thin lines show on white."""

MARKERS = ("o", "s", "^", "D", "v", "P", "*", "h")
DASHES = ("-", "--", ":", "-.")

INK, QUIET, GRID = "#222222", "#6b6b6b", "#e4e4e4"

PNG_DPI = 160

SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "analysis",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": "#9a9a9a",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}


def settings() -> Any:
    """A context in which figures are made and saved."""
    return mpl.rc_context(SETTINGS)


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure that belongs to no global state."""
    figure = Figure(figsize=(width_in, height_in), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, svg: Path, png: Path) -> None:
    """Both files; the same data yields the same SVG."""
    figure.savefig(svg, format="svg", metadata={"Date": None})
    figure.savefig(png, format="png", dpi=PNG_DPI)
