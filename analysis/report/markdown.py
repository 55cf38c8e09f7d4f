"""A report as Markdown for a pull request: tables and words, without drawings and trials' parts.

May not know what a section says. Text is escaped, so that nothing in it becomes a link or markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.markup import visible
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
    Strong,
    Table,
    Words,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]|~$!])")
_OPENING = re.compile(r"^(\s*)([#+>=-]|\d+(?=[.)]\s))")
_ADDRESS = re.compile(r":(?=//)|(?<=[wW]{3})\.")


MOST_FOLDED = 3
"""More folded parts of one section are counted, not listed."""


def markdown(report: Report) -> str:
    """The report; figures stand as links to their files."""
    lines = [f"# {escape(report.title)}", "", _words(report.subtitle), ""]
    for section in report.sections:
        lines += [f"## {escape(section.title)}", ""]
        folded = sum(isinstance(block, Fold) for block in section.blocks)
        for block in section.blocks:
            if folded <= MOST_FOLDED or not isinstance(block, Fold):
                lines += [*_block(block), ""]
        if folded > MOST_FOLDED:
            lines += [f"{folded} parts in report.html", ""]
    return "\n".join([*lines, _words(report.footer)]).rstrip() + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is: one line, no markup, no link, no mention."""
    flat = _SPECIAL.sub(r"\\\1", " ".join(visible(text).split()))
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = _ADDRESS.sub(lambda found: "\\" + found[0], flat)
    # a word joiner after the sign keeps hosts of Markdown from notifying somebody
    flat = flat.replace("@", "@\u2060")
    return _OPENING.sub(_harmless, flat)


def _harmless(opening: re.Match[str]) -> str:
    sign = opening[2]
    return f"{opening[1]}{sign}\u2060" if sign.isdecimal() else f"{opening[1]}\\{sign}"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Para(words=words):
            yield _words(words)
        case Items(items=items):
            yield from (f"- {_words(item)}" for item in items)
        case Table():
            yield from _table(block)
        case Figure(name=name, alt=alt, caption=caption):
            drawn = f"![{escape(alt)}](figures/{name}.svg) ([data](figures/{name}.csv))"
            yield drawn if name else escape(alt)
            yield from ["", escape(caption)] if caption else []
        case Fold(summary=summary, anchor="", blocks=blocks):
            yield f"**{_words(summary)}**"
            for inside in blocks:
                yield from ["", *_block(inside)]
        case Fold(summary=summary):
            yield f"{_words(summary)} (in report.html)"
        case Log():
            yield "(log in report.html)"


def _table(table: Table) -> Iterator[str]:
    yield "| " + " | ".join(escape(name) for name in table.heading) + " |"
    right = ["---:" if table.is_number(i) else "---" for i in range(len(table.heading))]
    yield "| " + " | ".join(right) + " |"
    for cells in table.rows:
        yield "| " + " | ".join(_words(cell) for cell in cells) + " |"
    if table.caption:
        yield from ["", escape(table.caption)]


def _words(words: Words) -> str:
    return "".join(_inline(inline) for inline in words)


def _inline(inline: Inline) -> str:
    match inline:
        case Link(text=text, to=to):
            return escape(text) if to.startswith("#") else f"[{escape(text)}]({to})"
        case Strong(text=text) | Mark(text=text):
            return _spaced(text, "**")
        case str():
            return _spaced(inline)


def _spaced(text: str, around: str = "") -> str:
    """Escaped, with one space kept at an end that has any, outside of what stands around it."""
    if not text.strip():
        return " " if text else ""
    lead = " " if text[:1].isspace() else ""
    tail = " " if text[-1:].isspace() else ""
    return f"{lead}{around}{escape(text)}{around}{tail}"
