"""Holds a session's `derived/` against what its raw files say now.

Writes into a temporary folder only. May not know what any number means.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from analysis.derived import derive

MOST_CELLS = 20
REPORTS = ("report.md", "report.html")
DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)


def differences(session_dir: Path) -> tuple[str, ...]:
    """One line for each number of `derived/`'s CSV files that is not as recomputed.

    Empty without a `derived/`: it may be deleted at any time, and then hold comparisons alone.
    UsageError for a folder that is no session. Drawings are not compared: they differ with the
    version of what draws them.
    """
    kept = session_dir / "derived"
    if not any(_tables(kept)) and not any((kept / name).exists() for name in REPORTS):
        return ()
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch, "derived")
        if any((kept / name).exists() for name in REPORTS):
            # what a report needs takes a while to import, and most commands write none
            from analysis.report import report

            report(session_dir, made)
        else:
            derive(session_dir, made)
        names = {*_tables(kept), *_tables(made)}
        lines = [line for name in sorted(names) for line in _compared(kept, made, name)]
        return (*lines, *_said(kept, made))


def _said(kept: Path, made: Path) -> Iterator[str]:
    """What the report says in words and tables, line by line; its drawings are of the CSVs."""
    for name in REPORTS:
        if not (made / name).exists():
            continue
        if not (kept / name).exists():
            yield f"derived/{name}: is missing"
            continue
        sides = [_words(side / name) for side in (kept, made)]
        if sides[0] != sides[1]:
            pairs = zip_longest(*sides, fillvalue="nothing")
            number = next(n for n, (told, found) in enumerate(pairs, 1) if told != found)
            yield f"derived/{name}: line {number} is not as recomputed"


def _words(path: Path) -> list[str]:
    """A page's lines without its drawings."""
    return DRAWING.sub("", path.read_text(encoding="utf-8")).splitlines()


def _tables(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*.csv"))


def _compared(kept: Path, made: Path, name: str) -> Iterator[str]:
    where = f"derived/{name}"
    if not (kept / name).exists():
        yield f"{where}: is missing"
    elif not (made / name).exists():
        yield f"{where}: is not what this session gives"
    elif (kept / name).read_bytes() != (made / name).read_bytes():
        lines = list(_cells(_read(kept / name), _read(made / name)))
        yield from (f"{where}: {line}" for line in lines[:MOST_CELLS])
        if len(lines) > MOST_CELLS:
            yield f"{where}: {len(lines) - MOST_CELLS} more"
        if not lines:
            yield f"{where}: is written differently"


def _read(path: Path) -> Sequence[Mapping[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _cells(kept: Sequence[Mapping[str, str]], made: Sequence[Mapping[str, str]]) -> Iterator[str]:
    if len(kept) != len(made):
        yield f"{len(kept)} rows, recomputed {len(made)}"
        return
    for number, (one, other) in enumerate(zip(kept, made, strict=True), start=2):
        for column in dict.fromkeys([*one, *other]):
            told, found = one.get(column), other.get(column)
            if told != found:
                yield f"line {number}: {column} is {told!r}, recomputed {found!r}"
