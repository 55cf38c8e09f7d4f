"""Series of an attempt's probes, read: columns of numbers by name.

Every file may be absent: then its table is empty. What the series add up to stands in the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rig.disk.contents import samples

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


def read_series(attempt: Path, name: str) -> Table:
    """One probe's series; empty where its file is absent. DamagedFile, StorageError."""
    found = [numbers for numbers, _ in samples(attempt / "probes" / f"{name}.csv")]
    return Table({name: [line[name] for line in found] for name in (found[0] if found else ())})
