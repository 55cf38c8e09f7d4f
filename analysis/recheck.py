"""Holds a session's `derived/` against what its raw files say now.

Writes into a temporary folder only. May not know what any number means.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from analysis.provenance import MADE, Provenance, read_provenance
from analysis.reading.attempts import last_finished
from analysis.tables import FOR_PROGRAMS, derive
from rig.disk.files import VERIFY_SCRATCH, read_bytes, read_json, regular_files, scratch, sha256
from rig.model import RULES, RigError

MOST_CELLS, LONGEST_SHOWN = 20, 100
REPORTS = ("report.md", "report.html")
DRAWN = (".svg", ".png", ".html", ".md")
"""What people look at: pages and drawings."""
DRAWING = re.compile(r'<div class="drawing".*?</div>', re.DOTALL)
COMPARED = re.compile(r"compare-[^/]*\.(html|md)\Z")
"""Pages that need another session, too."""
NOT_ITS_HASH = f"is not the file whose hash {MADE} has"
OLDER = "derived by an older rule; `report` writes it anew"
UNKNOWN_THEN = "another version of the code made this folder, without it; `report` adds it"
OTHERS = "another version of the code or of a library made it: as it was written, not recomputed"


class Differences(NamedTuple):
    """One line for each thing of `derived/` that is not as recomputed; and that could not be."""

    differ: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()


def differences(session_dir: Path) -> Differences:
    """Holds every table, drawing and page of `derived/` against the raw files.

    Nothing without a `derived/`: it may be deleted at any time, and then hold comparisons alone.
    Numbers are always recomputed. A drawing or page that differs byte by byte is as it should be
    where `made.json` says that others made it, and has its hash. So is any file of a session
    that older rules measured and derived. UsageError for a folder that is no session.
    """
    stored = session_dir / "derived"
    provenance = read_provenance(stored)
    names = _names(stored)
    pages = [_of_two(stored, name, provenance) for name in names if COMPARED.match(name)]
    found = [difference for difference in pages if difference]
    if any(name.endswith(".csv") or name in (*REPORTS, FOR_PROGRAMS.name) for name in names):
        with scratch(VERIFY_SCRATCH) as folder:
            now = folder / "derived"
            _recompute(session_dir, now, any((stored / name).exists() for name in REPORTS))
            older = provenance.rules < RULES and _measured_by_older(session_dir)
            found += (_of_older if older else _held_against)(stored, now, provenance)
    return Differences(
        tuple(f"derived/{message}" for differ, message in found if differ),
        tuple(f"derived/{message}" for differ, message in found if not differ),
    )


def _recompute(session_dir: Path, now: Path, reported: bool) -> None:
    if reported:
        # what a report needs takes a while to import, and most commands write none
        from analysis.report import report

        report(session_dir, now)
    else:
        derive(session_dir, now)


def _measured_by_older(session_dir: Path) -> bool:
    """Whether a manifest is of older rules: its session may have tables by them."""
    trials = sorted((session_dir / "trials").glob("*"))
    records = (last_finished(trial).record for trial in trials)
    return any(record is not None and record.rules < RULES for record in records)


Table = Sequence[Mapping[str, str]]

_Difference = tuple[bool, str]
"""Whether it differs, and words; where it does not, it could not be recomputed."""


def _held_against(stored: Path, now: Path, provenance: Provenance) -> Iterator[_Difference]:
    names = sorted({*_names(stored), *_names(now)} - {MADE})
    for name in names:
        if name.endswith(".csv"):
            yield from ((True, line) for line in _compared(stored, now, name))
        elif name == FOR_PROGRAMS.name:
            yield from _values_compared(stored, now, provenance)
        elif name.endswith(DRAWN) and not COMPARED.match(name):
            difference = _drawn(stored, now, name, provenance)
            yield from [difference] if difference else []


def _values_compared(stored: Path, now: Path, provenance: Provenance) -> Iterator[_Difference]:
    """`summary.json`, value by value; versions that knew of none wrote none."""
    name = FOR_PROGRAMS.name
    if not (stored / name).exists():
        unknown = bool(provenance.by) and not provenance.today and name not in provenance.files
        yield not unknown, f"{name}: {UNKNOWN_THEN if unknown else 'is missing'}"
    elif read_bytes(stored / name) != read_bytes(now / name):
        try:
            lines = list(_unequal(read_json(stored / name), read_json(now / name)))
        except RigError:
            lines = ["is no JSON"]
        yield from ((True, f"{name}: {line}") for line in lines[:MOST_CELLS])
        if len(lines) > MOST_CELLS:
            yield True, f"{name}: {len(lines) - MOST_CELLS} more"
        if not lines:
            yield True, f"{name}: is written differently"


def _unequal(one: Any, other: Any, at: str = "") -> Iterator[str]:
    """Where two values of JSON differ, by the keys that lead there."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys([*one, *other]):
            yield from _unequal(one.get(key), other.get(key), f"{at}.{key}" if at else key)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from _unequal(a, b, f"{at}[{index}]")
    elif one != other:
        yield f"{at or 'all of it'} is {_shown(one)}, recomputed {_shown(other)}"


