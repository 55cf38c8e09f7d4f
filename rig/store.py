"""The results directory, which is the interface between measuring and analysing.

Writes and finds sessions, schedules, journals and manifests; may not know how trials are run.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.factors import FACTORS
from rig.files import sha256, write_atomically
from rig.model import UsageError
from rig.plan import Trial
from rig.record import Record, record_from_json

SESSION, SCHEDULE, JOURNAL = "session.json", "schedule.csv", "journal.jsonl"
CALIBRATION = "calibration.json"
MANIFEST, PLAN, YAML = "manifest.json", "plan.json", "experiments.yaml"
_COLUMNS = ["position", "trial", "block", "replicate", "cell", "skip", "because"]


@dataclass(frozen=True)
class SessionFolder:
    """One session on disk."""

    path: Path

    @property
    def name(self) -> str:
        """The session's name, as the commands take it."""
        return self.path.name

    def begin(self, session: Mapping[str, Any], yaml_text: str) -> None:
        """Writes what is known before the first trial."""
        self.path.mkdir(parents=True)
        (self.path / "trials").mkdir()
        write_atomically(self.path / YAML, yaml_text)
        write_atomically(self.path / SESSION, json.dumps(session, indent=1) + "\n")
        with (self.path / SCHEDULE).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([*_COLUMNS, *FACTORS])
        self.vouch("opened", SESSION, YAML)

    def vouch(self, event: str, *names: str) -> None:
        """Journals an event with the hashes of files of the session that will not change again."""
        self.journal(event, trial="", files={name: sha256(self.path / name) for name in names})

    def session(self) -> dict[str, Any]:
        """What `begin` was given. UsageError where it cannot be read."""
        try:
            data = json.loads((self.path / SESSION).read_text())
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.path} is no session: {error}") from error
        return dict(data)

    def schedule(self, trials: Iterable[Trial]) -> None:
        """Appends trials before they run, and writes each one's plan.

        The journal is told first: an interruption in between leaves a hash that the next lines
        replace, where a schedule that nobody vouches for would stay.
        """
        lines = io.StringIO(newline="")
        for trial in trials:
            row = [trial.position, trial.name, trial.block, trial.replicate, trial.cell.id]
            levels = [trial.cell.levels[name] for name in FACTORS]
            csv.writer(lines).writerow([*row, trial.skip, trial.cell.because, *levels])
            folder = self.path / "trials" / trial.name
            folder.mkdir(exist_ok=True)
            plan = {**trial.plan.to_json(), "digest": trial.plan.digest}
            write_atomically(folder / PLAN, json.dumps(plan, indent=1) + "\n")
        more = lines.getvalue().encode()
        if not more:
            return
        whole = hashlib.sha256((self.path / SCHEDULE).read_bytes() + more).hexdigest()
        self.journal("scheduled", trial="", files={SCHEDULE: whole})
        with (self.path / SCHEDULE).open("ab") as file:
            file.write(more)
            file.flush()
            os.fsync(file.fileno())

    def scheduled(self) -> list[dict[str, str]]:
        """The rows of the schedule so far."""
        with (self.path / SCHEDULE).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def journal(self, event: str, **facts: Any) -> None:
        """Appends one event; the wall clock is a label."""
        line = {"at": now(), "event": event, **facts}
        path = self.path / JOURNAL
        if path.exists():  # nothing may be appended to a line that a crash cut short
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
        with path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def events(self) -> list[dict[str, Any]]:
        """The journal's lines, oldest first; without one that a crash cut short."""
        path = self.path / JOURNAL
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def attempts(self, trial: str) -> list[Path]:
        """The attempts' folders of a trial, oldest first."""
        found = (self.path / "trials" / trial).glob("attempt-*")
        return sorted(found, key=lambda path: int(path.name.removeprefix("attempt-")))

    def new_attempt(self, trial: str) -> tuple[int, Path]:
        """The number and the folder of the next attempt."""
        taken = [int(path.name.removeprefix("attempt-")) for path in self.attempts(trial)]
        number = max(taken, default=0) + 1
        path = self.path / "trials" / trial / f"attempt-{number}"
        path.mkdir(parents=True)
        return number, path

    def records(self, trial: str) -> list[Record]:
        """Of the trial's attempts that have a manifest which can be read, oldest first."""
        found = []
        for path in self.attempts(trial):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                found.append(record_from_json(json.loads((path / MANIFEST).read_text())))
        return found

    def finished(self, trial: str) -> Record | None:
        """The last of a trial's records; None without one."""
        return next(reversed(self.records(trial)), None)


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below an attempt's folder, the manifest aside."""
    return {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def now() -> str:
    """The wall clock, ISO 8601 with zone."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def new_session(out: Path, experiment: str, profile: str | None) -> SessionFolder:
    """A session's folder that does not exist yet; names sort by time."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = f"{stamp}-{profile}" if profile else stamp
    path = out / experiment / name
    tries = 1
    while path.exists():
        tries += 1
        path = out / experiment / f"{name}-{tries}"
    return SessionFolder(path)


def sessions(out: Path) -> list[SessionFolder]:
    """Every session below a results folder, oldest first."""
    found = [SessionFolder(path.parent) for path in out.glob(f"*/*/{SESSION}")]
    return sorted(found, key=lambda session: session.path.name)


def find_session(out: Path, wanted: str | None) -> SessionFolder:
    """A session by name, by its path, or the newest. UsageError where there is none."""
    if wanted and (Path(wanted) / SESSION).exists():
        return SessionFolder(Path(wanted).resolve())
    known = sessions(out)
    if not known:
        raise UsageError(f"no session in {out}", "run one first: python runner.py")
    if wanted is None:
        return known[-1]
    named: Sequence[SessionFolder] = [one for one in known if one.name == wanted]
    if not named:
        latest = ", ".join(one.name for one in known[-3:])
        raise UsageError(f"no session {wanted!r} in {out}", f"the latest are: {latest}")
    return named[-1]
