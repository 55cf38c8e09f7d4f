"""Every trial's series, second by second, for whoever writes them in a tool's form.

Wall clocks were labels when it was measured: the stamps are right to some seconds. May not know
any form.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.reading.attempts import one_line
from analysis.reading.session import Session
from analysis.reading.session_files import read_session
from analysis.summaries.measures import PERCENTS
from analysis.summaries.trials import TrialResult, results
from rig.disk.contents import samples
from rig.disk.histograms import Counts, histogram_of, percentile_us, read_lines
from rig.model import OUTCOME_OK, Phase, RigError
from rig.record import Record

COUNTER = "counter"
Sample = tuple[Mapping[str, str], float, float]
"""Its own labels, its time in s since the load began, its value."""


@dataclass(frozen=True)
class Family:
    """A metric; a `counter` only rises. `unit`: of UCUM, as OpenTelemetry names it."""

    name: str
    kind: str
    unit: str
    help: str


@dataclass(frozen=True)
class TrialSeries:
    """One trial's samples, by the name of their family. Times are s of wall clock."""

    labels: Mapping[str, str]
    """Which trial it is, and its levels of what varies."""
    started_s: float
    """When its attempt was begun, before any of its processes."""
    began_s: float
    """When its load began."""
    samples: Mapping[str, Sequence[Sample]]


@dataclass(frozen=True)
class SessionSeries:
    """All trials that have series; and a line on each trial or file that has none."""

    experiment: str
    session: str
    trials: Sequence[TrialSeries]
    left_out: Sequence[str]


FAMILIES = (
    Family("answers_per_second", "gauge", "{answer}/s", "Answers of one second, by outcome."),
    Family("users", "gauge", "{user}", "Users at the end of the second; 0 in an open load."),
    Family(
        "requests_in_flight",
        "gauge",
        "{request}",
        "Requests without an answer at the end of the second.",
    ),
    Family("response_seconds", "gauge", "s", "Percentiles of the correct answers of one second."),
    Family("database_sessions", "gauge", "{session}", "Client sessions of Postgres."),
    Family("cpu_seconds", COUNTER, "s", "CPU time of a role's processes."),
    Family("resident_memory_bytes", "gauge", "By", "Memory of a role's processes."),
)


def session_series(session_dir: Path) -> SessionSeries:
    """The series of a session. UsageError for a folder that is no session."""
    session = read_session(session_dir)
    left_out, trials = list(session.notes), []
    for result in results(session):
        name, record, folder = result.scheduled.trial, result.record, result.folder
        left_out += result.notes
        if record is None or folder is None or not result.timeline.ok:
            left_out.append(f"{name}: {result.reason or 'it has no load'}")
            continue
        started_s = _started_s(record)
        if started_s is None:
            left_out.append(f"{name}: its manifest does not say when it was")
            continue
        found: dict[str, list[Sample]] = {}
        for kind, some in _series(result, record, folder, left_out):
            found.setdefault(kind, []).extend(some)
        began_s = started_s + _before_s(record)
        trials.append(TrialSeries(_labels(session, result), started_s, began_s, found))
    return SessionSeries(session.experiment, session.name, trials, left_out)


def _series(
    result: TrialResult, record: Record, folder: Path, left_out: list[str]
) -> Iterator[tuple[str, Iterator[Sample]]]:
    line = result.timeline
    by_outcome = {OUTCOME_OK: line.ok, **line.classes}
    for outcome, counts in by_outcome.items():
        yield "answers_per_second", _seconds({"outcome": outcome}, counts)
    yield "users", _seconds({}, line.users)
    yield "requests_in_flight", _seconds({}, line.in_flight)
    from_files = (
        ("load/latencies.hlog", _responses(folder)),
        ("probes/postgres.csv", _sessions(folder, record)),
        ("probes/processes.csv", _processes(folder, record)),
    )
    for name, found in from_files:
        if name in result.damaged:
            left_out.append(f"{result.scheduled.trial}: {name} is not as it was written")
            continue
        try:
            for kind, one in list(found):
                yield kind, iter([one])
        except RigError as error:
            left_out.append(f"{result.scheduled.trial}: {one_line(error, folder)}")


def _seconds(labels: Mapping[str, str], counts: Sequence[int]) -> Iterator[Sample]:
    for second, count in enumerate(counts):
        yield labels, float(second), float(count)


def _responses(folder: Path) -> Iterator[tuple[str, Sample]]:
    log = folder / "load" / "latencies.hlog"
    counts_of: dict[int, list[Counts]] = {}
    for _, second, counts in read_lines(log, lambda tag: tag.endswith(f"|{OUTCOME_OK}")):
        counts_of.setdefault(second, []).append(counts)
    by_second = {second: histogram_of(counts_of[second]) for second in sorted(counts_of)}
    for percent in PERCENTS:
        labels = {"quantile": f"{percent / 100:g}"}
        for second, histogram in by_second.items():
            took_s = percentile_us(histogram, percent) / 1e6
            yield "response_seconds", (labels, float(second), took_s)


def _sessions(folder: Path, record: Record) -> Iterator[tuple[str, Sample]]:
    for numbers, _ in samples(folder / "probes" / "postgres.csv"):
        at_s, total = numbers["at_s"], numbers.get("total")
        if at_s is not None and total is not None:
            yield "database_sessions", ({}, at_s - record.load.began_at_s, total)


def _processes(folder: Path, record: Record) -> Iterator[tuple[str, Sample]]:
    found = samples(folder / "probes" / "processes.csv", ("at_s", "role", "index"))
    by_role: dict[tuple[str, str], list[Mapping[str, float | None]]] = {}
    for numbers, texts in found:
        by_role.setdefault((texts["role"], texts["index"]), []).append(numbers)
    columns = ("cpu_seconds", "cpu_s"), ("resident_memory_bytes", "rss_bytes")
    for (role, index), lines in by_role.items():
        for kind, column in columns:
            for numbers in lines:
                at_s, value = numbers["at_s"], numbers.get(column)
                if at_s is not None and value is not None:
                    labels = {"role": role, "index": index}
                    yield kind, (labels, at_s - record.load.began_at_s, value)


def _started_s(record: Record) -> float | None:
    """When the attempt was begun, s of wall clock; None where nothing tells."""
    try:
        return datetime.datetime.fromisoformat(record.started_at).timestamp()
    except ValueError:
        return None


def _before_s(record: Record) -> float:
    """From then to when the load began."""
    load = next((one for one in record.spans if one.phase == Phase.LOAD), None)
    return load.start_s - record.spans[0].start_s if load else 0.0


def _labels(session: Session, result: TrialResult) -> Mapping[str, str]:
    scheduled = result.scheduled
    varying = [one.name for one in session.factors if len(one.levels) > 1]
    told = [one for one in ("target", "route", *varying) if one in scheduled.levels]
    return {
        **{one: str(scheduled.levels[one]) for one in told},
        "trial": scheduled.trial,
        "verdict": result.verdict,
    }
