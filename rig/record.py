"""The Record: everything one attempt observed, read-only from then on, and its verdict.

Pure. May not know how anything was observed. Written as `manifest.json`, last of all.

History of `schema`:
1  first
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rig.model import SCHEMA, Status, Verdict


@dataclass(frozen=True)
class Span:
    """A phase of an attempt, in seconds on the session's monotonic clock."""

    phase: str
    start_s: float
    end_s: float
    error: str = ""


@dataclass(frozen=True)
class PathDelay:
    """Round trips of one path out of the app's namespace: one delay each."""

    link: str
    asked_ms: float
    before_ms: tuple[float, ...] = ()
    during_ms: tuple[float, ...] = ()
    after_ms: tuple[float, ...] = ()
    lost: int = 0
    """Connects to a closed port that nobody answered within their deadline."""


@dataclass(frozen=True)
class DelayFacts:
    """The delay as it was observed. Empty `mechanism`: none was asked, none was set."""

    mechanism: str = ""
    why: str = ""
    """Why this mechanism and not another: what the probe of the kernel answered."""
    paths: tuple[PathDelay, ...] = ()
    packets: int = 0
    drops: int = 0
    overruns: int = 0
    """Times the kernel could not hand a packet over (ENOBUFS)."""
    alive_to_the_end: bool = True


@dataclass(frozen=True)
class LoadFacts:
    """The load as it was observed, counted by the recorder at the master."""

    load_workers_asked: int = 0
    load_workers_connected: int = 0
    load_workers_lost: int = 0
    load_worker_addresses: tuple[str, ...] = ()
    finished_by_load_worker: Mapping[str, int] = field(default_factory=dict)
    """Each load worker's own count, by its address."""
    peak_users: int = 0
    started: int = 0
    finished: int = 0
    in_flight_at_stop: int = 0
    ramp_s: float = 0.0
    """When the steady window began, seconds after the load did; what was planned."""
    duration_s: float = 0.0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    complete: bool = False
    """Whether every load worker's last report reached the master."""


@dataclass(frozen=True)
class Check:
    """What one check says. `again`: whether another attempt can help."""

    name: str
    status: Status
    says: str
    again: bool = False


@dataclass(frozen=True)
class Record:
    """One attempt, as observed. What was asked is in the plan, never here."""

    trial: str
    attempt: int
    backend: str
    levels: Mapping[str, Any]
    plan_digest: str
    started_at: str
    """Wall clock, ISO 8601: a label only."""
    spans: tuple[Span, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What each role said of itself: versions, effective settings, pids, CPU sets."""
    delay: DelayFacts = DelayFacts()
    load: LoadFacts = LoadFacts()
    checks: tuple[Check, ...] = ()
    verdict: Verdict = Verdict.UNKNOWN
    why: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of every file of the attempt, by its path inside the attempt's folder."""
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """The record as JSON-ready data."""
        return dataclasses.asdict(self)


def record_from_json(data: Mapping[str, Any]) -> Record:
    """A Record from what `to_json` wrote.

    ValueError for a schema newer than this code; KeyError or TypeError where it is no manifest.
    """
    if data["schema"] > SCHEMA:
        raise ValueError(f"schema {data['schema']} is newer than this code's {SCHEMA}")
    delay = dict(data["delay"])
    delay["paths"] = tuple(_path(path) for path in delay["paths"])
    load = dict(data["load"])
    load["load_worker_addresses"] = tuple(load["load_worker_addresses"])
    return Record(
        **{
            **data,
            "spans": tuple(Span(**span) for span in data["spans"]),
            "delay": DelayFacts(**delay),
            "load": LoadFacts(**load),
            "checks": tuple(_check(check) for check in data["checks"]),
            "verdict": Verdict(data["verdict"]),
        }
    )


def _path(data: Mapping[str, Any]) -> PathDelay:
    lists = {key: tuple(data[key]) for key in ("before_ms", "during_ms", "after_ms")}
    return PathDelay(**{**data, **lists})


def _check(data: Mapping[str, Any]) -> Check:
    return Check(**{**data, "status": Status(data["status"])})
