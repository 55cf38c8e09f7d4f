"""What `journal.jsonl` vouches for: the hashes of a session's own files, its manifests, its claim.

May not know what any of these files says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.reading.attempts import hold_hash, one_line
from rig.disk.files import sha256
from rig.model import RigError, StorageError, digest
from rig.store.journal import Journal
from rig.store.names import CALIBRATION, JOURNAL, MANIFEST, SCHEDULE, SESSION

OWN = (SESSION, SCHEDULE, CALIBRATION)
"""The files beside the attempts' that numbers come from."""


@dataclass(frozen=True)
class ClaimFixed:
    """The claim as the journal's first line has it."""

    sha256: str
    """Of its canonical JSON."""
    at: str
    """Wall clock of that line, ISO 8601."""
    kept: bool
    """Whether `session.json` still has that claim."""


def claim_fixed(session: Path, claim: Mapping[str, object] | None) -> ClaimFixed | None:
    """When a session's `claim` was fixed; None without one, or where no journal tells.

    Lines of older sessions have the hash of all of `session.json` instead.
    """
    try:
        first = next(iter(Journal(session / JOURNAL).events()), {})
        known = (first.get("files") or {}).get(SESSION)
        if claim is None or first.get("event") != "opened" or known is None:
            return None
        at, now = str(first.get("at", "")), digest(claim)
        told = first.get("claim_sha256")
        if isinstance(told, str):
            return ClaimFixed(told, at, told == now)
        return ClaimFixed(now, at, sha256(session / SESSION) == known)
    except (RigError, OSError):  # said by `vouched`
        return None


def vouched(session: Path) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Hashes by path in the session's folder, and a line on each own file that is another one.

    Older sessions have no journal, or no hashes; where it cannot be read, it is said and vouches
    for nothing.
    """
    path = session / JOURNAL
    try:
        hashes = _hashes_in(Journal(path))
    except RigError as error:
        return {}, (one_line(error, session),)
    except OSError as error:
        return {}, (one_line(StorageError(f"{path} cannot be read: {error.strerror}"), session),)
    return hashes, tuple(_others(session, hashes))


def _hashes_in(journal: Journal) -> dict[str, str]:
    manifests = {
        f"trials/{trial}/attempt-{number}/{MANIFEST}": sha256
        for (trial, number), sha256 in journal.manifests().items()
    }
    return {**journal.files(), **{path: sha256 for path, sha256 in manifests.items() if sha256}}


def _others(session: Path, hashes: Mapping[str, str]) -> Iterator[str]:
    for name in OWN:
        try:
            if name in hashes:
                hold_hash(session / name, hashes[name])
        except RigError as error:
            yield f"{one_line(error, session)} ({JOURNAL} has its hash)"
