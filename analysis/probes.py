"""An attempt's probes, read: columns of numbers by name, and what a load cost each role.

Every file may be absent: then its table is empty. docs/results-format.md describes them.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rig.record import LoadFacts

NAMES = ("app_sockets", "app_loop", "postgres", "pgbouncer", "host")
"""Probes whose lines are one series in time."""

Column = Sequence[float | None]


@dataclass(frozen=True)
class Table:
    """Columns of one probe, all of equal length."""

    columns: Mapping[str, Column] = field(default_factory=dict)

    def column(self, name: str) -> Column:
        """Its numbers; empty without such a column."""
        return self.columns.get(name, ())

    def series(self, name: str, began_at_s: float) -> tuple[tuple[float, float], ...]:
        """(seconds since the load began, value) where there is a value."""
        pairs = zip(self.column("at_s"), self.column(name), strict=False)
        return tuple((at - began_at_s, v) for at, v in pairs if at is not None and v is not None)


@dataclass(frozen=True)
class Use:
    """What one role used: CPU in the steady window, and the most memory at a time."""

    cpu_s: float
    peak_rss_bytes: float
    processes: int
    window_s: float
    """The part of the steady window that its samples span."""


@dataclass(frozen=True)
class Probes:
    """All that probes say of one attempt."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    uses: Mapping[str, Use] = field(default_factory=dict)
    """By role."""
    failed: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    """Names of the files there are, in `probes/`."""

    def table(self, name: str) -> Table:
        """One probe's table, empty where there is none."""
        return self.tables.get(name, Table())


def read_probes(attempt: Path, load: LoadFacts) -> Probes:
    """What stands in an attempt's `probes/`; unreadable files count as failed probes."""
    folder = attempt / "probes"
    if not folder.is_dir():
        return Probes()
    files = tuple(sorted(path.name for path in folder.iterdir() if path.is_file()))
    failed = dict(_failed(folder / "failed.json"))
    tables: dict[str, Table] = {}
    for name in NAMES:
        if f"{name}.csv" in files:
            try:
                tables[name] = _table(folder / f"{name}.csv")
            except (OSError, ValueError, csv.Error) as error:
                failed[name] = f"not readable: {error}"
    uses: Mapping[str, Use] = {}
    if "processes.csv" in files:
        try:
            uses = _uses(folder / "processes.csv", load)
        except (OSError, ValueError, IndexError, csv.Error) as error:
            failed["processes"] = f"not readable: {error}"
    return Probes(tables, uses, failed, files)


def _failed(path: Path) -> Mapping[str, str]:
    try:
        said = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        return {"failed.json": f"not readable: {error}"}
    return {str(name): str(why) for name, why in said.items()} if isinstance(said, dict) else {}


def _table(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        heading = next(lines, [])
        rows = [row for row in lines if len(row) == len(heading)]
    return Table({name: [_number(row[i]) for row in rows] for i, name in enumerate(heading)})


def _number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _uses(path: Path, load: LoadFacts) -> Mapping[str, Use]:
    """Cumulative counters of each process, as differences over the steady window."""
    start_s = load.began_at_s + load.ramp_s
    end_s = load.began_at_s + load.duration_s
    cpu: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    memory: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        heading = {name: index for index, name in enumerate(next(lines, []))}
        columns = [heading.get(n, -1) for n in ("at_s", "role", "index", "cpu_s", "rss_bytes")]
        if -1 in columns:
            raise ValueError("a column is missing")
        for row in lines:
            at, role, index, cpu_s, rss = (row[column] for column in columns)
            if cpu_s and start_s <= float(at) <= end_s:
                cpu[role, index].append((float(at), float(cpu_s)))
            if rss:
                memory[role][float(at)] += float(rss)
    return {role: _use(role, cpu, most) for role, most in sorted(memory.items())}


def _use(
    role: str, cpu: Mapping[tuple[str, str], list[tuple[float, float]]], rss: Mapping[float, float]
) -> Use:
    own = [samples for (name, _), samples in cpu.items() if name == role]
    spent_s = sum(samples[-1][1] - samples[0][1] for samples in own)
    spans = [samples[-1][0] - samples[0][0] for samples in own]
    return Use(spent_s, max(rss.values(), default=0.0), len(own), max(spans, default=0.0))
