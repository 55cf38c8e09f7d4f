"""Why requests failed, in the words of who refused them: Postgres, PgBouncer, the app itself.

Reads an attempt's logs, which hold whatever a target printed; their size is bounded where they
are collected. May not know which requests failed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analysis.reading.attempts import hold_hash
from rig.disk.contents import data
from rig.model import printable
from rig.record import Record

DATABASE, POOLER, APP = "logs/database.log", "logs/pooler.log", "logs/app.log"
MOST_CHARACTERS, MOST_KINDS = 200, 20

_REFUSED = re.compile(r"\bFATAL:\s+(.+)")
_STATEMENT = re.compile(r"\bERROR:\s+(.+)")
_POOLER = re.compile(r"pooler error: (.+)")
# what Postgres says to whoever comes before it is up, and to all when it goes
_NOT_OF_THE_LOAD = ("the database system is", "terminating connection due to administrator")
# what `stack/around/bench_failures.py` prints: each failed request once, whatever the app logs
_FAILED = re.compile(r"request failed: (.+)")
_TRACEBACK = re.compile(r"\s*(\|\s*|\+\s*)*(Exception Group )?Traceback \(most recent call last\):")
# INFO and its like are no exceptions
_EXCEPTION = re.compile(r"(?=[\w.]*[a-z])[A-Za-z_][\w.]*(: .*)?$")
_LATER = ("The above exception was the direct cause", "During handling of the above exception")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Logged:
    """How often who said what, the commonest first; texts that differ in numbers are one."""

    refusals: Mapping[str, int] = field(default_factory=dict)
    """Connections that Postgres refused, by its words."""
    pooler_refusals: Mapping[str, int] = field(default_factory=dict)
    """Clients that PgBouncer refused, by its words."""
    statement_errors: Mapping[str, int] = field(default_factory=dict)
    """Statements that Postgres refused, by its words."""
    exceptions: Mapping[str, int] = field(default_factory=dict)
    """How requests of the app failed, by the last line of a traceback."""


def read_logs(attempt: Path, record: Record) -> Logged:
    """What the logs of an attempt say; nothing of one that is not there.

    DamagedFile, StorageError.
    """
    database = _lines(attempt, record, DATABASE)
    return Logged(
        refusals=_by_kind(found[1] for line in database if (found := _REFUSED.search(line))),
        pooler_refusals=_by_kind(
            found[1] for line in _lines(attempt, record, POOLER) if (found := _POOLER.search(line))
        ),
        statement_errors=_by_kind(
            found[1] for line in database if (found := _STATEMENT.search(line))
        ),
        exceptions=_by_kind(exceptions(_lines(attempt, record, APP))),
    )


def _lines(attempt: Path, record: Record, name: str) -> list[str]:
    path = attempt / name
    printed = data(path)
    if printed is None:
        return []
    hold_hash(path, record.files.get(name))
    return printed.decode("utf-8", "replace").splitlines()


def exceptions(lines: Sequence[str]) -> Iterator[str]:
    """What each failed request is said to have raised; else how each traceback ends.

    Of a chain of exceptions the last.
    """
    told = [found[1] for line in lines if (found := _FAILED.match(line))]
    return iter(told) if told else _ends(lines)


def _ends(lines: Sequence[str]) -> Iterator[str]:
    inside, last = False, ""
    for line in lines:
        if _TRACEBACK.match(line):
            inside = True
        elif line.startswith(_LATER):
            last = ""
        elif inside and line and not line[0].isspace():
            inside = False
            if last:
                yield last
            last = line if _EXCEPTION.match(line) else ""
    if last:
        yield last


def _by_kind(texts: Iterator[str]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for text in texts:
        if text.startswith(_NOT_OF_THE_LOAD):
            continue
        kind = _NUMBER.sub("0", text[:MOST_CHARACTERS])
        if kind in first or len(first) < MOST_KINDS:
            first.setdefault(kind, printable(text[:MOST_CHARACTERS].strip()))
            counts[kind] += 1
    return {first[kind]: count for kind, count in counts.most_common()}
