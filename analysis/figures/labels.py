"""Words on a figure, each where it lies on nothing that is drawn and on no other words.

May not know what is drawn.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Affine2D, Bbox

from analysis.figures import style
from rig.model import printable

GAP = 3.0
"""Px between words on one line."""
BESIDE = (46.0, 14.0)
"""Px to the left and right of axes that are still theirs; on the left only above their numbers."""
Offset = tuple[float, float, str]
"""Px to the right, px up, and which side of the words stands there: `left`, `center`, `right`."""

ABOVE: tuple[Offset, ...] = tuple(
    (right, up, side) for up in (4.0, 21.0, 34.0) for right, side in ((0.0, "right"), (0.0, "left"))
)
"""Above a line that stands on its own, beside its upper end."""


def write(
    axes: Axes, words: str, at: tuple[float, float], offset: Offset, **properties: Any
) -> Annotation:
    """Words at a place in the axes' own numbers; `xycoords` for another system."""
    across, up, side = offset
    properties = {"size": style.LABEL, "color": style.QUIET, **properties}
    return axes.annotate(printable(words), at, xytext=(across, up), ha=side,
                         textcoords="offset points", annotation_clip=False,
                         **properties)  # fmt: skip


class Labels:
    """The words of one pair of axes. `taken`: where more words stand already."""

    def __init__(self, axes: Axes, taken: Iterable[Text] = ()) -> None:
        self._axes = axes
        self._taken = [text.get_window_extent() for text in taken]
        self._drawn = list(drawn(axes))

    def place(
        self, words: str, at: tuple[float, float], offsets: Iterable[Offset], **properties: Any
    ) -> Annotation | None:
        """Words at the first of these offsets that is free; none where none is."""
        label = write(self._axes, words, at, (0, 0, "left"), **properties)
        for across, up, side in offsets:
            label.set_position((across, up))
            label.set_horizontalalignment(side)  # type: ignore[arg-type]
            box = label.get_window_extent()
            if self._free(box):
                self._taken.append(box)
                return label
        label.remove()
        return None

    def _free(self, box: Bbox) -> bool:
        box = box.padded(GAP, 0)
        own, top = self._axes.bbox, self._axes.figure.bbox.y1
        left = own.x0 - (BESIDE[0] if box.y0 > own.y1 else 0)
        inside = box.x0 >= left and box.x1 <= own.x1 + BESIDE[1] and box.y1 <= top
        return (
            inside
            and not any(box.overlaps(other) for other in self._taken)
            and not any(path.intersects_bbox(box, filled=filled) for path, filled in self._drawn)
        )


def marks(axes: Axes, marks: Iterable[tuple[float, str]], taken: Iterable[Text] = ()) -> None:
    """An upright line at each of these places, its words above it."""
    above = Labels(axes, taken)
    for x, words in marks:
        line(axes, x)
        above.place(words, (x, 1), ABOVE, xycoords=("data", "axes fraction"))


def line(axes: Axes, x: float) -> None:
    """An upright line at a place that matters."""
    axes.plot([x, x], [0, 1], transform=axes.get_xaxis_transform(), **style.MARK)


def drawn(axes: Axes) -> Iterator[tuple[Path, bool]]:
    """Every line, mark and bar of these axes in px, and whether it is a surface."""
    for line in axes.lines:
        path = line.get_transform().transform_path(line.get_path())
        if np.size(path.vertices) and line.get_linestyle() != "None":
            yield path, False
        if line.get_marker() not in ("None", None, ""):
            yield from _marks(line, path)
    for patch in axes.patches:
        yield patch.get_transform().transform_path(patch.get_path()), True


def _marks(line: Line2D, path: Path) -> Iterator[tuple[Path, bool]]:
    size = line.get_markersize()
    for place in np.asarray(path.vertices, dtype=float):
        corner = Affine2D().scale(size).translate(*(place - size / 2))
        yield Path.unit_rectangle().transformed(corner), True


def fit(text: Text, width: float) -> Text:
    """Cuts the end of words that are wider than this, in px."""
    words = text.get_text()
    while words and (wide := text.get_window_extent().width) > width:
        words = words[: min(len(words) - 1, int(len(words) * width / wide))]
        text.set_text(words.rstrip() + "…")
    return text


def title(axes: Axes, words: str, width: float, lines: int = 1, up: float = 22.0) -> list[Text]:
    """The title of these axes, px above them, in as many lines at most."""
    signs = int(width / (0.62 * style.TITLE))
    found = textwrap.wrap(printable(words), signs) or [""]
    kept = [*found[: lines - 1], " ".join(found[lines - 1 :])]
    properties: dict[str, Any] = {"size": style.TITLE, "weight": 600, "color": style.INK}
    properties["xycoords"] = "axes fraction"
    return [
        fit(write(axes, line, (0, 1), (0, up + 14 * above, "left"), **properties), width)
        for above, line in enumerate(reversed(kept))
    ]
