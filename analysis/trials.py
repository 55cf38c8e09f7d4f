"""One row per scheduled trial, from its last finished attempt.

May not know how cells are compared or drawn.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hdrh.codec import (
    HdrCookieException,
    HdrLengthException,
)
from hdrh.histogram import HdrHistogram

from analysis.attempts import Tried, last_finished
from analysis.load import (
    STEADY,
    Completion,
    Second,
    new_histogram,
    read_completions,
    read_latencies,
    read_seconds,
)
from analysis.session import Scheduled, Session
from analysis.stats import best_rps, goodput, median, percentile_ms, share
from rig.model import OUTCOME_OK, Level, Verdict
from rig.record import DelayFacts, LoadFacts, Record

Row = Mapping[str, Level | None]
"""A line of a CSV: None is an empty cell."""

LONGEST_S = 7 * 24 * 3600
"""No load is longer; a damaged file may say so."""

SKIPPED, MISSING = "skipped", "missing"
_UNREADABLE = (
    *(OSError, KeyError, ValueError, TypeError, IndexError),
    *(HdrCookieException, HdrLengthException, zlib.error),
)

VERDICTS = (*(verdict.value for verdict in Verdict), SKIPPED, MISSING)


@dataclass(frozen=True)
class Measures:
    """What one trial yields; docs/results-format.md says what each means."""

    offered_rps: float | None = None
    goodput_rps: float | None = None
    goodput_method: str = ""
    max_goodput_rps: float | None = None
    failure_share: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    successes: int | None = None
    failures: int | None = None
    total_successes: int | None = None
    total_failures: int | None = None
    first_failure_s: float | None = None
    top_failure: str = ""
    peak_users: int | None = None
    in_flight_at_stop: int | None = None
    measured_delay_ms: float | None = None
    delay_mechanism: str = ""


@dataclass(frozen=True)
class Timeline:
    """One load, second by second from its start; all of equal length."""

    ok: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    users: tuple[int, ...] = ()
    in_flight: tuple[int, ...] = ()
    classes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Failures by class."""


MEASURES = tuple(field.name for field in dataclasses.fields(Measures))


@dataclass(frozen=True)
class Result:
    """A scheduled trial and how it ended."""

    scheduled: Scheduled
    verdict: str
    why: str = ""
    attempt: int | None = None
    attempts: int = 0
    measures: Measures = Measures()
    latencies: HdrHistogram = field(default_factory=new_histogram)
    """Successes of the steady window, µs."""
    failure_classes: Mapping[str, int] = field(default_factory=dict)
    record: Record | None = None
    notes: tuple[str, ...] = ()
    """One line on each file that could not be read."""
    timeline: Timeline = Timeline()
    folder: Path | None = None
    """Of the attempt used."""

    @property
    def valid(self) -> bool:
        """Whether its numbers count."""
        return self.verdict == Verdict.VALID

    def row(self) -> Row:
        """Its line of `trials.csv`."""
        return {
            "trial": self.scheduled.trial,
            "position": self.scheduled.position,
            "block": self.scheduled.block,
            "replicate": self.scheduled.replicate,
            "cell": self.scheduled.cell,
            "attempt": self.attempt,
            "attempts": self.attempts,
            **self.scheduled.levels,
            "verdict": self.verdict,
            "why": self.why,
            **{name: getattr(self.measures, name) for name in MEASURES},
        }


def trial_columns(session: Session) -> tuple[str, ...]:
    """The columns of `trials.csv`, in order."""
    return (
        *("trial", "position", "block", "replicate", "cell", "attempt", "attempts"),
        *(factor.name for factor in session.factors),
        *("verdict", "why"),
        *MEASURES,
    )


def results(session: Session) -> tuple[Result, ...]:
    """Every scheduled trial, in the order of the schedule."""
    trials = session.folder / "trials"
    return tuple(
        _result(scheduled, last_finished(trials / scheduled.trial))
        for scheduled in session.scheduled
    )


def _result(scheduled: Scheduled, tried: Tried) -> Result:
    if tried.record is None or tried.folder is None:
        verdict = SKIPPED if scheduled.skip else MISSING
        why = scheduled.skip or _why_missing(tried)
        return Result(scheduled, verdict, why, attempts=tried.attempts, notes=tried.notes)
    load = _measure(tried.folder / "load", tried.record)
    return Result(
        scheduled,
        tried.record.verdict.value,
        tried.record.why,
        tried.record.attempt,
        tried.attempts,
        load.measures,
        load.latencies,
        load.classes,
        tried.record,
        (*tried.notes, *([f"{scheduled.trial}: {load.note}"] if load.note else [])),
        load.timeline,
        tried.folder,
    )


def _why_missing(tried: Tried) -> str:
    if tried.notes:
        return tried.notes[0]
    return "interrupted before it was finished" if tried.attempts else "not run yet"


@dataclass(frozen=True)
class _Load:
    measures: Measures
    latencies: HdrHistogram = field(default_factory=new_histogram)
    classes: Mapping[str, int] = field(default_factory=dict)
    timeline: Timeline = Timeline()
    note: str = ""


