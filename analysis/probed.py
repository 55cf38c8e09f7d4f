"""The probes' series that failures are explained by, on the load's own clock.

A series that is not there is empty; OSError, KeyError or ValueError where it is none.
May not know verdicts or cells.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.failures import Sample
from rig.record import LoadFacts

SEEN_LAST_S = 2.0
"""An app worker that was seen in the load's last seconds lived to its end, in older sessions: they
do not tell when it was last looked for."""


def app_worker_ends_s(attempt: Path, load: LoadFacts) -> tuple[float, ...]:
    """When app workers that ended during the load were last seen, s since its start."""
    ended = (line for line in _lines(attempt, "app_workers") if _ended(line, load))
    seen_s = (float(line["last_at_s"]) - load.began_at_s for line in ended)
    return tuple(sorted(at_s for at_s in seen_s if 0 <= at_s < load.duration_s))


def _ended(line: Mapping[str, str], load: LoadFacts) -> bool:
    last_s = float(line["last_at_s"])
    if looked := line.get("looked_at_s"):
        return last_s < float(looked)
    return last_s - load.began_at_s < load.duration_s - SEEN_LAST_S


def connections(attempt: Path, load: LoadFacts) -> tuple[Sample, ...]:
    """Postgres connections of the app's role over the load."""
    return tuple(
        Sample(float(line["at_s"]) - load.began_at_s, int(line["total"]))
        for line in _lines(attempt, "postgres")
        if line.get("total")
    )


def _lines(attempt: Path, probe: str) -> Sequence[dict[str, str]]:
    path = attempt / "probes" / f"{probe}.csv"
    if not path.exists():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
