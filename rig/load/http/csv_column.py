"""One column of a CSV file as values. Pure."""

from __future__ import annotations

import csv
import io

MOST_VALUES = 100_000
"""Of one word: each load worker holds all of them."""


class BadColumn(ValueError):
    """The file has no such column, or nothing in it; its text says so."""


def column_of(content: bytes, column: str) -> tuple[str, ...]:
    """The column's cells, whose file begins with a line of names. BadColumn."""
    try:
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        lines = csv.DictReader(text, strict=True)
        names = list(lines.fieldnames or ())
        if column not in names:
            listed = ", ".join(names[:20]) or "none"
            raise BadColumn(f"has no column `{column}`, only {listed}")
        if names.count(column) > 1:
            raise BadColumn(f"has several columns `{column}`")
        cells = tuple(_cell(line[column], lines.line_num, column) for line in lines)
    except UnicodeDecodeError as error:
        raise BadColumn("is no UTF-8") from error
    except csv.Error as error:
        raise BadColumn(f"is no CSV: {error}") from error
    if not cells:
        raise BadColumn("has no line below its names")
    if len(cells) > MOST_VALUES:
        raise BadColumn(f"has {len(cells):,} lines, expected at most {MOST_VALUES:,}")
    return cells


def _cell(found: str | None, line: int, column: str) -> str:
    if found is None:
        raise BadColumn(f"has no `{column}` in line {line}")
    return found
