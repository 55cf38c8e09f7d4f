"""Every scheduled trial, from its last finished attempt.

May not know how cells are compared or drawn.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hdrh.histogram import HdrHistogram

from analysis.reading.attempts import READ, TrialAttempts, finished_before, last_finished, one_line
from analysis.reading.load_files import (
    STEADY,
    Completion,
    Second,
    by_second,
    read_latencies,
    seconds_of,
)
from analysis.reading.probe_samples import app_worker_ends_s, connections
from analysis.reading.role_logs import read_logs
from analysis.reading.session import Scheduled, Session
from analysis.summaries.failures import (
    UNNAMED,
    Failure,
    attributed_to_worker_ends,
    failures,
    reasons,
)
from analysis.summaries.measures import PERCENTS, TrialMeasures, percentile_fields
from analysis.summaries.percentiles import best_rps, median, share
from analysis.summaries.response_times import response_times, telling
from analysis.summaries.timeline import Timeline, timeline
from rig.disk.contents import rows
from rig.disk.sent import Counts, Sent, read_raw, sent_from
from rig.inference.goodput import Group, goodput_of
from rig.inference.stationarity import State, Window, state_of, window_of
from rig.model import RigError, Status, Verdict
from rig.record import FEASIBILITY, DelayFacts, LoadFacts, Record

NO_TIMELINE = Timeline()

NOT_MEASURED = TrialMeasures()

NOTHING_SENT = Sent()

NO_WINDOW = Window(None, 0.0, 0, 0.0, 0.0)

SKIPPED, MISSING = "skipped", "missing"

VERDICTS = (*(verdict.value for verdict in Verdict), SKIPPED, MISSING)


@dataclass(frozen=True)
class TrialResult:
    """A scheduled trial and how it ended."""

    scheduled: Scheduled
    verdict: str
    reason: str = ""
    attempt: int | None = None
    attempts: int = 0
    measures: TrialMeasures = NOT_MEASURED
    sent: Sent = NOTHING_SENT
    """What became of the requests meant for the steady window."""
    answers: tuple[Group, ...] = ()
    """The correct answers of the steady window, second by second."""
    failure_classes: Mapping[str, int] = field(default_factory=dict)
    record: Record | None = None
    notes: tuple[str, ...] = ()
    """One line on each file that could not be read."""
    folder: Path | None = None
    """The attempt's."""
    failures: tuple[Failure, ...] = ()
    """By class, the earliest first."""
    timeline: Timeline = NO_TIMELINE
    damaged: frozenset[str] = frozenset()
    """Files of its attempt that are not what was written."""
    reasons: tuple[str, ...] = ()
    """Why the app answered 5xx, as the logs have it, a line each."""

    @property
    def valid(self) -> bool:
        """Whether its numbers count."""
        return self.verdict == Verdict.VALID


def results(session: Session) -> tuple[TrialResult, ...]:
    """Every scheduled trial, in the order of the schedule."""
    trials = session.folder / "trials"
    return tuple(
        _result(scheduled, last_finished(trials / scheduled.trial, session.vouched))
        for scheduled in session.scheduled
    )


def rejected(session: Session, found: Sequence[TrialResult]) -> Iterator[TrialResult]:
    """Every finished attempt that did not count, by its checks or as it broke.

    In the order of the schedule; of one trial the newest first.
    """
    for result in found:
        if result.record is None or result.attempt is None:
            continue
        if not result.valid:
            yield result
        trial = session.folder / "trials" / result.scheduled.trial
        for tried in finished_before(trial, result.attempt, session.vouched):
            earlier = _result(result.scheduled, tried)
            if earlier.record is not None and not earlier.valid:
                yield earlier


