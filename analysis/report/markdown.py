"""A report as Markdown for a pull request: tables and words, without drawings and trials' parts.

May not know what a section says. Text is escaped, so that nothing in it becomes markup, a link, a
mention or a reference, neither to Markdown nor to the forge that shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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
from rig.model import printable

_SPECIAL = re.compile(r"([\\`*_{}\[\]|~$!])")
_OPENING = re.compile(r"^([#+=/-])|^(\d+)(?=[.)](\s|$))")

_JOINER = "\u2060"
_LIVE = re.compile(
    r"""
      [#!$&~] (?=[\w"]|\Z) | % (?=[\w"])   # \#1 !1 $1 &1 ~label %milestone
    | @                                   # @somebody, someone@example.org
    | : (?=//)                            # https://
    | : (?=[\w+-]+:)                      # :tada:
    | [wW]{3} (?=\.)                      # www.example.org
    | \[ (?=\[)                           # [[a page of the wiki]]
    | [A-Z][A-Z0-9_]{0,30} (?=-\d)        # JIRA-1, CVE-2024-1
    | [gG][hH] (?=-\d) | [gG][hH][sS][aA] (?=-)
    """,
    re.VERBOSE,
)
_COMMIT = re.compile(r"(?<![0-9A-Za-z])(?=[0-9]*[a-fA-F])[0-9a-fA-F]{7,}(?![0-9A-Za-z])")
_TOO_SHORT_A_COMMIT = re.compile(r"[0-9a-fA-F]{6}(?=.)")
"""A forge looks for these in the text that Markdown leaves, where a backslash or an entity is gone
again, and for `fixes #1` in the source. Only a character in between holds in both: a word joiner,
which nobody sees."""

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
    """A line that Markdown and forges show as it is: no markup, link, mention or reference."""
    return _line(_escaped(text))


def _escaped(text: str) -> str:
    flat = " ".join(printable(text).split())
    flat = _COMMIT.sub(lambda found: _joined(_TOO_SHORT_A_COMMIT, found[0]), flat)
    flat = _SPECIAL.sub(r"\\\1", _joined(_LIVE, flat))
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _joined(sign: re.Pattern[str], text: str) -> str:
    return sign.sub(rf"\g<0>{_JOINER}", text)


def _line(escaped: str) -> str:
    """Of a line that stands alone: its beginning makes no heading, list or command."""
    return _OPENING.sub(lambda found: f"\\{found[1]}" if found[1] else found[0] + _JOINER, escaped)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Para(words=words):
            yield _words(words)
        case Items(items=items):
            yield from (f"- {_words(item)}" for item in items)
        case Table():
            yield from _table(block)
        case Figure(name=name, alt=alt, caption=caption):
            drawn = f"![{_escaped(alt)}](figures/{name}.svg) ([data](figures/{name}.csv))"
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
    yield "| " + " | ".join(_escaped(name) for name in table.heading) + " |"
    right = ["---:" if table.is_number(i) else "---" for i in range(len(table.heading))]
    yield "| " + " | ".join(right) + " |"
    for cells in table.rows:
        yield "| " + " | ".join(_cell(cell) for cell in cells) + " |"
    if table.caption:
        yield from ["", escape(table.caption)]


def _words(words: Words) -> str:
    return _line(_cell(words).strip())


def _cell(words: Words) -> str:
    return "".join(_inline(inline) for inline in words)


def _inline(inline: Inline) -> str:
    match inline:
        case Link(text=text, to=to):
            return _escaped(text) if to.startswith("#") else f"[{_escaped(text)}]({to})"
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
    return f"{lead}{around}{_escaped(text)}{around}{tail}"
