"""A report as one HTML file that fetches nothing and runs nothing.

May not know what a section says.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from analysis.figures.markup import Element, Node, el, href, write
from analysis.report.blocks import (
    Block,
    Figure,
    Fold,
    Inline,
    Items,
    Link,
    Log,
    Mark,
    Para,
    Report,
    Section,
    Strong,
    Table,
    Words,
)
from analysis.report.stylesheet import STYLE


def page(report: Report) -> str:
    """The whole file."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy(STYLE)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", report.title),
        el("link", rel="icon", href="data:,"),
    )
    body = el(
        "body",
        el(
            "header",
            el("h1", report.title),
            el("p", *_words(report.subtitle), class_="quiet"),
        ),
        _contents(report),
        el("main", *(_section(section) for section in report.sections)),
        el("footer", el("p", *_words(report.footer), class_="quiet")),
    )
    # the style is the only text that is not escaped: it is this package's own
    start, end = write(head).rsplit("</head>", 1)
    style = f"<style>{STYLE}</style></head>"
    return f'<!DOCTYPE html>\n<html lang="en">{start}{style}{end}\n{write(body)}</html>\n'


def policy(style: str) -> str:
    """A Content-Security-Policy that allows this style sheet, an inline icon, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'"


def _contents(report: Report) -> Element:
    links = [el("a", section.title, href=f"#{section.anchor}") for section in report.sections]
    return el("nav", *links, aria_label="Contents")


def _section(section: Section) -> Element:
    blocks = [_block(block) for block in section.blocks]
    return el("section", el("h2", section.title), *blocks, id=section.anchor)


def _block(block: Block) -> Element:
    match block:
        case Para(words=words, quiet=quiet):
            return el("p", *_words(words), class_="quiet" if quiet else None)
        case Items(items=items):
            return el("ul", *(el("li", *_words(item)) for item in items))
        case Table():
            return _table(block)
        case Figure():
            return _figure(block)
        case Log(text=text):
            return el("pre", text)
        case Fold(summary=summary, blocks=blocks, anchor=anchor):
            inside = [_block(inner) for inner in blocks]
            return el("details", el("summary", *_words(summary)), *inside, id=anchor or None)


def _table(table: Table) -> Element:
    def kind(index: int) -> str | None:
        return "number" if table.is_number(index) else None

    heads = [
        el("th", name, scope="col", class_=kind(index)) for index, name in enumerate(table.heading)
    ]
    rows = [
        el("tr", *(el("td", *_words(cell), class_=kind(i)) for i, cell in enumerate(cells)))
        for cells in table.rows
    ]
    caption = el("caption", table.caption) if table.caption else None
    made = el("table", caption, el("thead", el("tr", *heads)), el("tbody", *rows))
    return el("div", made, class_="scroll")


def _figure(figure: Figure) -> Element:
    legend = [
        el("span", el("svg", el("line", x1=0, y1=6, x2=22, y2=6), viewBox="0 0 22 12",
                      class_=f"key {kind}", aria_hidden="true"), text)
        for kind, text in figure.legend
    ]  # fmt: skip
    source: list[Node] = _words(figure.source)
    if figure.name:
        file = f"{figure.name}.csv"
        source = ["Drawn from ", el("a", file, href=href("figures", file)), "."]
    return el(
        "figure",
        el("div", *legend, class_="legend") if legend else None,
        el(
            "div",
            *figure.drawings,
            class_="drawings large" if figure.large else "drawings",
            role="group",
            aria_label=figure.alt,
        ),
        el("figcaption", *_spaced(figure.caption), *source),
        id=f"figure-{figure.name}" if figure.name else None,
    )


def _spaced(text: str) -> Sequence[Node]:
    return [f"{text} "] if text else []


def _words(words: Words) -> list[Node]:
    return [_inline(inline) for inline in words]


def _inline(inline: Inline) -> Node:
    match inline:
        case Link(text=text, to=to):
            return el("a", text, href=to)
        case Strong(text=text):
            return el("strong", text)
        case Mark(text=text, kind=kind):
            return el("span", text, class_=f"mark {kind}")
        case str():
            return inline