def _result(scheduled: Scheduled, tried: TrialAttempts) -> TrialResult:
    if tried.record is None or tried.folder is None:
        verdict = SKIPPED if scheduled.skip else MISSING
        reason = scheduled.skip or _reason_missing(tried)
        return TrialResult(scheduled, verdict, reason, attempts=tried.attempts, notes=tried.notes)
    if wrong := _of_another(scheduled, tried.record):
        notes = (*tried.notes, f"{scheduled.trial}: {wrong}")
        return TrialResult(scheduled, MISSING, wrong, attempts=tried.attempts, notes=notes)
    # numbers of which some are not as written are not read at all
    whole = tried.damaged.isdisjoint(READ)
    loaded, note = read_load(tried.folder, tried.record) if whole else (LoadFiles(), "")
    why, unread = _reasons(tried.folder, tried.record, loaded.failures)
    unreadable = [f"{scheduled.trial}: {one}" for one in (note, unread) if one]
    return TrialResult(
        scheduled,
        tried.record.verdict.value,
        tried.record.why,
        tried.record.attempt,
        tried.attempts,
        _measures(loaded, tried.record),
        loaded.sent,
        loaded.answers,
        {failure.name: failure.count for failure in loaded.failures},
        tried.record,
        (*tried.notes, *unreadable),
        tried.folder,
        loaded.failures,
        timeline(loaded.completions, loaded.seconds),
        tried.damaged,
        why,
    )


def _reasons(
    attempt: Path, record: Record, failed: Sequence[Failure]
) -> tuple[tuple[str, ...], str]:
    """Why the app failed, and one line on a log that cannot be read."""
    if not any(one.name == UNNAMED for one in failed):
        return (), ""
    try:
        return reasons(failed, read_logs(attempt, record), record.probes), ""
    except RigError as error:
        return (), f"logs not readable: {one_line(error, attempt)}"


def _of_another(scheduled: Scheduled, record: Record) -> str:
    """Why a record is not counted: it was measured at other levels than its line says."""
    for name, level in scheduled.levels.items():
        if (was := record.levels.get(name, level)) != level:
            return f"measured at {name} {was}, in schedule.csv {level}: not counted"
    return ""


def _reason_missing(tried: TrialAttempts) -> str:
    if tried.notes:
        return tried.notes[0]
    return "interrupted before it was finished" if tried.attempts else "not run yet"


@dataclass(frozen=True)
class LoadFiles:
    """The files of one load."""

    completions: tuple[Completion, ...] = ()
    seconds: tuple[Second, ...] = ()
    sent: Sent = NOTHING_SENT
    by_second: tuple[Counts, ...] = ()
    """Response times of the steady window's correct answers, by the second in which they came."""
    window: Window = NO_WINDOW
    failures: tuple[Failure, ...] = ()

    @property
    def state(self) -> State:
        """What may be said of its response times."""
        return state_of(self.window)

    @property
    def answers(self) -> tuple[Group, ...]:
        """The correct answers of the steady window, second by second."""
        good = (c for c in self.completions if c.phase == STEADY and c.ok)
        return tuple(Group(c.count, c.first_s, c.last_s) for c in good)

    @property
    def offered(self) -> int:
        """Requests meant for the steady window, dropped ones included."""
        started = sum(second.started for second in self.seconds if second.phase == STEADY)
        return started + self.sent.dropped


def read_load(attempt: Path, record: Record) -> tuple[LoadFiles, str]:
    """What the files of a load say, and one line on what is wrong with them."""
    folder, load = attempt / "load", record.load
    try:
        answers_of = rows(folder / "completions.csv", Completion)
        if answers_of is None:
            return LoadFiles(), "no load/completions.csv" if record.verdict == Verdict.VALID else ""
        completions = attributed_to_worker_ends(answers_of, app_worker_ends_s(attempt, load))
        raw = read_raw(folder, answers_of)
        seconds = seconds_of(raw)
        sent = sent_from(raw, load.ramp_s)
        loaded = LoadFiles(
            tuple(completions),
            seconds,
            sent,
            by_second(raw),
            window_of(raw.seconds, sent.ended, sent.waiting_us, load.ramp_s, load.duration_s),
            failures(completions, seconds, connections(attempt, load)),
        )
    except RigError as error:
        return LoadFiles(), f"load files not readable: {one_line(error, attempt)}"
    answers = sum(c.count for c in loaded.completions if c.phase == STEADY and c.ok)
    timed = sum(count for counts in loaded.by_second for _, count in counts)
    differ = f"completions.csv counts {answers} successes, latencies.hlog {timed}"
    return loaded, differ if answers != timed else ""


