"""What a session's own files say of each other: journal, schedule, plans, calibration, manifests.

Reads the folder and nothing else. What stands in an attempt is read by
`rig.evidence.verify`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.calibration import calibration_to_json
from rig.disk.files import read_json, sha256
from rig.disk.schema import OtherSchema
from rig.evidence.calibration import read_calibration
from rig.model import RigError
from rig.store.names import (
    CALIBRATION,
    DERIVED,
    JOURNAL,
    MANIFEST,
    PLAN,
    SCHEDULE,
    SESSION,
    TRIALS,
    YAML,
)
from rig.store.schedule import level_of, misplaced, of_another_cell, parsed
from rig.store.session_folder import SessionFolder, number_of

MADE = f"{DERIVED}/made.json"
UNREADABLE = (RigError, OSError, ValueError, LookupError, TypeError, AttributeError)
"""What reading raises where a file is not what was written."""


@dataclass(frozen=True)
class Discrepancy:
    """One thing that was found; where `differs` is False, what could not be recomputed."""

    where: str
    what: str
    differs: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def of_session(session: SessionFolder) -> Iterator[Discrepancy]:
    """What does not fit together, trials' own files aside. OtherSchema."""
    for name, part in (
        (JOURNAL, _journal),
        (JOURNAL, _vouched),
        (JOURNAL, _manifests),
        (SCHEDULE, _places),
        (CALIBRATION, _calibration),
        (MADE, _derived),
    ):
        try:
            yield from part(session)
        except OtherSchema:
            raise
        except UNREADABLE as error:
            yield Discrepancy(name, f"cannot be read: {error}")


def schedule_rows(session: SessionFolder) -> tuple[dict[str, Mapping[str, str]], list[Discrepancy]]:
    """The schedule's rows by trial, and what is wrong with its lines."""
    try:
        rows, wrong = parsed(session.schedule_bytes(), session.path / SCHEDULE)
    except UNREADABLE as error:
        return {}, [Discrepancy(SCHEDULE, f"cannot be read: {error}")]
    by_trial: dict[str, Mapping[str, str]] = {row["trial"]: row for row in rows}
    return by_trial, [
        Discrepancy(SCHEDULE, f"{finding} (line {number})") for number, finding in wrong
    ]


def superseded(session: SessionFolder) -> dict[Path, str]:
    """Why attempts do not count that `resume` found damaged, and that a newer one stands for."""
    try:
        discarded = session.journal.discarded()
    except UNREADABLE:
        return {}
    found = {}
    for (trial, number), why in discarded.items():
        newer = (path for path in session.attempts(trial) if number_of(path) > number)
        if any((path / MANIFEST).exists() for path in newer):
            found[session.attempt(trial, number)] = why
    return found


def _journal(session: SessionFolder) -> Iterator[Discrepancy]:
    """No line was changed, taken out or put in."""
    for broken in session.journal.broken():
        yield Discrepancy(JOURNAL, broken)


def _vouched(session: SessionFolder) -> Iterator[Discrepancy]:
    """The session's own files are those whose hashes the journal has, and it has all of them."""
    hashes = session.journal.files()
    if SESSION not in hashes:
        yield Discrepancy(SESSION, f"{JOURNAL} has no hash of it")
    elif session.journal.chained:
        for name in _own_files(session):
            if name not in hashes:
                yield Discrepancy(name, f"{JOURNAL} has no hash of it")
    for name, known in hashes.items():
        path = session.path / name
        if not path.exists():
            yield Discrepancy(name, f"is gone, but {JOURNAL} tells of it")
        elif sha256(path) != known:
            yield Discrepancy(name, f"is not the file whose hash {JOURNAL} has")


def _own_files(session: SessionFolder) -> Iterator[str]:
    """The names of the session's files that must have a hash; manifests have lines of their own."""
    yield from (name for name in (YAML, SCHEDULE, CALIBRATION) if (session.path / name).exists())
    for plan in sorted(session.path.glob(f"{TRIALS}/*/{PLAN}")):
        yield plan.relative_to(session.path).as_posix()


def _manifests(session: SessionFolder) -> Iterator[Discrepancy]:
    """The journal holds the hash of every manifest, and every manifest is still there."""
    hashes = {session.attempt(*key): known for key, known in session.journal.manifests().items()}
    found = {path.parent for path in session.path.glob(f"{TRIALS}/*/attempt-*/{MANIFEST}")}
    for attempt in sorted({*hashes, *found} - superseded(session).keys()):
        manifest = attempt / MANIFEST
        where = manifest.relative_to(session.path).as_posix()
        if not manifest.exists():
            yield Discrepancy(where, f"is gone, but {JOURNAL} tells of it")
        elif attempt not in hashes:
            yield Discrepancy(where, f"has no line in {JOURNAL}")
        elif hashes[attempt] is None:
            yield Discrepancy(where, f"{JOURNAL} has no hash of it")
        elif hashes[attempt] != sha256(manifest):
            yield Discrepancy(where, f"is not the file whose hash {JOURNAL} has")


def _places(session: SessionFolder) -> Iterator[Discrepancy]:
    """Every row stands where a design would put it, and its levels are those of its cell."""
    about = session.session()
    rows, _ = parsed(session.schedule_bytes(), session.path / SCHEDULE)
    levels = {one["name"]: one["levels"] for one in about.get("factors", ())}
    for row in rows:
        its = {name: level_of(row[name], known) for name, known in levels.items() if name in row}
        if its and of_another_cell(row["cell"], its):
            finding = f"the levels of {row['trial']} are not those of its cell {row['cell']}"
            yield Discrepancy(SCHEDULE, finding)
    in_pairs = bool(about.get("search"))
    searches = in_pairs or bool(about.get("capacity"))
    for trial, finding in misplaced(rows, searches, in_pairs):
        yield Discrepancy(SCHEDULE, f"{trial} {finding}")


def _derived(session: SessionFolder) -> Iterator[Discrepancy]:
    """What was derived of a session of today says what made it."""
    tables = any(session.path.glob("derived/*.csv"))
    if tables and session.journal.chained and not (session.path / MADE).exists():
        yield Discrepancy(MADE, "is missing; analyse makes derived/ again")


def _calibration(session: SessionFolder) -> Iterator[Discrepancy]:
    """`calibration.json` says what its raw files give."""
    if not (session.path / CALIBRATION).exists():
        return
    try:
        recorded = read_json(session.path / CALIBRATION)
        found = plain(calibration_to_json(read_calibration(session.path)))
    except UNREADABLE as error:
        yield Discrepancy(CALIBRATION, f"cannot be recomputed: {type(error).__name__}: {error}")
        return
    for path, one, other in differences(recorded, found, ""):
        yield Discrepancy(CALIBRATION, f"{path[1:]} is {short(one)}, recomputed {short(other)}")


def plain(value: Any) -> Any:
    """A value as JSON would give it back."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    return json.loads(json.dumps(value, default=dataclasses.asdict))


def differences(one: Any, other: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Dotted path and both values, wherever two values of JSON differ."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in dict.fromkeys([*one, *other]):
            yield from differences(one.get(key), other.get(key), f"{path}.{key}")
    elif one != other:
        yield path, one, other


def short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
