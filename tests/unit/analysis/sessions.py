"""Makes synthetic sessions: real files, with histograms as the recorder writes them."""

from __future__ import annotations

import csv
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from rig import factors as registry
from rig.disk.facts import Facts
from rig.load.counting.completions import Completions
from rig.load.counting.meter import lags_of
from rig.load.counting.recorder import Recorder
from rig.load.counting.report import MeteredSecond
from rig.model import SCHEMA, Level, Verdict, digest
from rig.plan import Arrivals, Closed, Data, Delay, Load, Open, Plan, Target, Users
from rig.record import DelayFacts, LoadFacts, PathDelay, Record
from rig.store.schedule import level_of

USERS = 150
RAMP_S, STEADY_S = 2.5, 8.0
END_S = RAMP_S + STEADY_S
LOAD = Load(Closed(Users(100, 20.0, USERS)), STEADY_S)
DATA = Data(1000, 1000)
OPEN = Load(Open(Arrivals(20.0)), STEADY_S)

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
    unanswered: Sequence[tuple[float, bool]] = ()
    """Of each request in flight at the stop: when it began (s), and whether its user had had no
    answer before."""
    dropped: int = 0
    """Arrivals that the steady window began with and that were dropped."""

    def all_levels(self) -> dict[str, Level]:
        return {**BASE, **self.levels}


@cache
def steady(rps: float, ms: float = 50.0, failed: float = 0.0, why: str = "") -> Sequence[Answer]:
    """Evenly spaced answers over the whole load; a share of them fails, spread evenly too."""
    found = list[Answer]()
    for index in range(int(rps * END_S)):
        fails = int((index + 1) * failed) > int(index * failed)
        spread = 0.7 + 0.6 * ((index * 37) % 100) / 100
        at_s = (index + 0.5) / rps
        found.append(Answer(at_s, ms * spread, why if fails else "ok"))
    return tuple(found)


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
        "schema": SCHEMA, "experiment": "asynchronize-django", "session": folder.name,
        "profile": "quick", "backend": "local", "seed": 1,
        "started_at": "2024-01-01T00:00:00+00:00", "claim": claim,
        "factors": list(map(described, factors)), "extras": [], "until": None, "search": None,
        "host": {"cpus": 2, "cpu_model": "Some CPU", "versions": {"Python": "3.11"}},
        "load": LOAD.to_json(), "data": asdict(DATA), **about,
    }  # fmt: skip
    (folder / "session.json").write_text(json.dumps(session, indent=1))
    names = [str(factor["name"]) for factor in factors]
    rows = []
    for position, made in enumerate(trials, start=1):
        levels = {name: level_of(str(made.all_levels().get(name, "")), ()) for name in names}
        trial = f"{position:04d}-made-r{made.replicate}"
        cell = digest(levels)[:10]
        rows.append([position, trial, made.replicate, made.replicate, cell, made.skip, made.because,
                     *levels.values()])  # fmt: skip
        if made.answers or made.verdict is Verdict.FAILED:
            attempt(folder / "trials" / trial, made)
    head = ["position", "trial", "block", "replicate", "cell", "skip", "because", *names]
    write(folder / "schedule.csv", head, rows)
    return folder


def attempt(trial: Path, made: Made, number: int = 1) -> Path:
    """Writes one finished attempt, and its plan, and returns its folder."""
    folder = trial / f"attempt-{number}"
    folder.mkdir(parents=True)
    if made.answers:
        write_load(folder / "load", made)
    asked = plan(made).to_json()
    of_plan = digest(asked)
    (trial / "plan.json").write_text(json.dumps({**asked, "digest": of_plan}))
    observed = record(trial.name, made, number, of_plan)
    (folder / "manifest.json").write_text(json.dumps(observed.to_json()))
    return folder


def described(factor: Mapping[str, Any]) -> dict[str, Any]:
    """A factor as `session.json` has it."""
    known = registry.FACTORS.get(factor["name"])
    return {"facts": known.facts if known else (), "varies": True, **factor}


def plan(made: Made) -> Plan:
    """What was asked of a synthetic trial, as far as numbers are compared by it."""
    levels = made.all_levels()
    delay = Delay(float(levels["delay_ms"]))
    target = Target(str(levels["target"]), "/nowhere", title="", start=(), routes={})
    return Plan(target.name, str(levels["route"]), LOAD, DATA, delay, target=target)


def record(trial: str, made: Made, number: int, of_plan: str) -> Record:
    """The record of a synthetic attempt: the delay on the data link, the front undelayed."""
    asked = float(made.all_levels()["delay_ms"])
    seen = asked + made.delay_off_ms
    paths = (
        PathDelay("data", asked, (seen, seen), (seen,), (seen,)),
        PathDelay("front", 0.0, (0.05,), (0.05,), (0.05,)),
    )
    load = LoadFacts(peak_users=USERS, in_flight_at_stop=7, ramp_s=RAMP_S,
                     duration_s=END_S, complete=True)  # fmt: skip
    facts: Facts = {"app": {"versions": {"Django": "5.2.19", "gunicorn": "27.0"}}}
    return replace(
        Record(trial, number, "local", made.all_levels(), of_plan, "2024-01-01T00:00:00+00:00"),
        facts=facts, delay=DelayFacts("netem" if asked else "", paths=paths),
        load=load if made.answers else LoadFacts(), verdict=made.verdict, why=made.why,
    )  # fmt: skip


def recorded(name: str) -> str:
    """A name as the recorder's logs can hold it."""
    return name.encode("ascii", "replace").decode()


def write_load(folder: Path, made: Made) -> None:
    """The files of a load, as its master writes them; with dropped arrivals, of an open one."""
    folder.mkdir(parents=True)
    route = recorded(str(made.all_levels()["route"]))
    said = route, tuple(made.answers), tuple(made.unanswered), made.dropped
    for name, contents in _load_files(*said).items():
        (folder / name).write_bytes(contents)


@cache
def _load_files(
    route: str,
    answers: Sequence[Answer],
    unanswered: Sequence[tuple[float, bool]],
    dropped: int,
) -> Mapping[str, bytes]:
    is_open = dropped > 0
    recorder, completions = Recorder(RAMP_S, END_S, is_open=is_open), Completions(route)
    for answer in sorted(answers, key=lambda answer: answer.at_s):
        number = recorder.start(max(0.0, answer.at_s - answer.ms / 1000))
        recorder.finish(number, answer.at_s, route, recorded(answer.outcome))
    for began_s, first in unanswered:
        recorder.start(began_s, first=first)
    for _ in range(dropped):
        recorder.drop(RAMP_S)
    left = recorder.freeze(END_S)
    meter = [MeteredSecond(second, 0.0, USERS, lags_of([0])) for second in range(math.ceil(END_S))]
    completions.add("load-1", replace(recorder.drain(), meter=meter))
    completions.close("load-1", 0, "load-1", left)
    with tempfile.TemporaryDirectory() as folder:
        completions.write(Path(folder), RAMP_S, END_S, None if is_open else lambda _: USERS)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def write(path: Path, head: Sequence[object], rows: Sequence[Sequence[object]]) -> None:
    """A CSV."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)
