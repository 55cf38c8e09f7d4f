"""A drawing as a page holds it: text stays text, nothing runs, its names are its own."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from analysis.figures import labels, style, timeline
from analysis.figures.frame import frame, grid_of
from analysis.figures.svg import bands, element, hover, points, standalone
from analysis.report import report
from analysis.summaries.timeline import Timeline
from rig.model import printable
from tests.hostile import strings
from tests.shares import every

GOLDEN = Path(__file__).parents[3] / "golden" / "session-v2"
REFERENCE = re.compile(r'href="#([^"]+)"|url\(#([^)]+)\)')
TEXTS = [text.replace("\ud800", "") for text in strings("http://127.0.0.1:9/")]


def drawn(words: str) -> str:
    figure, _ = grid_of(1, 400, 200, 1)
    axes = frame(figure, 50, 50, 300, 100)
    (line,) = axes.plot([0, 1], [1, 2], marker="o", **style.Stroke(1, 1).line())
    hover(line, words)
    labels.write(axes, words, (0, 1), (0, 0, "left"))
    return element(figure, words)


@pytest.mark.parametrize(
    "words", every(3, ['a" style="x: y" <g id="hover: z">', *TEXTS, "🙂 中 $x_2$"])
)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_text_stays_text(words: str) -> None:
    svg = ElementTree.fromstring(standalone(drawn(words)))
    tags = [one.tag.rpartition("}")[2] for one in svg.iter()]
    assert set(tags) <= {"svg", "title", "style", "rect", "g", "path", "text", "use", "defs",
                         "clipPath"}  # fmt: skip
    titles = [one.text for one in svg.iter() if one.tag.endswith("title")]
    assert titles == [printable(words)] * 2
    seen = "\n".join(one.text or "" for one in svg.iter() if one.tag.endswith("text"))
    assert printable(words) in seen
    names = {name for one in svg.iter() for name in one.attrib}
    assert not [name for name in names if name == "style" or name.startswith("on")]
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == printable(words)


@pytest.mark.parametrize("words", ["p99 7 ms", '"><script>&'])
def test_places_to_point_at_lie_where_they_belong(words: str) -> None:
    figure, _ = grid_of(1, 400, 200, 1)
    axes = frame(figure, 50, 40, 300, 100)
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 1)
    over = points(axes, [(5, 0.75, words)]) + bands(axes, [(0, 2.5, words)])
    svg = ElementTree.fromstring(standalone(element(figure, "all", over)))
    circle, band = (one for one in svg.iter() if one.get("class") == "at")
    assert [float(circle.attrib[name]) for name in ("cx", "cy")] == [200, 65]
    place = [float(band.attrib[name]) for name in ("x", "y", "width", "height")]
    assert place == [50, 40, 75, 100]
    assert [one[0].text for one in (circle, band)] == [words] * 2


def test_drawings_on_one_page(tmp_path: Path) -> None:
    page = report(Path(shutil.copytree(GOLDEN, tmp_path / "session"))).html.read_text()
    drawings = re.findall(r'<div class="drawing".*?</div>', page, re.DOTALL)
    assert len(drawings) > 3
    assert len(re.findall(r'<label class="enlarge"><input type="checkbox">', page)) == len(drawings)
    assert "<title>0 to 1 s: " in page
    assert re.search(r"<title>[^<]*: p90 [\d.]+ ms</title>", page)
    ids = Counter(re.findall(r' id="([^"]+)"', page))
    assert [one for one, count in ids.items() if count > 1] == []
    for drawing in drawings:
        own = set(re.findall(r' id="([^"]+)"', drawing))
        assert {a or b for a, b in REFERENCE.findall(drawing)} <= own
        colours = set(re.findall(r'(?:fill|stroke)="(#[^"]+)"', drawing))
        assert colours
        # what the style sheet does not know would stay as it is in the dark
        assert all(f'[fill="{colour}"]' in style.FIGURE_STYLE for colour in colours)


def test_the_same_figure_is_the_same_text() -> None:
    assert drawn("one") == drawn("one")
    assert not set(re.findall(r' id="[^"]+"', drawn("one"))) & set(
        re.findall(r' id="[^"]+"', drawn("two"))
    )


def test_a_drawing_does_not_hang_on_the_one_before() -> None:
    quiet, busy = Timeline((0, 1), (0, 0), (0, 0)), Timeline((9,) * 90, (7,) * 90, (5,) * 90)
    first = timeline.draw(quiet, 0.5, 2.0, "quiet")
    timeline.draw(busy, 10.0, 80.0, "busy")
    assert timeline.draw(quiet, 0.5, 2.0, "quiet") == first
