"""Reports of sessions in which all text is hostile."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from junitparser import JUnitXml

from analysis.exports import export
from analysis.report import compare, report
from analysis.report.inputs import read_inputs
from analysis.report.junit import junit
from rig.model import printable
from tests.hostile import steering, strings
from tests.hostile_session import hostile_session
from tests.unit.analysis.exports.metrics import families_of
from tests.unit.analysis.report.test_markdown import LEADS, OWN, live, parser, tokens_in
from tests.unit.analysis.report.test_report import Page
from tests.unit.analysis.summary_schema import fitting
from tests.unit.conftest import without_drawing

URL = "http://127.0.0.1:9/"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session with its report, with empty drawings: a browser looks at the drawn page."""
    session = hostile_session(tmp_path_factory.mktemp("hostile") / "s", URL)
    with pytest.MonkeyPatch.context() as patched:
        without_drawing(patched)
        report(session)
    return session


@pytest.fixture(scope="module")
def hostile_and_drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, drawn."""
    session = hostile_session(tmp_path_factory.mktemp("hostile") / "s", URL)
    report(session)
    return session


@pytest.fixture(scope="module")
def some_drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of it, drawn: a panel for each text takes a minute."""
    session = hostile_session(tmp_path_factory.mktemp("hostile") / "s", URL, nth=16)
    report(session)
    return session


def test_a_hostile_session_s_report_is_inert(hostile: Path) -> None:
    for made in (hostile / "derived" / "report.md", compare([hostile], [hostile]).markdown):
        source = made.read_text(encoding="utf-8")
        assert steering(source) <= {"U+2060"}
        tokens = [*tokens_in(parser().parse(source))]
        kinds = {token.type for token in tokens}
        assert not kinds & {"html_block", "html_inline", "code_block", "fence", "code_inline", "s"}
        addresses = [str(t.attrGet("href") or t.attrGet("src")) for t in tokens if t.type in LEADS]
        assert [one for one in addresses if not re.match(OWN, one)] == []
        assert live(source) == []


@pytest.mark.parametrize(
    "made", ["hostile", pytest.param("hostile_and_drawn", marks=pytest.mark.campaign)]
)
def test_hostile_text_stays_text(made: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(made)
    page = Page(folder / "derived" / "report.html")
    assert not {"script", "iframe", "img", "base", "object"} & set(page.tags)
    assert page.tags.count("title") - page.tags.count("svg") < 2000
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    own = ("#", "data:,", "figures/", "../trials/", "summary.csv", "trials.csv")
    assert [link for link in page.links if not link.startswith(own) or ":" in link[5:]] == []
    for text in strings(URL):
        seen = printable(text.replace("\ud800", ""))
        assert seen in page.text or " ".join(seen.split()) in page.text, text


def test_hostile_text_stays_text_in_a_comparison(hostile: Path) -> None:
    page = Page(compare([hostile], [hostile]).html)
    assert set(page.tags) <= {
        *("html", "head", "meta", "title", "link", "style", "body", "header", "nav", "main"),
        *("section", "footer", "figure", "figcaption", "div", "h1", "h2", "p", "a", "strong"),
        *("span", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"),
    }
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    assert [link for link in page.links if not link.startswith(("#", "data:,"))] == []


@pytest.mark.campaign
def test_what_programs_read_is_inert_and_whole(hostile: Path, tmp_path: Path) -> None:
    said = fitting(hostile / "derived")
    documents = {
        "summary": (hostile / "derived" / "summary.json").read_text(encoding="utf-8"),
        "junit": junit(read_inputs(hostile)),
        **{
            form: export(hostile, form, "goodput_rps").text for form in ("benchmarks", "prometheus")
        },
    }
    for name, text in documents.items():
        assert steering(text) == set(), name
    (tmp_path / "junit.xml").write_text(documents["junit"], encoding="utf-8")
    suites = {
        str(one.name).split()[-1]: one for one in JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    }
    assert suites["requirements"].tests == len(said["requirements"]) > 20
    assert len(json.loads(documents["benchmarks"])) > 10
    trials = {one.labels["trial"] for one in families_of(documents["prometheus"])["rig_users"]}
    assert len(trials) == len(list(hostile.glob("trials/*/attempt-1")))


@pytest.mark.parametrize(
    "made", ["some_drawn", pytest.param("hostile_and_drawn", marks=pytest.mark.campaign)]
)
def test_each_svg_stands_alone(made: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(made)
    drawings = sorted((folder / "derived" / "figures").glob("*.svg"))
    assert drawings
    for path in drawings:
        elements = list(ElementTree.parse(path).iter())
        tags = {element.tag.rpartition("}")[2] for element in elements}
        assert "svg" in tags
        assert not {"script", "image", "foreignObject", "a"} & tags, path
        attributes = [pair for element in elements for pair in element.attrib.items()]
        assert not [name for name, _ in attributes if name.lower().startswith("on")]
        links = [value for name, value in attributes if name.endswith("href")]
        assert [link for link in links if not link.startswith("#")] == []