def _measures(loaded: LoadFiles, record: Record) -> TrialMeasures:
    delay = dataclasses.replace(_delay(record.delay), round_fits=_round_fits(record))
    if not loaded.completions and not loaded.seconds:
        return delay
    return dataclasses.replace(
        measure(loaded, record.load),
        measured_delay_ms=delay.measured_delay_ms,
        delay_mechanism=delay.delay_mechanism,
        round_fits=delay.round_fits,
    )


def _round_fits(record: Record) -> str:
    check = record.check(FEASIBILITY)
    return {Status.PASS: "yes", Status.WARN: "no"}.get(check.status, "") if check else ""


def measure(loaded: LoadFiles, load: LoadFacts) -> TrialMeasures:
    """The numbers of one load, without the delay's."""
    completions = loaded.completions
    window_s = load.duration_s - load.ramp_s
    successes = sum(group.count for group in loaded.answers)
    failures = sum(c.count for c in completions if c.phase == STEADY and not c.ok)
    rate, method = goodput_of(loaded.answers, load.ramp_s, load.duration_s)
    per_second = _per_second(completions)
    classes = _classes(completions)
    times = response_times(loaded.sent, loaded.state)
    bounds = [times.bounds_ms(percent / 100) for percent in PERCENTS]
    seconds = telling(loaded.by_second, loaded.window)
    intervals = [times.interval_ms(percent / 100, seconds) for percent in PERCENTS]
    found = TrialMeasures(
        offered_rps=loaded.offered / window_s if window_s > 0 else None,
        goodput_rps=rate,
        goodput_method=method,
        max_goodput_rps=best_rps(per_second, math.floor(load.duration_s)),
        failure_share=share(failures, successes + failures),
        response_state=str(loaded.state),
        unanswered=loaded.sent.unanswered,
        successes=successes,
        failures=failures,
        dropped=loaded.sent.dropped,
        total_successes=sum(per_second.values()),
        total_failures=sum(classes.values()),
        first_failure_s=min((c.first_s for c in completions if not c.ok), default=None),
        top_failure=top(classes),
        peak_users=load.peak_users or max((second.users for second in loaded.seconds), default=0),
        in_flight_at_stop=load.in_flight_at_stop,
        never_answered_users=load.never_answered_users,
    )
    return dataclasses.replace(found, **percentile_fields(bounds, intervals))


def read_service(load: Path) -> tuple[HdrHistogram | None, str]:
    """Service times of an open load, None where there are none, and one line if unreadable."""
    path = load / "service.hlog"
    if not path.is_symlink() and not path.exists():
        return None, ""
    try:
        return read_latencies(path), ""
    except RigError as error:
        return None, f"not readable: {one_line(error, load.parent)}"


def _per_second(completions: Iterable[Completion]) -> Mapping[int, int]:
    successes: Counter[int] = Counter()
    for c in completions:
        successes[c.second] += c.count if c.ok else 0
    return successes


def top(classes: Mapping[str, int]) -> str:
    """The most frequent failure class; of equals the first by name; empty without failures."""
    return min(classes, key=lambda name: (-classes[name], name), default="")


def _classes(completions: Iterable[Completion]) -> Mapping[str, int]:
    classes: Counter[str] = Counter()
    for c in completions:
        if not c.ok:
            classes[c.outcome] += c.count
    return classes


def _delay(facts: DelayFacts) -> TrialMeasures:
    """The round trips over the delayed paths, before and after the load; over all if none is."""
    delayed = [path for path in facts.paths if path.asked_ms > 0] or facts.paths
    trips_ms = [trip for path in delayed for trip in (*path.before_ms, *path.after_ms)]
    return TrialMeasures(measured_delay_ms=median(trips_ms), delay_mechanism=facts.mechanism)
