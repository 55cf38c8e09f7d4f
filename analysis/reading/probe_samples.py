"""The probes' series that failures are explained by, on the load's own clock.

A series that is not there is empty; DamagedFile or StorageError where it cannot be read.
May not know verdicts or cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rig.disk.contents import rows
from rig.model import Count
from rig.record import LoadFacts

SEEN_LAST_S = 2.0
"""An app worker that was seen in the load's last seconds lived to its end, in older sessions: they
do not tell when it was last looked for."""


@dataclass(frozen=True)
class _AppWorker:
    first_at_s: float
    last_at_s: float
    looked_at_s: float | None = None


@dataclass(frozen=True)
class _Sessions:
    at_s: float
    total: Count | None


@dataclass(frozen=True)
class Sample:
    """A probe's sample, s since the load's start."""

    at_s: float
    value: int


def app_worker_ends_s(attempt: Path, load: LoadFacts) -> tuple[float, ...]:
    """When app workers that ended during the load were last seen, s since its start."""
    found = rows(attempt / "probes" / "app_workers.csv", _AppWorker, patchy=True) or ()
    seen_s = (one.last_at_s - load.began_at_s for one in found if _ended(one, load))
    return tuple(sorted(at_s for at_s in seen_s if 0 <= at_s < load.duration_s))


def _ended(one: _AppWorker, load: LoadFacts) -> bool:
    if one.looked_at_s is not None:
        return one.last_at_s < one.looked_at_s
    return one.last_at_s - load.began_at_s < load.duration_s - SEEN_LAST_S


def connections(attempt: Path, load: LoadFacts) -> tuple[Sample, ...]:
    """Postgres connections of the app's role over the load."""
    found = rows(attempt / "probes" / "postgres.csv", _Sessions, patchy=True) or ()
    return tuple(
        Sample(one.at_s - load.began_at_s, one.total) for one in found if one.total is not None
    )
