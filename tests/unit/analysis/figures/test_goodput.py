"""The figure: its data to the point, its drawing by what must be readable in the SVG."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from analysis.figures.goodput import Goodput, data, draw, save
from analysis.reading.session_files import read_session
from analysis.summaries.cells import cells
from analysis.summaries.layout import layout_of
from analysis.summaries.trials import results
from rig.model import Level, Verdict
from tests.shares import every
from tests.unit.analysis.sessions import FACTORS, Answer, Made, make, steady

PNG = b"\x89PNG\r\n"


def of(folder: Path, trials: Sequence[Made], backend: str = "local") -> Goodput:
    session = read_session(make(folder / "s", trials, backend=backend))
    return data(session, layout_of(session), cells(session, results(session)))


def drawn(folder: Path, goodput: Goodput) -> str:
    svg, png = folder / "goodput.svg", folder / "goodput.png"
    save(goodput, svg, png)
    assert png.read_bytes().startswith(PNG)
    return svg.read_text()


STUDY = [
    Made({"target": t, "delay_ms": d, "route": r}, steady(10 if (t, d) == ("sync", 100) else 200))
    for r in ("cpu", "io_create")
    for t in ("sync", "async")
    for d in (0, 100)
]
BOUNCER = Made(
    {"target": "async", "pooler": "pgbouncer"}, steady(300), because="does it lift the cap?"
)


def test_a_cell_is_its_median_and_every_valid_trial_a_dot(tmp_path: Path) -> None:
    rates = (20, 30, 70)
    goodput = of(tmp_path, [Made(answers=steady(rps), replicate=rps) for rps in rates])
    seen = [(p.what, p.trials, p.goodput_rps) for p in goodput.points]
    assert seen == [("median", 3, 30), ("trial", 1, 20), ("trial", 1, 30), ("trial", 1, 70)]


def test_invalid_trials_never_enter_a_line(tmp_path: Path) -> None:
    spoilt = Made(answers=steady(90), verdict=Verdict.INVALID, replicate=2)
    goodput = of(tmp_path, [Made(answers=steady(30)), spoilt])
    medians = [p for p in goodput.points if p.what == "median"]
    assert [(p.goodput_rps, p.trials) for p in medians] == [(30, 1)]
    assert [p.goodput_rps for p in goodput.points if p.verdict == "invalid"] == [90]


def test_the_study_has_a_panel_per_route_and_a_line_per_target(tmp_path: Path) -> None:
    goodput = of(tmp_path, [*STUDY, BOUNCER])
    assert goodput.panels == ("cpu", "io_create")
    assert [s.label for s in goodput.series] == ["sync", "async", "async, pgbouncer"]
    base, extra = goodput.series[1:]
    assert (base.extra, extra.extra) == (False, True)
    assert base.colour == extra.colour != goodput.series[0].colour
    assert base.dash != extra.dash


def test_the_drawing_says_what_it_shows(tmp_path: Path) -> None:
    spoilt = Made({"target": "sync", "delay_ms": 0}, steady(90), Verdict.INVALID, replicate=2)
    failing = Made({"target": "async", "delay_ms": 0}, steady(99, 9, 0.4, "timeout"), replicate=2)
    svg = drawn(tmp_path, of(tmp_path, [*STUDY, BOUNCER, spoilt, failing]))
    for words in (
        "io_create", "async, pgbouncer", "goodput, answers/s", "added delay (ms)", "log scale",
        "invalid", "async: mostly timeout", "no failures", "Session s · profile quick",
        "Some CPU", "Django 5.2.19", "Scope: this machine",
    ):  # fmt: skip
        assert f">{words}" in svg or words in svg, words


def test_a_narrow_panel_has_a_linear_scale(tmp_path: Path) -> None:
    trials = [Made({"delay_ms": d}, steady(20 + d / 10)) for d in (0, 100)]
    assert "log scale" not in drawn(tmp_path, of(tmp_path, trials))


def test_zero_valid_trials_make_a_figure_that_says_so(tmp_path: Path) -> None:
    goodput = of(tmp_path, [Made(verdict=Verdict.FAILED), Made(skip="no"), Made()])
    assert goodput.points == ()
    svg = drawn(tmp_path, goodput)
    assert "no valid trial" in svg
    words = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))
    assert "not drawn: 1 failed, 1 skipped, 1 missing" in words


def test_too_few_successes_are_words_not_a_number(tmp_path: Path) -> None:
    trials = [Made({"delay_ms": d}, [Answer(3.0)] if d else steady(20)) for d in (0, 100)]
    goodput = of(tmp_path, trials)
    assert [p.goodput_rps for p in goodput.points if p.x == 100] == [None, None]
    assert "&lt; 2 successes" in drawn(tmp_path, goodput)


@pytest.mark.parametrize(
    "varies", every(2, ["connections", "max_connections", None, "app_workers"])
)
def test_any_factor_can_be_drawn(tmp_path: Path, varies: str | None) -> None:
    levels: dict[str, Level] = {"connections": "pool", "max_connections": 1000, "app_workers": 4}
    others = [Made({varies: levels[varies]}, steady(60))] if varies else []
    goodput = of(tmp_path, [Made(answers=steady(30)), *others])
    label = next((f["label"] for f in FACTORS if f["name"] == varies), None)
    assert goodput.x_label == ("" if varies in ("connections", None) else label)
    svg = drawn(tmp_path, goodput)
    assert (">pool<" in svg) == (varies == "connections")


def test_a_simulation_says_that_it_is_one(tmp_path: Path) -> None:
    goodput = of(tmp_path, [Made(answers=steady(30))], backend="fake")
    assert any("no real system was measured" in line for line in goodput.caption)


def test_the_same_data_draws_the_same_svg(tmp_path: Path) -> None:
    goodput = of(tmp_path, STUDY)
    assert drawn(tmp_path, goodput) == drawn(tmp_path, goodput)
    assert draw(goodput) == draw(goodput)
