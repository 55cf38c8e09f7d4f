"""From a matplotlib figure to an `<svg>` element that a page can hold, and to a file of its own.

A page allows no style but its own sheet: what matplotlib says in `style` becomes attributes.
May not know what is drawn.
"""

from __future__ import annotations

import functools
import html
import io
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import FIGURE_STYLE, PAPER
from rig.model import printable

POINT_PX = 6
"""How near to a point a pointer has to come."""
_HOVER = "hover:"
_TAG = re.compile(r"<[a-zA-Z][^>]*>")
_GROUP = re.compile(r'<g id="([^"]*)"')
_STYLE = re.compile(r' style="([^"]*)"')
_DIGITS = re.compile(r"(?<=\.\d\d)\d+")
_NOT_TURNED = re.compile(r' transform="rotate\(-0 [^"]*"')


def hover(artist: Artist, words: str) -> None:
    """Words that show when an artist is pointed at."""
    artist.set_gid(_HOVER + quote(printable(words)))


def points(axes: Axes, marks: Iterable[tuple[float, float, str]]) -> str:
    """Places that show words when they are pointed at: (x, y, words) in the axes' own values.

    Markup for `element`, which costs a hundredth of an artist each.
    """
    high = axes.figure.bbox.height
    found = [(*axes.transData.transform((x, y)), words) for x, y, words in marks]
    return "".join(
        f'<circle class="at" cx="{x:.1f}" cy="{high - y:.1f}" r="{POINT_PX}">'
        f"{_title(words)}</circle>"
        for x, y, words in found
    )


def bands(axes: Axes, stretches: Iterable[tuple[float, float, str]]) -> str:
    """The same for stretches of the axis across, over the axes' whole height: (from, to, words)."""
    box, high = axes.bbox, axes.figure.bbox.height
    found = [
        (axes.transData.transform((start, 0))[0], axes.transData.transform((end, 0))[0], words)
        for start, end, words in stretches
    ]
    return "".join(
        f'<rect class="at" x="{left:.1f}" y="{high - box.y1:.1f}" width="{right - left:.1f}"'
        f' height="{box.height:.1f}">{_title(words)}</rect>'
        for left, right, words in found
    )


def _title(words: str) -> str:
    return f"<title>{html.escape(printable(words))}</title>"


def element(figure: Figure, description: str, pointed: str = "") -> str:
    """A whole drawing; `description` is what it shows, for who cannot see it.

    `pointed`: what lies over it to be pointed at, of `points` and `bands`.
    """
    escaped = html.escape(printable(description))
    # names of what a drawing refers to inside itself: a page holds many drawings
    mpl.rcParams["svg.hashsalt"] = escaped
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    _, body = out.getvalue().split("</defs>", 1)
    size = f'width="{figure.bbox.width:g}" height="{figure.bbox.height:g}"'
    # where no style sheet is read it stays unseen
    over = f'<g fill-opacity="0">{pointed}</g>' if pointed else ""
    drawing = _TAG.sub(_tag, body).strip().removesuffix("</svg>")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {size}'
        f' viewBox="0 0 {figure.bbox.width:g} {figure.bbox.height:g}" role="img"'
        f' aria-label="{escaped}" stroke-linejoin="round"><title>{escaped}</title>'
        f"{drawing}{over}</svg>"
    )


def _tag(found: re.Match[str]) -> str:
    tag, title = found[0], ""
    group = _GROUP.match(tag)
    if group:
        tag = f"<g{tag[group.end() :]}"
        if group[1].startswith(_HOVER):
            title = _title(unquote(group[1].removeprefix(_HOVER)))
    tag = _NOT_TURNED.sub("", _STYLE.sub(_attributes, tag))
    return _DIGITS.sub("", " ".join(tag.split())) + title


def _attributes(style: re.Match[str]) -> str:
    return _attributes_of(style[1])


@functools.cache
def _attributes_of(style: str) -> str:
    pairs = [pair.split(": ", 1) for pair in style.split("; ")]
    # the page has fonts of its own
    return "".join(f' {name}="{value}"' for name, value in pairs if name != "font-family")


def standalone(svg: str) -> str:
    """A complete `<svg>` element as a file of its own, with its own colours."""
    start, end = svg.split(">", 1)
    paper = f'<rect width="100%" height="100%" fill="{PAPER}"/>'
    return f"{start}><style>{FIGURE_STYLE}</style>{paper}{end}\n"