def _measure(folder: Path, record: Record) -> _Load:
    """What the files of a load say, and one line if they cannot be read."""
    delay = _delay(record.delay)
    if not (folder / "completions.csv").exists():
        note = "no load/completions.csv" if record.verdict == Verdict.VALID else ""
        return _Load(delay, note=note)
    try:
        completions = read_completions(folder / "completions.csv")
        seconds = read_seconds(folder / "seconds.csv")
        latencies = read_latencies(folder / "latencies.hlog")
    except _UNREADABLE as error:
        said = " ".join(str(error).split()) or type(error).__name__
        return _Load(delay, note=f"load files not readable: {said}")
    measures = measure(completions, seconds, latencies, record.load)
    merged = dataclasses.replace(
        measures,
        measured_delay_ms=delay.measured_delay_ms,
        delay_mechanism=delay.delay_mechanism,
    )
    answers, timed = merged.successes, latencies.get_total_count()
    differ = f"completions.csv counts {answers} successes, latencies.hlog {timed}"
    note = differ if answers != timed else ""
    return _Load(merged, latencies, _classes(completions), timeline(completions, seconds), note)


def measure(
    completions: Iterable[Completion],
    seconds: Iterable[Second],
    latencies: HdrHistogram,
    load: LoadFacts,
) -> Measures:
    """The numbers of one load, without the delay's."""
    completions, seconds = tuple(completions), tuple(seconds)
    window_s = load.duration_s - load.ramp_s
    good = [c for c in completions if c.phase == STEADY and c.ok]
    successes = sum(c.count for c in good)
    failures = sum(c.count for c in completions if c.phase == STEADY and not c.ok)
    rate, method = goodput(
        successes,
        min((c.first_s for c in good), default=0.0),
        max((c.last_s for c in good), default=0.0),
        window_s,
    )
    started = sum(second.started for second in seconds if second.phase == STEADY)
    per_second = _per_second(completions)
    classes = _classes(completions)
    return Measures(
        offered_rps=started / window_s if window_s > 0 else None,
        goodput_rps=rate,
        goodput_method=method,
        max_goodput_rps=best_rps(per_second, math.floor(load.duration_s)),
        failure_share=share(failures, successes + failures),
        p50_ms=percentile_ms(latencies, 50),
        p95_ms=percentile_ms(latencies, 95),
        p99_ms=percentile_ms(latencies, 99),
        successes=successes,
        failures=failures,
        total_successes=sum(per_second.values()),
        total_failures=sum(classes.values()),
        first_failure_s=min((c.first_s for c in completions if not c.ok), default=None),
        top_failure=top(classes),
        peak_users=load.peak_users or max((second.users for second in seconds), default=0),
        in_flight_at_stop=load.in_flight_at_stop,
    )


def timeline(completions: Sequence[Completion], seconds: Sequence[Second]) -> Timeline:
    """What happened in each second of a load; the seconds after its end included."""
    ends = [c.second for c in completions] + [s.second for s in seconds]
    length = min(max(ends, default=-1) + 1, LONGEST_S)
    by_class: dict[str, list[int]] = {}
    for c in completions:
        counts = by_class.setdefault(c.outcome, [0] * length)
        if 0 <= c.second < length:
            counts[c.second] += c.count
    ok = by_class.pop(OUTCOME_OK, [0] * length)
    users, in_flight = [0] * length, [0] * length
    for second in seconds:
        if 0 <= second.second < length:
            users[second.second] = second.users
            in_flight[second.second] = second.in_flight
    failed = [sum(counts) for counts in zip(*by_class.values(), strict=True)] or [0] * length
    classes = {name: tuple(counts) for name, counts in sorted(by_class.items())}
    return Timeline(tuple(ok), tuple(failed), tuple(users), tuple(in_flight), classes)


def _per_second(completions: Iterable[Completion]) -> Mapping[int, int]:
    successes: Counter[int] = Counter()
    for c in completions:
        successes[c.second] += c.count if c.ok else 0
    return successes


def top(classes: Mapping[str, int]) -> str:
    """The most frequent failure class; of equals the first by name; empty without failures."""
    return min(classes, key=lambda name: (-classes[name], name), default="")


def read_service(load: Path) -> tuple[HdrHistogram | None, str]:
    """Service times of an open load, None where there are none, and one line if unreadable."""
    path = load / "service.hlog"
    if not path.exists():
        return None, ""
    try:
        return read_latencies(path), ""
    except _UNREADABLE as error:
        said = " ".join(str(error).split()) or type(error).__name__
        return None, f"load/service.hlog not readable: {said}"


def _classes(completions: Iterable[Completion]) -> Mapping[str, int]:
    classes: Counter[str] = Counter()
    for c in completions:
        if not c.ok:
            classes[c.outcome] += c.count
    return classes


def _delay(facts: DelayFacts) -> Measures:
    """The round trips over the delayed paths, before and after the load; over all if none is."""
    delayed = [path for path in facts.paths if path.asked_ms > 0] or facts.paths
    trips_ms = [trip for path in delayed for trip in (*path.before_ms, *path.after_ms)]
    return Measures(measured_delay_ms=median(trips_ms), delay_mechanism=facts.mechanism)
