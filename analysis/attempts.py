"""Which attempt of a trial counts: the last one that was finished.

May not know what its numbers mean.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rig.record import Record, record_from_json


@dataclass(frozen=True)
class Tried:
    """The attempts of one trial. `note`: one line on each manifest that could not be read."""

    attempts: int = 0
    folder: Path | None = None
    record: Record | None = None
    notes: tuple[str, ...] = ()


def last_finished(trial: Path) -> Tried:
    """The last attempt with a readable manifest; without one, `record` is None."""
    numbers = sorted(_number(path) for path in trial.glob("attempt-*") if _number(path) > 0)
    notes: list[str] = []
    for number in reversed(numbers):
        folder = trial / f"attempt-{number}"
        path = folder / "manifest.json"
        if not path.exists():
            continue
        try:
            record = record_from_json(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            said = " ".join(str(error).split())
            said = f"{said} is missing" if isinstance(error, KeyError) else said
            notes.append(f"{trial.name}/{folder.name}/manifest.json: not readable: {said}")
            continue
        return Tried(len(numbers), folder, record, tuple(notes))
    return Tried(len(numbers), notes=tuple(notes))


def _number(path: Path) -> int:
    text = path.name.removeprefix("attempt-")
    return int(text) if text.isdecimal() and path.is_dir() else 0
