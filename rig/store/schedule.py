"""`schedule.csv`: which trials there are, in which order and at which levels.

Text in, rows out, and back; both the rig and the analysis read it here. May not know designs,
nor what became of a trial.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rig.model import DamagedFile, Level, digest

COLUMNS = ("position", "trial", "block", "replicate", "cell", "skip", "because")
"""The columns before those of the factors."""

Row = Mapping[str, str]

_NUMBER = re.compile(r"[1-9]\d{0,8}\Z", re.ASCII)


def lines(rows: Iterable[Sequence[object]]) -> str:
    """Rows as the lines of a schedule."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def whole_lines(data: bytes) -> bytes:
    """Without a last line that was cut short. A line feed inside quotes ends no line."""
    end = at = 0
    quoted = False
    while after := data.find(b"\n", at) + 1:
        quoted ^= data.count(b'"', at, after) % 2 == 1
        end, at = end if quoted else after, after
    return data[:end]


def read_rows(data: bytes, path: Path) -> list[dict[str, str]]:
    """The rows of a schedule's whole lines. DamagedFile, naming the first line that is none."""
    rows, wrong = parsed(data, path)
    for number, problem in wrong:
        raise DamagedFile(f"{path}:{number}: no line of a schedule: {problem}")
    return rows


def parsed(data: bytes, path: Path) -> tuple[list[dict[str, str]], list[tuple[int, str]]]:
    """The rows that have a trial's name, and number and words of every line that is not in order.

    DamagedFile where it is no schedule at all.
    """
    rows: list[dict[str, str]] = []
    wrong: list[tuple[int, str]] = []
    try:
        text = whole_lines(data).decode("utf-8")
        read = csv.DictReader(io.StringIO(text, newline=""))
        head = tuple(read.fieldnames or ())
        if head and head[: len(COLUMNS)] != COLUMNS:
            raise DamagedFile(f"{path}: no schedule: its heading is another one")
        for row in read:
            problem = _no_row(row) or _misnamed(row)
            wrong += [(read.line_num, problem)] if problem else []
            rows += [] if _no_row(row) else [row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DamagedFile(f"{path}: no schedule: {error}") from error
    return rows, wrong


def _no_row(row: Mapping[Any, Any]) -> str:
    """Why a line stands for no trial; empty where it does."""
    if None in row or None in row.values():
        return "it has not as many cells as the heading"
    for name in ("position", "block", "replicate"):
        if not _NUMBER.match(str(row[name])):
            return f"{name} {row[name]!r} is no number from 1 up"
    trial = str(row["trial"])
    if "/" in trial or "\0" in trial or trial in ("", ".", ".."):
        return f"{trial!r} is no name of a trial's folder"
    return ""


def _misnamed(row: Row) -> str:
    """Position and replicate are those that the trial is named by; else words."""
    first, last = f"{int(row['position']):04d}-", f"-r{row['replicate']}"
    if row["trial"].startswith(first) and row["trial"].endswith(last):
        return ""
    return f"{row['trial']} is at position {row['position']}, replicate {row['replicate']}"


def level_of(text: str, levels: Sequence[Level]) -> Level:
    """The level that a cell stands for, of those that are known; else a number or the text."""
    for level in levels:
        if str(level) == text:
            return level
    try:
        number = float(text)
    except ValueError:
        return text
    for level in levels:
        if isinstance(level, int | float) and level == number:
            return level
    return int(number) if number.is_integer() else number


def of_another_cell(cell: str, levels: Mapping[str, Level]) -> bool:
    """Whether levels are not those that an id of a cell was made of."""
    return digest(dict(levels))[:10] != cell


def misplaced(
    rows: Sequence[Row], searches: bool, in_pairs: bool = False
) -> Iterator[tuple[str, str]]:
    """Trial and words, of every row that no design puts where it stands.

    `searches`: whether the design chose levels by itself; others hold each cell once a block.
    `in_pairs`: whether it put two trials beside each other.
    """
    times: Counter[str] = Counter()
    last = 0
    for number, row in enumerate(rows, 1):
        block, cell = int(row["block"]), row["cell"]
        times[cell] += 1
        if int(row["position"]) != number:
            yield row["trial"], f"is at position {row['position']}, in line {number} of the trials"
        elif not last <= block <= last + 1 or not block:
            yield row["trial"], f"is of block {block}, after block {last}"
        elif int(row["replicate"]) != times[cell] or not (searches or block == times[cell]):
            where = f"replicate {row['replicate']} in block {block}"
            yield row["trial"], f"is {where}, and number {times[cell]} of its cell"
        last = block
    in_block = Counter(row["block"] for row in rows)
    for row in rows if in_pairs else ():
        if in_block.pop(row["block"], 0) % 2:
            yield row["trial"], f"is of block {row['block']}, which is not of pairs"
