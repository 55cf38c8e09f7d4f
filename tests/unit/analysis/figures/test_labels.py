"""No words lie on other words, on a line, a mark or a bar, and none are cut: on any figure."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from analysis.figures import cap, crossover, goodput, labels, latency, timeline, waterfall
from analysis.figures.style import Stroke
from analysis.inference import Crossover, Kind, PairRatio, Point
from analysis.report import report
from analysis.summaries.response_times import response_times
from analysis.summaries.timeline import Timeline
from rig.disk.sent import Sent
from rig.inference.stationarity import State
from rig.model import Verdict
from tests.shares import every
from tests.unit.analysis.figures.test_goodput import of
from tests.unit.analysis.sessions import Answer, Made, steady

GOLDEN = Path(__file__).parents[3] / "golden" / "session-v2"
LONG = "a route whose name goes on and on, as names that somebody generates do, until nothing fits"


@pytest.fixture
def crossed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What lies on what, in all figures that are drawn."""
    found: list[str] = []
    savefig: Callable[..., None] = Figure.savefig

    def seen(figure: Figure, *args: Any, **kwargs: Any) -> None:
        found.extend(crossings(figure))
        savefig(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", seen)
    return found


def crossings(figure: Figure) -> list[str]:
    boxes = [(text.get_text(), text.get_window_extent()) for text in drawn_texts(figure)]
    # the box of words has a little air around them
    tight = [(words, Bbox.from_extents(b.x0, b.y0 + 2, b.x1, b.y1 - 1)) for words, b in boxes]
    found = [f"{a!r} and {b!r}" for (a, one), (b, other) in combinations(tight, 2)
             if one.overlaps(other)]  # fmt: skip
    found += [
        f"{words!r} and something drawn"
        for axes in figure.axes
        for path, filled in labels.drawn(axes)
        for words, box in tight
        if path.intersects_bbox(box, filled=filled)
    ]
    whole = figure.bbox.padded(1)
    return found + [
        f"{words!r} is cut"
        for words, box in tight
        if not (whole.contains(box.x0, box.y0) and whole.contains(box.x1, box.y1))
    ]


def drawn_texts(figure: Figure) -> list[Text]:
    """Those that a drawing of it really shows: of ticks there are always more."""
    shown: list[Text] = []
    draw = Text.draw

    def seen(text: Text, renderer: Any, *args: Any, **kwargs: Any) -> None:
        if text.get_visible() and text.get_text().strip():
            shown.append(text)
        draw(text, renderer, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", seen)
        figure.draw_without_rendering()
    return shown


def test_words_that_lie_on_something_are_found() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1])
    axes.text(0.5, 0.5, "on the line")
    axes.text(0.5, 0.51, "on the words")
    axes.text(1.4, 0.2, "cut")
    found = " ".join(crossings(figure))
    for said in ("'on the line' and 'on the words'", "'on the line' and something", "'cut' is cut"):
        assert said in found


def test_the_golden_session(tmp_path: Path, crossed: list[str]) -> None:
    folder = Path(shutil.copytree(GOLDEN, tmp_path / "session"))
    report(folder)
    assert crossed == []


def test_a_crowded_goodput(tmp_path: Path, crossed: list[str]) -> None:
    targets = ("sync", "async", LONG)
    verdicts = (Verdict.VALID, Verdict.INVALID, Verdict.UNKNOWN)
    trials = [
        Made({"target": target, "delay_ms": delay, "route": route, "pooler": pooler},
             [Answer(3.0)] if number % 5 == 4 else steady(20 + number, 50, 0.3, f"why {number}"),
             verdicts[number % 3])
        for number, (target, delay, route, pooler) in enumerate(
            product(targets, (0, 1, 2, 100, 200), ("cpu", LONG), ("direct", "pgbouncer")))
    ]  # fmt: skip
    drawn = of(tmp_path, trials)
    goodput.draw(drawn)
    goodput.save(drawn, tmp_path / "goodput.svg", tmp_path / "goodput.png")
    assert crossed == []


@pytest.mark.parametrize("many", every(3, [8, 1, 2]))
def test_goodput_without_a_number_that_varies(
    tmp_path: Path, crossed: list[str], many: int
) -> None:
    names = ["pool", *(f"{LONG} {number}" for number in range(1, many))]
    rates = (30, 31, 300)
    trials = [
        Made({"connections": name}, steady(rates[i % 3], 50, 0.2, f"why {i}"))
        for i, name in enumerate(names)
    ]
    drawn = of(tmp_path, [*trials, Made({"connections": "spoilt"}, steady(5), Verdict.INVALID)])
    goodput.draw(drawn)
    goodput.save(drawn, tmp_path / "goodput.svg", tmp_path / "goodput.png")
    assert crossed == []


@pytest.mark.parametrize("first", every(3, [88, 0, 3, 50, 20, 90]))
@pytest.mark.parametrize("second", every(4, [89, 0, 1, 40]))
def test_marks_at_the_connection_cap(crossed: list[str], first: int, second: int) -> None:
    rising = [(float(at), 3.0 * at) for at in range(91)]
    series: cap.Series = dict.fromkeys((*cap.COUNTS, *cap.RATES), rising)
    marks = ((first, "first refusal, 15000 users"), (second, "knee, 11000 users"))
    svg = cap.draw([cap.Cap("t", title, series, marks) for title in ("io_create", LONG)])
    assert crossed == []
    for _, words in marks:
        assert svg.count(f">{words}</text>") == 2


@pytest.mark.parametrize("ramp_s", [0.0, 5.0, 99.0, 100.0, 900.0])
def test_a_timeline(crossed: list[str], ramp_s: float) -> None:
    busy = tuple(range(1000, 1105))
    svg = timeline.draw(Timeline(busy, busy, (99_999,) * 105, busy), ramp_s, 100.0, "one")
    assert crossed == []
    for words in ("steady", "end", "99999 users"):
        assert f">{words}</text>" in svg


def test_a_waterfall(crossed: list[str]) -> None:
    scattered = PairRatio({}, 1.5, 0.01, 300.0, Kind.BETWEEN_TRIALS, 4)
    stages = [("sync, connection per request", 1.42, None), (LONG, None, None),
             ("… connection kept", 9.7, scattered), ("less", 2.0, scattered),
             ("async, asyncpg, 20 connections", 9000.0, scattered)]  # fmt: skip
    waterfall.draw([waterfall.data("io_create", stages), waterfall.data(LONG, stages)])
    waterfall.draw([waterfall.data("no rate", [("one", None, None)])])
    assert crossed == []


def test_crossovers(crossed: list[str]) -> None:
    points = tuple(Point(at, ratio) for at, ratio in ((0, -9.0), (1, 0.0), (100_000, 9.0)))
    found = Crossover({}, 3.0, 0.0, 50_000.0, "async leads", points)
    drawn = crossover.Drawn(LONG, f"added {LONG}", (0, 100_000), found)
    crossover.draw([drawn] * 4)
    assert crossed == []


@pytest.mark.parametrize("most", [12, 100_000])
def test_latencies(crossed: list[str], most: int) -> None:
    counts = [(100 * ms, 7) for ms in range(1, most, max(1, most // 1000))]
    times = response_times(Sent(counts, counts, waiting_us=(3_000_000_000,) * 9), State.STEADY)
    curves = [latency.Curve(group, "s", Stroke(0), times) for group in ("g", LONG)]
    latency.draw(latency.data(curves))
    assert crossed == []
