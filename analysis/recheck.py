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

from analysis.provenance import MADE, Made, read_made
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
    kept = session_dir / "derived"
    made = read_made(kept)
    names = _names(kept)
    pages = [_of_two(kept, name, made) for name in names if COMPARED.match(name)]
    found = [difference for difference in pages if difference]
    if any(name.endswith(".csv") or name in (*REPORTS, FOR_PROGRAMS.name) for name in names):
        with scratch(VERIFY_SCRATCH) as folder:
            now = folder / "derived"
            _recompute(session_dir, now, any((kept / name).exists() for name in REPORTS))
            older = made.rules < RULES and _measured_by_older(session_dir)
            found += (_of_older if older else _held_against)(kept, now, made)
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


_Said = tuple[bool, str]
"""Whether it differs, and words; where it does not, it could not be recomputed."""


def _held_against(kept: Path, now: Path, made: Made) -> Iterator[_Said]:
    names = sorted({*_names(kept), *_names(now)} - {MADE})
    for name in names:
        if name.endswith(".csv"):
            yield from ((True, line) for line in _compared(kept, now, name))
        elif name == FOR_PROGRAMS.name:
            yield from _values_compared(kept, now, made)
        elif name.endswith(DRAWN) and not COMPARED.match(name):
            difference = _drawn(kept, now, name, made)
            yield from [difference] if difference else []


def _values_compared(kept: Path, now: Path, made: Made) -> Iterator[_Said]:
    """`summary.json`, value by value; versions that knew of none wrote none."""
    name = FOR_PROGRAMS.name
    if not (kept / name).exists():
        unknown = bool(made.by) and not made.today and name not in made.files
        yield not unknown, f"{name}: {UNKNOWN_THEN if unknown else 'is missing'}"
    elif read_bytes(kept / name) != read_bytes(now / name):
        try:
            lines = list(_unequal(read_json(kept / name), read_json(now / name)))
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


def _of_older(kept: Path, now: Path, made: Made) -> Iterator[_Said]:
    """What older rules made has the hash that they gave it, or is as recomputed."""
    there, again = _names(kept), _names(now)
    for name in sorted({*there, *made.files} - {MADE}):
        path = kept / name
        if COMPARED.match(name):
            continue
        if name not in there:
            yield True, f"{name}: is missing"
        elif name not in again or read_bytes(path) != read_bytes(now / name):
            changed = bool(made.by) and made.files.get(name) != sha256(path)
            yield changed, f"{name}: " + (NOT_ITS_HASH if changed else OLDER)


def _drawn(kept: Path, now: Path, name: str, made: Made) -> _Said | None:
    """A page or a drawing, byte by byte."""
    if not (kept / name).exists():
        return True, f"{name}: is missing"
    there = (now / name).exists()
    if there and read_bytes(kept / name) == read_bytes(now / name):
        return None
    if made.by and not made.today:
        if made.files.get(name) == sha256(kept / name):
            return False, f"{name}: {OTHERS}"
        return True, f"{name}: {NOT_ITS_HASH}"
    if not there:
        return True, f"{name}: is not what this session gives"
    if name in REPORTS and (line := _first_line(kept / name, now / name)):
        return True, f"{name}: line {line} is not as recomputed"
    if not made.by:
        return False, f"{name}: is not drawn as today, and no {MADE} says by what it was"
    return True, f"{name}: is not drawn as recomputed"


def _of_two(kept: Path, name: str, made: Made) -> _Said | None:
    """A comparison: its other session may be anywhere, so that its hash has to do."""
    if not made.by:
        return False, f"{name}: no {MADE} has its hash"
    if made.files.get(name) != sha256(kept / name):
        return True, f"{name}: {NOT_ITS_HASH}"
    return None


def _first_line(kept: Path, now: Path) -> int:
    """The number of the first line that differs in words; 0 where only drawings do."""
    pairs = zip_longest(_words(kept), _words(now))
    return next((number for number, (a, b) in enumerate(pairs, 1) if a != b), 0)


def _words(path: Path) -> list[str]:
    """A page's lines without its drawings."""
    return DRAWING.sub("", read_bytes(path).decode(errors="replace")).splitlines()


def _names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in regular_files(folder)]


def _compared(kept: Path, made: Path, name: str) -> Iterator[str]:
    if not (kept / name).exists():
        yield f"{name}: is missing"
    elif not (made / name).exists():
        yield f"{name}: is not what this session gives"
    elif (kept / name).read_bytes() != (made / name).read_bytes():
        lines = list(_cells(_read(kept / name), _read(made / name)))
        yield from (f"{name}: {line}" for line in lines[:MOST_CELLS])
        if len(lines) > MOST_CELLS:
            yield f"{name}: {len(lines) - MOST_CELLS} more"
        if not lines:
            yield f"{name}: is written differently"


def _read(path: Path) -> Sequence[Mapping[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _cells(kept: Sequence[Mapping[str, str]], made: Sequence[Mapping[str, str]]) -> Iterator[str]:
    if len(kept) != len(made):
        yield f"{len(kept)} rows, recomputed {len(made)}"
        return
    for number, (one, other) in enumerate(zip(kept, made, strict=True), start=2):
        for column in dict.fromkeys([*one, *other]):
            before, now = one.get(column), other.get(column)
            if before != now:
                yield f"line {number}: {column} is {before!r}, recomputed {now!r}"
