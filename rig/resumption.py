"""Takes a session up again: mends what a crash left, and says which attempts count.

A torn file is told from an edited one where the journal knows what it was. May not know how
trials are run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from rig.calibrate import stored_calibration
from rig.config import Instead
from rig.design import Design
from rig.disk.files import json_of, read_bytes, write_atomically
from rig.disk.typed import Unfit, fitted
from rig.evidence.attempt import by_todays_rules
from rig.model import DamagedFile, Level, RigError, UsageError, Verdict
from rig.plan import Trial
from rig.record import Record
from rig.session import RETRIES, should_retry
from rig.store import leftovers
from rig.store.journal import Attempt
from rig.store.names import JOURNAL, MANIFEST, PLAN, SCHEDULE, SESSION, TRIALS, YAML
from rig.store.schedule import lines, read_rows, whole_lines
from rig.store.session_folder import (
    SessionFolder,
    hash_of,
    heading,
    holds,
    number_of,
    plan_text,
    read_record,
    row_of,
)

Say = Callable[[str], None]
RESTORE = "restore it from a copy, or start a new session"


class SessionOptions(TypedDict):
    """What of a `session.json` a session is taken up with."""

    backend: str
    profile: str | None
    seed: int
    repeats: int
    load_workers: int
    only: Mapping[str, tuple[Level, ...]]
    target_roots: tuple[str, ...]
    until: Mapping[str, Any] | None
    search: NotRequired[Mapping[str, Any] | None]
    locustfile: NotRequired[Instead | None]
    """Of the command line."""
    capacity: NotRequired[Mapping[str, Any] | None]
    calibrate: NotRequired[bool]
    """Sessions of before this was written were calibrated."""


def opened(folder: SessionFolder) -> SessionOptions:
    """What a session was begun with.

    UsageError or DamagedFile where its `session.json`, the experiment beside it or the journal is
    not what was written: whatever is run after that would be of another session.
    """
    try:
        options = fitted(SessionOptions, folder.session())
    except Unfit as error:
        raise _cannot(folder, f"{SESSION}: {error}") from error
    for broken in folder.journal.broken():
        raise _cannot(folder, f"{JOURNAL}: {broken}")
    hashes = folder.journal.files()
    for name in (SESSION, YAML):
        if name in hashes and not holds(folder.path / name, hashes[name]):
            raise _cannot(folder, f"{name} is not the file that it began with")
    return options


def resumed(folder: SessionFolder, design: Design, say: Say) -> dict[str, Record]:
    """The records of the trials that need not run again; one line to `say` on all that is mended.

    UsageError where the design does not give the trials that the session has scheduled.
    """
    leftovers.remove_from(folder.path)
    rows = _schedule(folder, say)
    try:
        trials = design.rebuild_trials(rows)
    except (ValueError, LookupError) as error:
        raise _cannot(folder, f"{SCHEDULE}: its lines are of no such design: {error}") from error
    _agree(folder, rows, trials)
    _plans(folder, trials, say)
    _vouched(folder, trials)
    stored_calibration(folder, say)
    hashes, discarded = folder.journal.manifests(), folder.journal.discarded()
    found = {trial.name: _counting(folder, trial, hashes, discarded, say) for trial in trials}
    return {
        name: record
        for name, record in found.items()
        if record is not None
        and record.verdict is not Verdict.FAILED
        and not (should_retry(record) and record.attempt <= RETRIES)
    }


def _cannot(folder: SessionFolder, reason: str, do: str = RESTORE) -> UsageError:
    return UsageError(f"{folder.name} cannot be resumed: {reason}", do)


def _schedule(folder: SessionFolder, say: Say) -> list[dict[str, str]]:
    """The rows of `schedule.csv`, after it was made whole again as the journal has it."""
    path = folder.path / SCHEDULE
    have = read_bytes(path) if path.exists() else b""
    logged, whole = folder.journal.appended(), whole_lines(have)
    if logged.startswith(have):
        whole = logged
    elif not whole.startswith(logged):
        number = _first_difference(whole, logged)
        raise _cannot(folder, f"{SCHEDULE}: line {number} is not as {JOURNAL} has it")
    whole = whole or heading(folder.session()).encode()
    if whole != have:
        say(f"{SCHEDULE} was cut short, and is whole again")
        write_atomically(path, whole.decode())
    return read_rows(whole, path)


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = enumerate(zip(one.split(b"\n"), other.split(b"\n"), strict=False), 1)
    return next((number for number, (a, b) in pairs if a != b), 1)


def _agree(
    folder: SessionFolder, rows: Sequence[Mapping[str, str]], trials: Sequence[Trial]
) -> None:
    """UsageError where a row is not the one that the design gives."""
    for number, row in enumerate(rows):
        if number >= len(trials):
            more = f"{SCHEDULE} has {len(rows)} trials, and the design gives {len(trials)} by now"
            raise _another(folder, row["trial"], more)
        (due,) = read_rows(lines([list(row), row_of(trials[number])]).encode(), Path(SCHEDULE))
        for name in row:
            # why a trial is left out is the machine's word, not the design's
            if name != "skip" and row[name] != due.get(name):
                do = f"in {SCHEDULE} its {name} is {row[name]}, now it would be {due.get(name)}"
                raise _another(folder, row["trial"], do)


def _another(folder: SessionFolder, trial: str, do: str = "") -> UsageError:
    changed = "the targets, the rig or the machine have changed; start a new session"
    return _cannot(folder, f"trial {trial} would be another one now", do or changed)


def _plans(folder: SessionFolder, trials: Sequence[Trial], say: Say) -> None:
    """Every trial's plan is the design's; one that was torn or lost is written again."""
    for trial in trials:
        path, text = folder.path / TRIALS / trial.name / PLAN, plan_text(trial)
        have = read_bytes(path) if path.exists() else b""
        if have == text.encode():
            continue
        plan = _json(have)
        if plan is not None and plan != json.loads(text):
            raise _another(folder, trial.name, f"{TRIALS}/{trial.name}/{PLAN} has another plan")
        if any(one.plan_digest != trial.plan.digest for one in folder.records(trial.name)):
            raise _another(folder, trial.name)
        say(f"{trial.name}/{PLAN} was cut short or lost, and is written again")
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, text)


def _json(data: bytes) -> Any:
    """The value; None where the text was cut short, as `null` stands in no file."""
    try:
        return json_of(data.decode("utf-8", "replace"), PLAN)
    except DamagedFile:
        return None


def _vouched(folder: SessionFolder, trials: Sequence[Trial]) -> None:
    """The journal has every file that was checked until here; it may have lost its end."""
    hashes = folder.journal.files()
    if SESSION not in hashes:
        files = {name: hash_of(read_bytes(folder.path / name)) for name in (SESSION, YAML)}
        folder.journal.append("opened", trial="", files=files)
    whole = folder.schedule_bytes()
    plans = {f"{TRIALS}/{one.name}/{PLAN}": hash_of(plan_text(one).encode()) for one in trials}
    files = {SCHEDULE: hash_of(whole), **plans}
    if files.items() - hashes.items():
        folder.write_schedule(b"", whole.decode(), plans)


def _counting(
    folder: SessionFolder,
    trial: Trial,
    hashes: Mapping[Attempt, str | None],
    discarded: Mapping[Attempt, str],
    say: Say,
) -> Record | None:
    """The record of the newest attempt that was finished; None without one, or if it does not hold.

    Never an older one: whoever reads the session takes the newest.
    """
    counts: Record | None = None
    finished = {path for path in folder.attempts(trial.name) if (path / MANIFEST).exists()}
    journalled = {folder.attempt(*key) for key in hashes if key[0] == trial.name}
    newest = max(finished | journalled, key=number_of, default=None)
    for path in sorted(finished | journalled, key=number_of):
        key = (trial.name, number_of(path))
        counts, reason = _held(path, trial, hashes.get(key))
        if reason and (key not in discarded or path == newest):
            say(f"{trial.name}/{path.name} does not count any more: {reason}")
        if reason and key not in discarded:
            folder.journal.append("discarded", trial=key[0], attempt=key[1], why=reason)
        if counts and hashes.get(key) is None:
            say(f"{trial.name}/{path.name} counts: {JOURNAL} had no line of it, and its files hold")
            folder.journal.append(
                "adopted",
                trial=key[0],
                attempt=key[1],
                verdict=counts.verdict,
                manifest_sha256=hash_of(read_bytes(path / MANIFEST)),
            )
    return counts


def _held(path: Path, trial: Trial, expected: str | None) -> tuple[Record | None, str]:
    """An attempt's record, its load by today's rules; or why it does not count."""
    try:
        record = read_record(path)
        if expected and not holds(path / MANIFEST, expected):
            return None, f"{MANIFEST} is not the file whose hash {JOURNAL} has"
        here = (trial.name, number_of(path), trial.plan.digest, dict(trial.cell.levels))
        if here != (record.trial, record.attempt, record.plan_digest, dict(record.levels)):
            return None, f"{MANIFEST} is of another trial, attempt, plan or cell"
        for name, sha256 in record.files.items():
            if not holds(path / name, sha256):
                return None, f"{name} is {'not as it was' if (path / name).exists() else 'gone'}"
        return by_todays_rules(record, path, trial.plan), ""
    except FileNotFoundError:
        return None, f"{MANIFEST} is gone"
    except (OSError, RigError) as error:
        return None, str(error)
