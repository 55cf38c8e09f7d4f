"""Sentences of what people read, so that a test can count their words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser

MOST_WORDS = 25
"""More in one sentence is read twice."""

_END = re.compile(r"(?<=[.!?])[)*]*\s+")
_OWN = {"p", "li", "td", "th", "caption", "figcaption", "summary", "h1", "h2", "title"}
"""Elements whose text is no part of a sentence around them."""
_SKIPPED = {"nav", "pre", "style", "svg"}


def long_sentences(text: str) -> list[str]:
    """Those with more words than a reader takes in at once. Signs alone are no words."""
    return [
        f"{len(words)} words: {' '.join(sentence.split())}"
        for sentence in _END.split(text)
        if len(words := re.findall(r"\S*\w\S*", sentence)) > MOST_WORDS
    ]


def of_markdown(text: str) -> Iterator[str]:
    """Its paragraphs, list items and cells of tables; no code, no drawings."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"!\[.*?\]\(.*?\)", "", text)
    text = re.sub(r"`[^`]+`", "code", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*|#>]|\d+\.)\s)", text):
        if block.lstrip().startswith("|"):
            yield from block.split("|")
        else:
            yield block.replace("\n> ", " ")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = [""]
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _OWN or tag in _SKIPPED:
            self.inside.append(tag)
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if self.inside and tag == self.inside[-1]:
            self.inside.pop()
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if not _SKIPPED & set(self.inside):
            self.texts[-1] += data


def of_page(html: str) -> list[str]:
    """The text of each paragraph, cell and caption of a page; no logs, no drawings."""
    page = _Page()
    page.feed(html)
    return [text for text in page.texts if text.strip()]


def of_code(source: str) -> Iterator[str]:
    """Its strings that are neither documentation nor parts of another; `{…}` counts as a word."""
    tree = ast.parse(source)
    other: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            other.add(node.value)
        if isinstance(node, ast.JoinedStr):
            other.update(part for value in node.values for part in ast.walk(value))
    for node in ast.walk(tree):
        if node in other:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "X" for p in node.values)
            yield "".join(map(str, parts))
