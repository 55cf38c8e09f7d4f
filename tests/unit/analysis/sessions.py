"""Makes synthetic sessions: real files, with histograms as the recorder writes them."""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from analysis.reading.load_files import new_histogram
from rig.model import Level, Verdict
from rig.record import DelayFacts, LoadFacts, PathDelay, Record

RAMP_S, STEADY_S = 2.5, 8.0

FACTORS: Sequence[Mapping[str, Any]] = (
    {"name": "target", "label": "target", "unit": "", "levels": ["sync", "async"]},
    {"name": "route", "label": "route", "unit": "", "levels": ["cpu", "io_create", "io_read"]},
    {"name": "delay_ms", "label": "added delay", "unit": "ms", "levels": [0, 100, 200]},
    {"name": "connections", "label": "connections", "unit": "", "levels": ["per_request"]},
    {"name": "pooler", "label": "pooler", "unit": "", "levels": ["direct", "pgbouncer"]},
    {"name": "max_connections", "label": "max_connections", "unit": "", "levels": [100, 1000]},
    {"name": "app_workers", "label": "app workers", "unit": "", "levels": [1]},
)

BASE: Mapping[str, Level] = {
    "target": "sync", "route": "io_create", "delay_ms": 100, "connections": "per_request",
    "pooler": "direct", "max_connections": 100, "app_workers": 1,
}  # fmt: skip

