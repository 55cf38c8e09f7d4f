"""Which attempt of a trial counts: the last one that was finished, and whether it is whole.

May not know what its numbers mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from rig.disk.contents import json_value, needed
from rig.disk.files import sha256
from rig.model import DamagedFile, Index, RigError, StorageError, digest
from rig.record import Record, record_from_json
from rig.store.names import MANIFEST, PLAN, VERIFY

READ = (
    *("load/completions.csv", "load/latencies.hlog", "load/seconds.csv", "load/unanswered.csv"),
    *("load/service.hlog", "probes/app_workers.csv", "probes/postgres.csv"),
    *("probes/pgbouncer.csv",),
)
"""The files of an attempt that numbers are read from, the manifest aside."""
MOST_CHARACTERS = 400


@dataclass(frozen=True)
class TrialAttempts:
    """The attempts of one trial. `notes`: one line on each file that cannot be used."""

    attempts: int = 0
    folder: Path | None = None
    record: Record | None = None
    notes: tuple[str, ...] = ()
    damaged: frozenset[str] = frozenset()
    """Of the files that numbers are read from, those that are not what was written."""


def last_finished(trial: Path, vouched: Mapping[str, str] | None = None) -> TrialAttempts:
    """The last attempt with a readable manifest; without one, `record` is None.

    `vouched`: hashes of manifests, by their path in the session's folder. One with another hash is
    not read.
    """
    notes: list[str] = []
    count = 0
    for tried in _attempts(trial, vouched or {}):
        count = max(count, tried.attempts)
        notes += tried.notes
        if tried.record is not None:
            return replace(tried, attempts=count, notes=tuple(notes))
    return TrialAttempts(count, notes=tuple(notes))


def finished_before(
    trial: Path, attempt: int, vouched: Mapping[str, str]
) -> Iterator[TrialAttempts]:
    """The attempts before one that have a readable manifest, the last one first."""
    found = _attempts(trial, vouched, before=attempt)
    return (tried for tried in found if tried.record is not None)


def _attempts(
    trial: Path, vouched: Mapping[str, str], before: int | None = None
) -> Iterator[TrialAttempts]:
    """One for each folder, the last one first; `attempts` counts it and those before."""
    all_numbers = sorted(_number(path) for path in trial.glob("attempt-*") if _number(path) > 0)
    numbers = [number for number in all_numbers if before is None or number < before]
    for place, number in reversed(list(enumerate(numbers, 1))):
        folder = trial / f"attempt-{number}"
        path = folder / MANIFEST
        expected = vouched.get(f"trials/{trial.name}/{folder.name}/{MANIFEST}")
        if expected is None and not _is_there(path):
            yield TrialAttempts(place)
            continue
        try:
            record = needed(path, record_from_json)
            hold_hash(path, expected)
        except RigError as error:
            message = one_line(error, folder).removeprefix(MANIFEST).lstrip(": ")
            note = f"{trial.name}/{folder.name}/manifest.json: not readable: {message}"
            yield TrialAttempts(place, notes=(note,))
            continue
        damaged = dict(_damaged(folder, record))
        notes = tuple(f"{trial.name}: {message}" for message in damaged.values())
        yield TrialAttempts(place, folder, record, notes, frozenset(damaged))


def hold_hash(path: Path, expected: str | None) -> None:
    """Unless the file is the one of the expected SHA-256: DamagedFile, StorageError."""
    try:
        if expected is not None and sha256(path) != expected:
            raise DamagedFile(f"{path} is not the file that was written")
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error


def one_line(error: Exception, folder: Path) -> str:
    """What an error says, on one line of bounded length; files by their path in `folder`."""
    line = " ".join(str(error).split()) or type(error).__name__
    line = line.replace(f"{folder}/", "")
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"


class _Route(TypedDict, total=False):
    statements: Index | None
    varying: tuple[str, ...]


class _Target(TypedDict, total=False):
    routes: Mapping[str, _Route]
    inherent: tuple[str, ...]


class PlanRead(TypedDict, total=False):
    """Of a `plan.json`, what numbers are compared by."""

    load: Mapping[str, Any] | None
    data: Mapping[str, Any] | None
    delay: Mapping[str, Any] | None
    route: _Route | None
    target: _Target | None


class _Response(TypedDict):
    status: Index
    headers: Mapping[str, str]
    body: str
    body_sha256: str
    body_bytes: Index


class VerifyRead(TypedDict, total=False):
    """Of a `verify.json`: one request's answer."""

    response: _Response | None


def plan_of(trial: Path, record: Record) -> PlanRead:
    """What was asked of a trial. DamagedFile, StorageError."""
    path = trial / PLAN
    plan = json_value(path, PlanRead)
    own = {name: value for name, value in (plan or {}).items() if name != "digest"}
    if plan is None or digest(own) != record.plan_digest:
        raise DamagedFile(f"{path} is not the plan that was carried out")
    return plan


def answer_of(attempt: Path, record: Record) -> VerifyRead:
    """The answer from before the load; empty without one. DamagedFile, StorageError."""
    hold_hash(attempt / VERIFY, record.files.get(VERIFY))
    return json_value(attempt / VERIFY, VerifyRead) or {}


def _damaged(folder: Path, record: Record) -> Iterator[tuple[str, str]]:
    readers: dict[str, Callable[[], object]] = {
        name: partial(hold_hash, folder / name, record.files.get(name)) for name in READ
    }
    readers[PLAN] = partial(plan_of, folder.parent, record)
    readers[VERIFY] = partial(answer_of, folder, record)
    for name, read in readers.items():
        try:
            read()
        except RigError as error:
            yield name, one_line(error, folder.parent)


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:  # said where it is read
        return True
    return True


def _number(path: Path) -> int:
    text = path.name.removeprefix("attempt-")
    return int(text) if text.isdecimal() and path.is_dir() else 0
