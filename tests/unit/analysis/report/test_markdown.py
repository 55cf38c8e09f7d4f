"""Markdown shows text as it is."""

from __future__ import annotations

import re

import pytest

from analysis.markup import href
from analysis.report.blocks import Link, Para, Report, Section, Strong, Table, row
from analysis.report.markdown import escape, markdown
from tests.hostile import strings

URL = "http://127.0.0.1:1/"


@pytest.mark.parametrize("text", strings(URL))
def test_nothing_hostile_is_left(text: str) -> None:
    said = escape(text)
    assert "\n" not in said
    assert "<" not in said
    assert not re.search(r"(?<!\\)[\[\]|`*_!]", said)
    assert "://" not in said.replace("\\://", "")
    assert not re.search(r"@\w", said)


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