CLAIM = {
    "says": "Async has a much higher throughput than sync.", "of": "goodput_rps",
    "factor": "target", "numerator": "async", "denominator": "sync", "at_least": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """One answer: when it came (s since the load's start), how long it took, its outcome."""

    at_s: float
    ms: float = 50.0
    outcome: str = "ok"


@dataclass(frozen=True)
class Made:
    """One synthetic trial. Without answers, no attempt is made."""

    levels: Mapping[str, Level] = field(default_factory=dict)
    answers: Sequence[Answer] = ()
    verdict: Verdict = Verdict.VALID
    why: str = ""
    replicate: int = 1
    skip: str = ""
    because: str = ""
    delay_off_ms: float = 0.02
    unanswered: Sequence[tuple[float, float] | tuple[float, float, int]] = ()
    """Of each request in flight at the stop: when it began, and its age (s)."""
    dropped: int = 0
    """Arrivals dropped in the first second of the steady window."""

    def all_levels(self) -> dict[str, Level]:
        return {**BASE, **self.levels}


def steady(rps: float, ms: float = 50.0, failed: float = 0.0, why: str = "") -> list[Answer]:
    """Evenly spaced answers over the whole load; a share of them fails, spread evenly too."""
    end_s = RAMP_S + STEADY_S
    found = []
    for index in range(int(rps * end_s)):
        fails = int((index + 1) * failed) > int(index * failed)
        spread = 0.7 + 0.6 * ((index * 37) % 100) / 100
        at_s = (index + 0.5) / rps
        found.append(Answer(at_s, ms * spread, why if fails else "ok"))
    return found


def make(
    folder: Path,
    trials: Sequence[Made],
    factors: Sequence[Mapping[str, Any]] = FACTORS,
    claim: Mapping[str, Any] | None = CLAIM,
    **about: Any,
) -> Path:
    """Writes a session of these trials and returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    session = {
        "schema": 1, "experiment": "asynchronize-django", "session": folder.name,
        "profile": "quick", "backend": "local", "seed": 1,
        "started_at": "2024-01-01T00:00:00+00:00", "claim": claim,
        "factors": [{**factor, "varies": True} for factor in factors], "extras": [],
        "host": {"cpus": 2, "cpu_model": "Some CPU", "versions": {"Python": "3.11"}},
        "load": {}, "data": {}, **about,
    }  # fmt: skip
    (folder / "session.json").write_text(json.dumps(session, indent=1))
    names = [str(factor["name"]) for factor in factors]
    rows = []
    for position, made in enumerate(trials, start=1):
        levels = {name: made.all_levels().get(name, "") for name in names}
        trial = f"{position:04d}-made-r{made.replicate}"
        cell = "-".join(str(level) for level in levels.values())
        rows.append([position, trial, made.replicate, made.replicate, cell, made.skip, made.because,
                     *levels.values()])  # fmt: skip
        if made.answers or made.verdict is Verdict.FAILED:
            attempt(folder / "trials" / trial, made)
    head = ["position", "trial", "block", "replicate", "cell", "skip", "because", *names]
    write(folder / "schedule.csv", head, rows)
    return folder


def attempt(trial: Path, made: Made, number: int = 1) -> Path:
    """Writes one finished attempt and returns its folder."""
    folder = trial / f"attempt-{number}"
    folder.mkdir(parents=True)
    if made.answers:
        write_load(folder / "load", made)
    (folder / "manifest.json").write_text(json.dumps(record(trial.name, made, number).to_json()))
    return folder


def record(trial: str, made: Made, number: int) -> Record:
    """The record of a synthetic attempt: the delay on the data link, the front undelayed."""
    asked = float(made.all_levels()["delay_ms"])
    seen = asked + made.delay_off_ms
    paths = (
        PathDelay("data", asked, (seen, seen), (seen,), (seen,)),
        PathDelay("front", 0.0, (0.05,), (0.05,), (0.05,)),
    )
    load = LoadFacts(peak_users=150, in_flight_at_stop=7, ramp_s=RAMP_S,
                     duration_s=RAMP_S + STEADY_S, complete=True)  # fmt: skip
    facts = {"app": {"versions": {"Django": "5.2.19", "gunicorn": "27.0"}}}
    return replace(
        Record(trial, number, "local", made.all_levels(), "0" * 8, "2024-01-01T00:00:00+00:00"),
        facts=facts, delay=DelayFacts("netem" if asked else "", paths=paths),
        load=load if made.answers else LoadFacts(), verdict=made.verdict, why=made.why,
    )  # fmt: skip


def phase(at_s: float) -> str:
    """The phase an instant lies in."""
    if at_s < RAMP_S:
        return "ramp"
    return "steady" if at_s < RAMP_S + STEADY_S else "after"


def write_load(folder: Path, made: Made) -> None:
    """The three files of a load."""
    folder.mkdir()
    route = made.all_levels()["route"]
    groups: dict[tuple[int, str, str], list[Answer]] = defaultdict(list)
    for answer in made.answers:
        groups[(int(answer.at_s), phase(answer.at_s), answer.outcome)].append(answer)
    completions, log = [], ["#[Histogram log format version 1.3]",
                            '"StartTimestamp","Interval_Length","Interval_Max",'
                            '"Interval_Compressed_Histogram"']  # fmt: skip
    for (second, name, outcome), answers in sorted(groups.items()):
        times = [answer.at_s for answer in answers]
        completions.append([second, name, route, outcome, len(answers),
                            f"{min(times):.6f}", f"{max(times):.6f}"])  # fmt: skip
        histogram = new_histogram()
        for answer in answers:
            histogram.record_value(round(answer.ms * 1000))
        most = histogram.get_max_value()
        payload = histogram.encode().decode()
        log.append(f"Tag={name}|{route}|{outcome},{second}.000,1.000,{most},{payload}")
    (folder / "latencies.hlog").write_text("\n".join(log) + "\n")
    head = ["second", "phase", "route", "outcome", "count", "first_s", "last_s"]
    write(folder / "completions.csv", head, completions)
    started: dict[tuple[int, str], int] = defaultdict(int)
    for answer in made.answers:
        begun_s = max(0.0, answer.at_s - answer.ms / 1000)
        started[(int(begun_s), phase(begun_s))] += 1
    last = math.ceil(RAMP_S + STEADY_S)
    for second in range(last):
        started[(second, phase(second))] += 0
    rows: list[list[object]] = [[s, name, 150, n, 7] for (s, name), n in sorted(started.items())]
    head = ["second", "phase", "users", "started", "in_flight"]
    if made.dropped:
        head.append("dropped")
        first = int(RAMP_S) + 1
        rows = [[*row, made.dropped if row[0] == first else 0] for row in rows]
    write(folder / "seconds.csv", head, rows)
    if made.unanswered:
        left = [[0, n, *(*one, 0)[:3]] for n, one in enumerate(made.unanswered, 1)]
        head = ["load_worker", "sequence", "started_s", "age_s", "first"]
        write(folder / "unanswered.csv", head, left)


def write(path: Path, head: Sequence[object], rows: Sequence[Sequence[object]]) -> None:
    """A CSV."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)
