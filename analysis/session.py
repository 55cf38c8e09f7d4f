"""A session's own files, read: `session.json` and `schedule.csv`.

Pure reading. May not know what happened in any trial (`analysis.attempts` does).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.model import SCHEMA, Level, UsageError

SCHEDULE_COLUMNS = ("position", "trial", "block", "replicate", "cell", "skip", "because")


@dataclass(frozen=True)
class Factor:
    """What `session.json` says of one factor; `levels` in the order of the YAML."""

    name: str
    label: str
    unit: str = ""
    levels: tuple[Level, ...] = ()
    facts: tuple[str, ...] = ()
    """What differs between two levels by itself: facts by dotted path."""

    def level(self, text: str) -> Level:
        """The level that a CSV cell stands for; a number or the text itself if it is none."""
        for level in self.levels:
            if str(level) == text:
                return level
        try:
            number = float(text)
        except ValueError:
            return text
        for level in self.levels:
            if isinstance(level, int | float) and level == number:
                return level
        return int(number) if number.is_integer() else number

    def rank(self, level: Level) -> tuple[int, float, str]:
        """A sort key: the YAML's order, then numbers by size, then words."""
        if level in self.levels:
            return (self.levels.index(level), 0.0, "")
        if isinstance(level, int | float):
            return (len(self.levels), float(level), "")
        return (len(self.levels) + 1, 0.0, level)

    def say(self, level: Level) -> str:
        """A level in words: `pgbouncer`, `added delay 100 ms`."""
        if isinstance(level, str):
            return level
        return f"{self.label} {level:g} {self.unit}".rstrip()

    @property
    def axis(self) -> str:
        """The label of an axis, with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True)
class Claim:
    """A ratio the experiment's author expects: `of` at one level over `of` at another."""

    says: str
    of: str
    factor: str
    numerator: Level
    denominator: Level
    at_least: float | None = None


@dataclass(frozen=True)
class Searched:
    """Where along `factor` a crossover of the claim's two levels was searched."""

    factor: str
    between: tuple[float, float]


@dataclass(frozen=True)
class Scheduled:
    """One line of `schedule.csv`."""

    trial: str
    position: int
    block: int
    replicate: int
    cell: str
    levels: Mapping[str, Level]
    skip: str = ""
    because: str = ""
    """Why an extra cell is there; empty for the cells of `vary`."""


@dataclass(frozen=True)
class Session:
    """What was asked of a session, and of which machine."""

    folder: Path
    experiment: str
    name: str
    profile: str
    backend: str
    factors: tuple[Factor, ...]
    claim: Claim | None
    host: Mapping[str, Any]
    adaptive: bool = False
    """Whether its intervals decided when it ended (`until`)."""
    search: Searched | None = None
    scheduled: tuple[Scheduled, ...] = field(default=())
    load: Mapping[str, Any] = field(default_factory=dict)
    """`users`, `steady_s`, `think_time_s` … as asked; empty in older sessions."""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def load_words(self) -> str:
        """What was asked of the load: `150 users, closed loop, no think time, window of 12 s`."""
        load = self.load
        if not load:
            return "as its experiments.yaml says"
        window = f"window of {load.get('steady_s', 0):g} s"
        arrivals = load.get("arrivals")
        if arrivals or load.get("model") == "open":
            rate = f", {arrivals['per_s']:g} arrivals/s" if arrivals else ""
            return f"open{rate}, {window}"
        think_s = load.get("think_time_s") or 0
        thinks = f"think time {think_s:g} s" if think_s else "no think time"
        users = load.get("users", {}).get("end_users", "some")
        return f"{users} users, closed loop, {thinks}, {window}"

    @property
    def claimed_ratio(self) -> str:
        """What the claim divides, in words: `async ÷ sync`, `max_connections 1000 ÷ 100`."""
        claim = self.claim
        if claim is None:
            return ""
        ratio = f"{claim.numerator} ÷ {claim.denominator}"
        factor = self.factor(claim.factor)
        if factor is None or isinstance(claim.numerator, str):
            return ratio
        return f"{factor.label} {ratio} {factor.unit}".rstrip()

    def factor(self, name: str) -> Factor | None:
        """The factor of that name, or None."""
        return next((factor for factor in self.factors if factor.name == name), None)


def read_session(folder: Path) -> Session:
    """The session in a folder; UsageError with one line where it is no session."""
    path = folder / "session.json"
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        schema = int(about["schema"])
        if schema > SCHEMA:
            raise UsageError(
                f"{path}: schema {schema} is newer than this code's {SCHEMA}; update the code"
            )
        factors = tuple(_factor(factor) for factor in about["factors"])
        return Session(
            folder=folder,
            experiment=about["experiment"],
            name=about["session"],
            profile=about.get("profile") or "",
            backend=about.get("backend") or "",
            factors=factors,
            claim=_claim(about["claim"]) if about.get("claim") else None,
            host=about.get("host") or {},
            # a search stops by what it has seen, too
            adaptive=bool(about.get("until") or about.get("search")),
            search=_searched(about["search"]) if about.get("search") else None,
            scheduled=_schedule(folder / "schedule.csv", factors),
            load=about.get("load") or {},
            data=about.get("data") or {},
        )
    except FileNotFoundError as error:
        raise UsageError(f"{folder}: no session here (it has no session.json)") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: not as a session is written: {_said(error)}") from error


def _said(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _factor(data: Mapping[str, Any]) -> Factor:
    return Factor(
        name=data["name"],
        label=data["label"],
        unit=data.get("unit") or "",
        levels=tuple(data["levels"]),
        facts=tuple(data.get("facts", ())),
    )


def _searched(data: Mapping[str, Any]) -> Searched:
    low, high = data["between"]
    return Searched(data["factor"], (float(low), float(high)))


def _claim(data: Mapping[str, Any]) -> Claim:
    return Claim(
        says=data.get("says") or "",
        of=data["of"],
        factor=data["factor"],
        numerator=data["numerator"],
        denominator=data["denominator"],
        at_least=data.get("at_least"),
    )


def _schedule(path: Path, factors: tuple[Factor, ...]) -> tuple[Scheduled, ...]:
    """The trials in their order; of two lines for one trial the later one holds."""
    if not path.exists():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    trials: dict[str, Scheduled] = {}
    for number, line in enumerate(lines, start=2):
        try:
            trials[line["trial"]] = _scheduled(line, factors)
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{path}:{number}: no line of a schedule: {_said(error)}") from error
    return tuple(sorted(trials.values(), key=lambda trial: trial.position))


def _scheduled(line: Mapping[str, str], factors: tuple[Factor, ...]) -> Scheduled:
    name = line["trial"]
    if "/" in name or name in ("", ".", ".."):
        raise ValueError(f"{name!r} is no name of a trial's folder")
    return Scheduled(
        trial=name,
        position=int(line["position"]),
        block=int(line["block"]),
        replicate=int(line["replicate"]),
        cell=line["cell"],
        levels={factor.name: factor.level(line[factor.name]) for factor in factors},
        skip=line["skip"],
        because=line["because"],
    )
