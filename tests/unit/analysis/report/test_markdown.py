"""Markdown shows text as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from analysis.report.blocks import Link, Para, Report, Section, Strong, Table, row
from analysis.report.links import href
from analysis.report.markdown import escape, markdown
from tests.hostile import strings

URL = "http://127.0.0.1:1/"
TEXT = ("text", "text_special")
LEADS = ("link_open", "image")
OWN = r"(figures/[a-z-]+\.(svg|csv)|(\.\./)?[\w-]+\.(csv|json)|\.\./trials/[\w./%~-]+)\Z"
FORGE = re.compile(
    # as the filters of GitHub and GitLab have them, or wider
    r"""(?ix)
      [#!$&~%] [\w"] | @\w | :// | \bwww\. | :[\w+-]+: | \[\[ | \bGH(SA)?-\w
    | (?-i:\b[A-Z][A-Z0-9_]*-\d) | \b(?=[0-9]*[a-f])[0-9a-f]{7,}\b
    """
)


@pytest.mark.parametrize("text", strings(URL))
def test_nothing_hostile_is_left(text: str) -> None:
    said = escape(text)
    assert "\n" not in said
    assert "<" not in said
    assert not re.search(r"(?<!\\)[\[\]|`*_!]", said)
    assert live(said) == []


@pytest.mark.parametrize(
    "text",
    ["fixes #1", "Closes: org/repo#12", "GH-1", "gh-1", "JIRA-1", "GHSA-jfh8-c2jp-5v3q",
     "@org/team", "someone@example.org", "https://example.org/a/issues/1", "WWW.example.org",
     ":tada:", ":+1:", "!1", "$1", "~bug", '~"a bug"', "%2", "&3", "[[wiki]]",
     "0123456789abcdef" * 3, "a@0123456", "DEADBEEF"],
)  # fmt: skip
def test_what_a_forge_would_make_live_is_not(text: str) -> None:
    assert FORGE.search(text), "the test itself would find it"
    assert live(escape(text)) == []
    assert shown(escape(text)).replace("\u2060", "") == text


@pytest.mark.parametrize(
    "text", ["# x", "#", "- x", "+", "1. x", "1)", "> x", "=== ", "---", "* * *", "/close", "    x",
             "```", "~~~", "| a |", "[ ] x", "[x]: y", "<!-- x -->", "a\n\n# b"],
)  # fmt: skip
def test_a_line_of_text_is_a_paragraph_however_it_begins(text: str) -> None:
    for said in (escape(text), in_pieces(text)):
        tokens = MarkdownIt("commonmark").enable("table").parse(said)
        assert [t.type for t in tokens] == ["paragraph_open", "inline", "paragraph_close"]
        assert not said.startswith("/")


def test_a_reference_in_two_pieces_is_none() -> None:
    assert live(markdown(Report("t", ("fixes #", "1"), []))) == []


@given(st.text(alphabet=st.sampled_from('ab1#@:/.-_*`[]()!<>|~$&%\\ \n\t"wGH')))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    said = escape(text)
    assert shown(said).replace("\u2060", "") == " ".join(text.split())
    assert live(said) == []


@pytest.mark.parametrize(
    "name", ["20240101-120000-quick", "0001-async-io_create-delay100-r1", "12.5"]
)
def test_names_and_numbers_can_be_copied(name: str) -> None:
    assert shown(escape(name)) == name


def parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def tokens_in(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from tokens_in(token.children or [])


def shown(source: str) -> str:
    """The text that Markdown leaves, in which a forge looks for more."""
    lines = [token.children or [] for token in parser().parse(source) if token.type == "inline"]
    return "\n".join("".join(t.content for t in line if t.type in TEXT) for line in lines)


def live(source: str) -> list[str]:
    """What a forge finds, in the source (squash commits are made of it) or in what is shown."""
    bare = unescape(re.sub(r"\]\([^)]*\)", "]", source))
    return [found[0] for text in (bare, shown(source)) for found in FORGE.finditer(text)]


def in_pieces(text: str) -> str:
    """A paragraph of which each character is a piece of its own."""
    return markdown(Report("", (), [], footer=tuple(text))).partition("\n\n\n")[2]


@pytest.mark.parametrize(
    ("text", "said"),
    [("# x", "\\# x"), ("- x", "\\- x"), ("+ x", "\\+ x"), ("1. x", "1\u2060. x"),
     ("io_create", "io\\_create"), ("1.5 to 2", "1.5 to 2"), ("a & b", "a &amp; b")],
)  # fmt: skip
def test_openings_and_plain_text(text: str, said: str) -> None:
    assert escape(text) == said


def test_a_table_keeps_its_columns() -> None:
    table = Table(["a|b", "n"], [row("x|y", "1")])
    lines = markdown(Report("t", ("s",), [Section("s", "S", [table, Para(("p",))])])).splitlines()
    assert "| a\\|b | n |" in lines
    assert "| --- | ---: |" in lines
    assert "| x\\|y | 1 |" in lines


def test_spaces_between_words_are_kept() -> None:
    words = Para((Strong("Claim: "), "it is so", " (at least 2)"))
    said = markdown(Report("t", ("s",), [Section("s", "S", [words])]))
    assert "**Claim:** it is so (at least 2)" in said


def test_a_link_keeps_its_address() -> None:
    link = Link("a]b", href("..", "trials", "x(y) z"))
    said = markdown(Report("t", (link,), []))
    assert "[a\\]b](../trials/x%28y%29%20z)" in said
