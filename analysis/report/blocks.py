"""What a report is made of, before it is HTML or Markdown.

Sections build these from values; `page` and `markdown` write them. All text is plain: both
writers escape it. May not know sessions, files or numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analysis.report.links import leads_inside
from rig.model import Level


@dataclass(frozen=True)
class Link:
    """Words that lead to a part of the page, or to a file of the session by `links.href`."""

    text: str
    to: str

    def __post_init__(self) -> None:
        if not leads_inside(self.to):
            raise ValueError(f"a link leads out of the session: {self.to!r}")


@dataclass(frozen=True)
class Strong:
    """Words that stand out."""

    text: str


@dataclass(frozen=True)
class Mark:
    """A word that judges, with its kind: `good`, `bad` or `open`."""

    text: str
    kind: str


Inline = str | Link | Strong | Mark
Words = Sequence[Inline]


@dataclass(frozen=True)
class Para:
    """A paragraph. `quiet`: a remark."""

    words: Words
    quiet: bool = False


@dataclass(frozen=True)
class Items:
    """A list."""

    items: Sequence[Words]


@dataclass(frozen=True)
class Table:
    """Rows under a heading; columns from `numbers_from` on, before `words_from`, hold numbers."""

    heading: Sequence[str]
    rows: Sequence[Sequence[Words]]
    numbers_from: int = 1
    words_from: int = 99
    caption: str = ""

    def is_number(self, column: int) -> bool:
        """Whether a column, counted from 0, holds numbers."""
        return self.numbers_from <= column < self.words_from


@dataclass(frozen=True)
class Figure:
    """A drawing, with the words for who does not see it.

    `name`: of its SVG and CSV in `derived/figures/`; empty where `source` says what was drawn.
    """

    svg: str
    """One complete `<svg>` element. Text in it is escaped; it can run and fetch nothing."""
    alt: str
    name: str = ""
    caption: str = ""
    legend: Sequence[tuple[str, str]] = ()
    """Class of the mark and what it stands for."""
    columns: Sequence[str] = ()
    rows: Sequence[Mapping[str, Level | None]] = ()
    """Exactly what is drawn: the lines of its CSV."""
    source: Words = ()


@dataclass(frozen=True)
class Log:
    """Lines as they were printed."""

    text: str


@dataclass(frozen=True)
class Fold:
    """What is shown when asked for. `anchor`: where links find it."""

    summary: Words
    blocks: Sequence[Block]
    anchor: str = ""


Block = Para | Items | Table | Figure | Log | Fold


@dataclass(frozen=True)
class Section:
    """A part of the report, with its own heading."""

    anchor: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Absent:
    """A part that this session has nothing for, and why."""

    title: str
    reason: str


@dataclass(frozen=True)
class Report:
    """The whole report."""

    title: str
    subtitle: Words
    sections: Sequence[Section]
    footer: Words = ()


def para(*words: Inline, quiet: bool = False) -> Para:
    """A paragraph of these words."""
    return Para(words, quiet)


def row(*cells: Inline) -> tuple[Words, ...]:
    """A table's row, each cell one inline."""
    return tuple((cell,) for cell in cells)


def figures(blocks: Sequence[Block]) -> Iterator[Figure]:
    """Every figure with a name among these blocks, folded ones included."""
    for block in blocks:
        if isinstance(block, Fold):
            yield from figures(block.blocks)
        elif isinstance(block, Figure) and block.name:
            yield block
