"""Elements escape what they hold, and refuse what could run or fetch."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.figures.markup import el, write
from rig.model import printable


class Tags(HTMLParser):
    """Collects start tags, and all text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.values: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_text_stays_text(text: str) -> None:
    parser = Tags()
    parser.feed(write(el("p", text, title=text)))
    parser.close()
    assert parser.tags == ["p"]
    assert parser.text == printable(text)
    assert len(parser.values) == 1


@pytest.mark.parametrize("tag", ["script", "iframe", "object", "base", "form", "p onload=x", ""])
def test_elements_that_run_or_fetch_are_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="no element"):
        el(tag)


@pytest.mark.parametrize("name", ["onclick", "onLoad", "style", "srcdoc", "x y"])
def test_attributes_that_run_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no attribute"):
        el("p", **{name: "x"})


@pytest.mark.parametrize(
    "to", ["javascript:alert(1)", "https://example.com", "data:text/html,x", "a b", "x?y", "a:b"]
)
def test_links_lead_nowhere_else(to: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        el("a", "x", href=to)


def test_a_link_of_the_page_is_fine() -> None:
    assert write(el("a", "x", href="#trial-1")) == '<a href="#trial-1">x</a>'