def _shown(value: Any) -> str:
    """A value of JSON in a line; what is long is cut."""
    text = json.dumps(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _of_older(stored: Path, now: Path, provenance: Provenance) -> Iterator[_Difference]:
    """What older rules made has the hash that they gave it, or is as recomputed."""
    there, again = _names(stored), _names(now)
    for name in sorted({*there, *provenance.files} - {MADE}):
        path = stored / name
        if COMPARED.match(name):
            continue
        if name not in there:
            yield True, f"{name}: is missing"
        elif name not in again or read_bytes(path) != read_bytes(now / name):
            changed = bool(provenance.by) and provenance.files.get(name) != sha256(path)
            yield changed, f"{name}: " + (NOT_ITS_HASH if changed else OLDER)


def _drawn(stored: Path, now: Path, name: str, provenance: Provenance) -> _Difference | None:
    """A page or a drawing, byte by byte."""
    if not (stored / name).exists():
        return True, f"{name}: is missing"
    there = (now / name).exists()
    if there and read_bytes(stored / name) == read_bytes(now / name):
        return None
    if provenance.by and not provenance.today:
        if provenance.files.get(name) == sha256(stored / name):
            return False, f"{name}: {OTHERS}"
        return True, f"{name}: {NOT_ITS_HASH}"
    if not there:
        return True, f"{name}: is not what this session gives"
    if name in REPORTS and (line := _first_line(stored / name, now / name)):
        return True, f"{name}: line {line} is not as recomputed"
    if not provenance.by:
        return False, f"{name}: is not drawn as today, and no {MADE} says by what it was"
    return True, f"{name}: is not drawn as recomputed"


def _of_two(stored: Path, name: str, provenance: Provenance) -> _Difference | None:
    """A comparison: its other session may be anywhere, so that its hash has to do."""
    if not provenance.by:
        return False, f"{name}: no {MADE} has its hash"
    if provenance.files.get(name) != sha256(stored / name):
        return True, f"{name}: {NOT_ITS_HASH}"
    return None


def _first_line(stored: Path, now: Path) -> int:
    """The number of the first line that differs in words; 0 where only drawings do."""
    pairs = zip_longest(_words(stored), _words(now))
    return next((number for number, (a, b) in enumerate(pairs, 1) if a != b), 0)


def _words(path: Path) -> list[str]:
    """A page's lines without its drawings."""
    return DRAWING.sub("", read_bytes(path).decode(errors="replace")).splitlines()


def _names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in regular_files(folder)]


def _compared(stored: Path, now: Path, name: str) -> Iterator[str]:
    if not (stored / name).exists():
        yield f"{name}: is missing"
    elif not (now / name).exists():
        yield f"{name}: is not what this session gives"
    elif (stored / name).read_bytes() != (now / name).read_bytes():
        lines = list(_cells(_read(stored / name), _read(now / name)))
        yield from (f"{name}: {line}" for line in lines[:MOST_CELLS])
        if len(lines) > MOST_CELLS:
            yield f"{name}: {len(lines) - MOST_CELLS} more"
        if not lines:
            yield f"{name}: is written differently"


def _read(path: Path) -> Table:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _cells(stored: Table, again: Table) -> Iterator[str]:
    if len(stored) != len(again):
        yield f"{len(stored)} rows, recomputed {len(again)}"
        return
    for number, (one, other) in enumerate(zip(stored, again, strict=True), start=2):
        for column in dict.fromkeys([*one, *other]):
            before, now = one.get(column), other.get(column)
            if before != now:
                yield f"line {number}: {column} is {before!r}, recomputed {now!r}"
