"""The journal of a session: a line per event, each of which holds the hash of the one before.

Only grows. May not know what the events mean, but for the files that they vouch for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.disk.files import read_bytes, sync
from rig.model import DamagedFile

CHAIN = "line_before_sha256"
Attempt = tuple[str, int]
"""A trial's name and the number of the attempt."""

_OF_ATTEMPTS = ("ended", "adopted", "discarded")


@dataclass(frozen=True)
class Journal:
    """One `journal.jsonl`; it need not be there yet."""

    path: Path

    def append(self, event: str, **facts: Any) -> None:
        """Adds one event, on disk when this returns; the wall clock is a label.

        A line that a crash cut short is removed first: nothing may be appended to it. OSError.
        """
        before = self._whole_lines()
        last = hashlib.sha256(before[-1]).hexdigest() if before else ""
        line = json.dumps({"at": now(), "event": event, **facts, CHAIN: last}) + "\n"
        size = sum(map(len, before))
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with open(descriptor, "wb", buffering=0) as file:
            file.truncate(size)
            file.seek(size)
            try:
                _write(file.fileno(), line.encode())
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(size)
                raise
        if not before:
            sync(self.path.parent)

    def events(self) -> list[dict[str, Any]]:
        """The whole lines, oldest first. DamagedFile for a line that is none; OSError."""
        return [self._read(number, line) for number, line in enumerate(self._whole_lines(), 1)]

    def broken(self) -> Iterator[str]:
        """A sentence for each line that is not followed by the one that was written after it.

        Sessions of older versions have no hashes of lines, so nothing to be broken.
        """
        chained, before = False, b""
        for number, line in enumerate(self._whole_lines(), 1):
            chain = self._read(number, line).get(CHAIN)
            chained = chained or chain is not None
            if chained and chain != (hashlib.sha256(before).hexdigest() if before else ""):
                yield f"line {number} does not follow the line before it as it was written"
            before = line

    @property
    def chained(self) -> bool:
        """Whether every line has the hash of the one before; otherwise an older version began."""
        return all(CHAIN in event for event in self.events())

    def files(self) -> dict[str, str]:
        """SHA-256 by path below the session, of every file that an event vouches for."""
        return {
            str(name): str(sha256)
            for event in self.events()
            for name, sha256 in (event.get("files") or {}).items()
        }

    def manifests(self) -> dict[Attempt, str | None]:
        """SHA-256 of every finished attempt's manifest; None where its line has none."""
        return {
            (event["trial"], event["attempt"]): event.get("manifest_sha256")
            for event in self.events()
            if event["event"] in ("ended", "adopted")
        }

    def discarded(self) -> dict[Attempt, str]:
        """Why a finished attempt was found not to be what it had been, at a resume."""
        found: dict[Attempt, str] = {}
        for event in self.events():
            if event["event"] == "discarded":
                found[event["trial"], event["attempt"]] = event["why"]
            elif event["event"] in ("ended", "adopted"):
                found.pop((event["trial"], event["attempt"]), None)
        return found

    def appended(self) -> bytes:
        """The schedule as the events say that it was written; as much of it as they tell."""
        text = b""
        for event in self.events():
            more, at_byte = event.get("appended"), event.get("at_byte", 0)
            if isinstance(more, str) and at_byte <= len(text):
                text = text[:at_byte] + more.encode()
        return text

    def _whole_lines(self) -> list[bytes]:
        data = read_bytes(self.path) if self.path.exists() else b""
        return [line + b"\n" for line in data.split(b"\n")[:-1]]

    def _read(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not (isinstance(event, dict) and _fit(event)):
            raise DamagedFile(f"{self.path}:{number}: no line of a journal")
        return event


def _fit(event: dict[str, Any]) -> bool:
    """Whether an event has what is read of its kind."""
    name, at_byte = event.get("event"), event.get("at_byte", 0)
    fit = isinstance(name, str) and isinstance(event.get("files", {}), dict)
    fit = fit and isinstance(at_byte, int) and at_byte >= 0
    fit = fit and all(_inside(path) for path in event.get("files", {}))
    if name in _OF_ATTEMPTS:
        trial = event.get("trial")
        fit = fit and isinstance(trial, str) and "/" not in trial and _inside(trial)
        fit = fit and isinstance(event.get("attempt"), int)
    return fit and (name != "discarded" or isinstance(event.get("why"), str))


def _inside(path: str) -> bool:
    """Whether a path leads to something below the folder that it starts from."""
    parts = path.split("/")
    return "\0" not in path and not {"", ".", ".."} & {*parts}


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def now() -> str:
    """The wall clock, ISO 8601 with zone."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
