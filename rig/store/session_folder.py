"""The results directory, which is the interface between measuring and analysing.

Writes and finds sessions, schedules, journals and manifests; may not know how trials are run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.disk.files import locked, make_folder, read_bytes, read_json, sha256, write_atomically
from rig.disk.schema import hold_schema
from rig.disk.typed import Unfit
from rig.factors import FACTORS, of_every_cell
from rig.model import DamagedFile, UsageError, digest
from rig.plan import Trial
from rig.record import Record, record_from_json
from rig.store.journal import Journal
from rig.store.names import JOURNAL, LOCK, MANIFEST, PLAN, SCHEDULE, SESSION, TRIALS, YAML
from rig.store.schedule import COLUMNS, lines, read_rows, whole_lines


@dataclass(frozen=True)
class SessionFolder:
    """One session on disk."""

    path: Path

    @property
    def name(self) -> str:
        """The session's name, as the commands take it."""
        return self.path.name

    @property
    def journal(self) -> Journal:
        """What happened in it."""
        return Journal(self.path / JOURNAL)

    def begin(self, session: Mapping[str, Any], yaml_text: str) -> None:
        """Writes what is known before the first trial.

        `session.json` comes last: a folder without one is no session, so that every session has
        the rest, and its journal knows it.
        """
        make_folder(self.path)
        make_folder(self.path / TRIALS)
        texts = {
            SESSION: json.dumps(session, indent=1) + "\n",
            YAML: yaml_text,
            SCHEDULE: heading(session),
        }
        hashes = {name: hash_of(text.encode()) for name, text in texts.items()}
        claim = session.get("claim")
        self.journal.append(
            "opened",
            trial="",
            files=hashes,
            claim_sha256=digest(claim) if claim else None,
            at_byte=0,
            appended=texts[SCHEDULE],
        )
        for name in (YAML, SCHEDULE, SESSION):
            write_atomically(self.path / name, texts[name])

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Has the session for this process alone. UsageError where another one runs it.

        The kernel lets go of it when the process ends, however it ends.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        # for the owner alone: whoever may open a file may also hold it
        descriptor = os.open(self.path / LOCK, flags, 0o600)
        try:
            if not locked(descriptor):
                raise UsageError(
                    f"session {self.path} is running", "wait for it, or end it with Ctrl-C"
                )
            yield
        finally:
            os.close(descriptor)

    def session(self) -> dict[str, Any]:
        """What `begin` was given. UsageError where it cannot be read; OtherSchema."""
        try:
            data = read_json(self.path / SESSION)
        except (OSError, DamagedFile) as error:
            raise UsageError(f"{self.path} is no session: {error}") from error
        if not isinstance(data, dict):
            raise UsageError(f"{self.path} is no session: {SESSION} is no object")
        try:
            hold_schema(data, self.path / SESSION)
        except Unfit as error:
            raise UsageError(f"{self.path} is no session: {SESSION}: {error}") from error
        return data

    def schedule(self, trials: Iterable[Trial]) -> None:
        """Adds trials before they run, and writes each one's plan.

        The journal is told first, with the very lines: what an interruption in between keeps from
        the schedule is there to be read again.
        """
        rows, files = [], {}
        for trial in trials:
            rows.append(row_of(trial))
            path = self.path / TRIALS / trial.name / PLAN
            if not path.parent.exists():
                make_folder(path.parent)
            text = plan_text(trial)
            write_atomically(path, text)
            files[path.relative_to(self.path).as_posix()] = hash_of(text.encode())
        if rows:
            self.write_schedule(self.schedule_bytes(), lines(rows), files)

    def write_schedule(self, before: bytes, more: str, files: Mapping[str, str]) -> None:
        """Replaces the schedule by its lines `before` and `more`, which the journal then has."""
        whole = before + more.encode()
        self.journal.append(
            "scheduled",
            trial="",
            files={SCHEDULE: hash_of(whole), **files},
            at_byte=len(before),
            appended=more,
        )
        write_atomically(self.path / SCHEDULE, whole.decode())

    def schedule_bytes(self) -> bytes:
        """The schedule's whole lines."""
        path = self.path / SCHEDULE
        return whole_lines(read_bytes(path)) if path.exists() else b""

    def scheduled(self) -> list[dict[str, str]]:
        """The rows of the schedule so far. DamagedFile where one of them is none."""
        return read_rows(self.schedule_bytes(), self.path / SCHEDULE)

    def attempts(self, trial: str) -> list[Path]:
        """The attempts' folders of a trial, oldest first."""
        return numbered(self.path / TRIALS / trial)

    def attempt(self, trial: str, number: int) -> Path:
        """The folder of an attempt, whether there or not."""
        return self.path / TRIALS / trial / f"attempt-{number}"

    def new_attempt(self, trial: str) -> tuple[int, Path]:
        """The number and the folder of the next attempt."""
        # not more of its parents: nothing comes again of a session that was removed meanwhile
        (self.path / TRIALS / trial).mkdir(exist_ok=True)
        return new_attempt(self.path / TRIALS / trial)

    def records(self, trial: str) -> list[Record]:
        """Of the trial's attempts that have a manifest which can be read, oldest first."""
        found = []
        for path in self.attempts(trial):
            with contextlib.suppress(OSError, DamagedFile):
                found.append(read_record(path))
        return found


