"""Runs the real command line, and reads what it leaves on disk."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

ROOT = Path(__file__).resolve().parents[1]
DEADLINE_S = 240


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Attempt:
    """One attempt's folder."""

    path: Path

    @property
    def manifest(self) -> dict[str, Any]:
        return read_json(self.path / "manifest.json")

    @property
    def app(self) -> dict[str, Any]:
        """What the target said of itself."""
        said: dict[str, Any] = self.manifest["facts"]["app"]
        return said

    def rows(self, name: str) -> list[dict[str, str]]:
        return read_csv(self.path / name)

    def histograms(self) -> list[Any]:
        """Every line of latencies.hlog, as hdrh's own reader gives it."""
        template = HdrHistogram(1, 3_600_000_000, 3)
        reader = HistogramLogReader(str(self.path / "load" / "latencies.hlog"), template)
        found = []
        while (histogram := reader.get_next_interval_histogram()) is not None:
            found.append(histogram)
        reader.close()
        return found


@dataclass(frozen=True)
class Session:
    """One session's folder."""

    path: Path

    def rows(self, name: str) -> list[dict[str, str]]:
        return read_csv(self.path / name)

    def attempt(self, trial: str, number: int = 1) -> Attempt:
        return Attempt(self.path / "trials" / trial / f"attempt-{number}")

    def last(self, trial: str) -> Attempt:
        """The attempt of a trial that counts: those before it were spoilt."""
        of_trial = (self.path / "trials" / trial).glob("attempt-*")
        return Attempt(max(of_trial, key=lambda path: int(path.name.removeprefix("attempt-"))))

    def attempts(self) -> list[Attempt]:
        """Every attempt, finished or not, in the order of their trials."""
        return [Attempt(path) for path in sorted(self.path.glob("trials/*/attempt-*"))]

    def events(self) -> list[tuple[str, str]]:
        """(event, trial) as the journal tells them; none before there is one."""
        journal = self.path / "journal.jsonl"
        text = journal.read_text() if journal.exists() else ""
        lines = [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]
        return [(line["event"], line["trial"]) for line in lines]

    def names(self, event: str) -> list[str]:
        """The trials of which the journal tells this event."""
        return [trial for told, trial in self.events() if told == event]


def command(*arguments: str | Path) -> list[str]:
    """The command line of `python runner.py …`."""
    return [sys.executable, str(ROOT / "runner.py"), *map(str, arguments)]


def runner(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Done:
    """Runs a command of the rig to its end."""
    done = subprocess.run(
        command(*arguments), cwd=cwd, capture_output=True, text=True, timeout=DEADLINE_S,
        stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def valid_session(
    *arguments: str | Path, cwd: Path, run: Callable[..., Done] = runner
) -> tuple[Session, Done]:
    """A session whose trials are all valid, or skipped.

    A busy machine can spoil a trial, and saying so is the verdict's work: there is a second try.
    """
    for out in (cwd / "results", cwd / "results-again"):
        done = run(*arguments, "--out", out, cwd=cwd)
        if done.code != 4:
            break
    assert done.code == 0, done.out + done.err
    return only_session(out), done


def sessions(out: Path) -> list[Session]:
    """Every session below a results folder, oldest first."""
    return [Session(path.parent) for path in sorted(out.glob("*/*/session.json"))]


def only_session(out: Path) -> Session:
    (found,) = sessions(out)
    return found


def read_json(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def heading(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


def shapes(path: Path) -> Mapping[str, Sequence[str]]:
    """Every CSV below a folder, by its path there, and its heading."""
    return {
        str(file.relative_to(path)): heading(file)
        for file in sorted(path.rglob("*.csv"))
        if file.stat().st_size
    }