def read_record(attempt: Path) -> Record:
    """An attempt's record. DamagedFile; FileNotFoundError where it was not finished."""
    path = attempt / MANIFEST
    data = read_json(path)
    try:
        return record_from_json(data)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DamagedFile(f"{path} is no manifest: {error!r}") from error


def numbered(folder: Path) -> list[Path]:
    """The attempts' folders in a folder, oldest first."""
    found = {path.name.removeprefix("attempt-"): path for path in folder.glob("attempt-*")}
    numbers = sorted(int(name) for name in found if name.isascii() and name.isdecimal())
    return [found[str(number)] for number in numbers if str(number) in found]


def new_attempt(folder: Path) -> tuple[int, Path]:
    """The number and the folder of the next attempt in a folder."""
    before = numbered(folder)
    number = number_of(before[-1]) + 1 if before else 1
    path = folder / f"attempt-{number}"
    make_folder(path)
    return number, path


def number_of(attempt: Path) -> int:
    """An attempt's number, of which its folder has the name."""
    return int(attempt.name.removeprefix("attempt-"))


def heading(session: Mapping[str, Any]) -> str:
    """The first line of the schedule of a session of which `session.json` says this."""
    factors = [factor["name"] for factor in session.get("factors", ())] or of_every_cell()
    return lines([[*COLUMNS, *factors]])


def row_of(trial: Trial) -> list[object]:
    """A trial's line of the schedule."""
    row = [trial.position, trial.name, trial.block, trial.replicate, trial.cell.id]
    levels = [trial.cell.levels[name] for name in FACTORS if name in trial.cell.levels]
    return [*row, trial.skip, trial.cell.because, *levels]


def plan_text(trial: Trial) -> str:
    """A trial's `plan.json`."""
    plan = {**trial.plan.to_json(), "digest": trial.plan.digest}
    return json.dumps(plan, indent=1) + "\n"


def holds(path: Path, expected: str) -> bool:
    """Whether a file is there, and is the one of that hash. OSError where it cannot be read."""
    return path.is_file() and sha256(path) == expected


def hash_of(data: bytes) -> str:
    """SHA-256 (hex) of what is to be a file."""
    return hashlib.sha256(data).hexdigest()


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below an attempt's folder, the manifest aside."""
    return {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def sessions(out: Path) -> list[SessionFolder]:
    """Every session below a results folder, oldest first. OSError where it cannot be read."""
    with contextlib.suppress(FileNotFoundError):
        os.listdir(out)  # `glob` finds nothing in a folder that is none, or is not ours to read
    found = [SessionFolder(path.parent) for path in out.glob(f"*/*/{SESSION}")]
    return sorted(found, key=lambda session: session.path.name)


def find_sessions(out: Path, wanted: str) -> tuple[SessionFolder, ...]:
    """Several sessions by name or path, with commas between, each once; a path may have commas."""
    names = [wanted] if Path(wanted).is_dir() else wanted.split(",")
    found = [find_session(out, name) for name in names]
    return tuple({one.path: one for one in found}.values())


def find_session(out: Path, wanted: str | None) -> SessionFolder:
    """A session by name, by its path, or the newest. UsageError where there is none."""
    if wanted and (Path(wanted) / SESSION).exists():
        return SessionFolder(Path(wanted).resolve())
    known = sessions(out)
    if wanted and Path(wanted).is_dir() and not any(one.name == wanted for one in known):
        what = f"{wanted} is no session: {SESSION} is not there"
        raise UsageError(what, "name a folder with one, as results/EXPERIMENT/SESSION")
    if not known:
        raise UsageError(f"no session in {out}", "run one first: python runner.py")
    if wanted is None:
        return known[-1]
    named: Sequence[SessionFolder] = [one for one in known if one.name == wanted]
    if not named:
        latest = ", ".join(one.name for one in known[-3:])
        raise UsageError(f"no session {wanted!r} in {out}", f"the latest are: {latest}")
    return named[-1]
