"""Events for the page, of what a session tells those who look on.

Pure but for the clocks that it is given. Shares of CPUs are of the time between two samples.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from rig.backends.base import LoadProgress
from rig.cli.live.history import (
    BEGAN,
    CONNECTIONS,
    CPU,
    ENDED,
    MATRIX,
    MESSAGE,
    OVER,
    PHASE,
    SECOND,
    SKIPPED,
    Event,
)
from rig.cli.watch import Eta
from rig.disk.histograms import percentiles_us
from rig.evidence.probes import COLUMNS
from rig.model import JSON, OUTCOME_OK, DamagedFile, Phase, Verdict, one_line
from rig.plan import Trial
from rig.probes import Row
from rig.record import Record

PERCENTS = (50, 95, 99)
SHOWN = {
    "app_sockets": {"open": "to the app"},
    "postgres": {"total": "to Postgres", "active": "active in Postgres"},
    "pgbouncer": {"clients_waiting": "waiting for PgBouncer"},
}
"""Of which probes which columns are connections, by what they are called."""

Clock = Callable[[], float]


@dataclasses.dataclass
class _Current:
    """The trial that runs. `load_at_s`: when its load began, on the probes' clock."""

    trial: Trial
    began_at_s: float
    load_at_s: float | None = None
    second: int = -1
    cpu: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    """By role: when it was last seen, and what it had used."""


class Story:
    """What a session has told so far, as far as later events hang on it."""

    def __init__(self, monotonic_s: Clock, wall_s: Clock) -> None:
        self._monotonic_s, self._wall_s = monotonic_s, wall_s
        self._eta = Eta()
        self._total = 0
        self._verdicts: Counter[Verdict] = Counter()
        self._current: _Current | None = None

    def planned(self, trials: Sequence[Trial], in_all: str) -> Iterator[Event]:
        """More trials are to come."""
        self._eta.plan(trials)
        self._total += len(trials)
        yield self._matrix()
        if in_all:
            yield Event(MESSAGE, {"text": f"{len(trials)} trials to run; {in_all}"})

    def began(self, trial: Trial) -> Iterator[Event]:
        """A trial begins, or another try of it."""
        self._current = _Current(trial, self._monotonic_s())
        load = trial.plan.load
        levels = {name: one_line(str(level)) for name, level in trial.cell.levels.items()}
        yield Event(
            BEGAN,
            {
                "trial": trial.name,
                "levels": levels,
                "ramp_s": load.ramp_s,
                "duration_s": load.duration_s,
            },
        )

    def phase(self, phase: Phase) -> Iterator[Event]:
        """Its next phase begins."""
        if self._current is not None and phase == Phase.LOAD:
            self._current.load_at_s = self._monotonic_s()
        yield Event(PHASE, {"phase": str(phase)})

    def progress(self, progress: LoadProgress) -> Iterator[Event]:
        """What its load says: an event for each second, however often it is told."""
        current = self._current
        if current is None or progress.second <= current.second:
            return
        current.second = progress.second
        current.load_at_s = current.load_at_s or self._monotonic_s() - progress.elapsed_s
        failures: dict[str, JSON] = {
            name: count for name, count in progress.outcomes.items() if name != OUTCOME_OK
        }
        yield Event(
            SECOND,
            {
                "at_s": progress.second,
                "correct": progress.goodput_rps,
                "failed": progress.failed_rps,
                "users": progress.users,
                "failures": failures,
                **_percentiles_ms(progress.responses),
            },
        )

    def sampled(self, probe: str, rows: Sequence[Row]) -> Iterator[Event]:
        """What a probe has just seen, where the page shows it."""
        current = self._current
        if current is None or current.load_at_s is None:
            return
        for row in (dict(zip(COLUMNS[probe], cells, strict=False)) for cells in rows[:1]):
            at_s = {"at_s": round(_number(row.get("at_s")) - current.load_at_s, 2)}
            if probe == "processes" and (shares := _cpu_shares(current.cpu, rows)):
                yield Event(CPU, at_s | shares)
            elif shown := SHOWN.get(probe):
                found = {words: _number(row[name]) for name, words in shown.items()}
                yield Event(CONNECTIONS, at_s | found)

    def ended(self, trial: Trial, record: Record) -> Iterator[Event]:
        """A trial has its record."""
        took_s = self._monotonic_s() - self._current.began_at_s if self._current else 0.0
        self._eta.end(trial, took_s)
        self._verdicts[record.verdict] += 1
        correct = record.load.outcomes.get(OUTCOME_OK, 0)
        yield Event(
            ENDED,
            {
                "trial": trial.name,
                "verdict": str(record.verdict),
                "why": one_line(record.why),
                "correct": correct,
                "failed": record.load.finished - correct,
                "took_s": round(took_s, 1),
            },
        )
        yield self._matrix()

    def retrying(self, trial: Trial) -> Iterator[Event]:
        """It gets another attempt."""
        self._eta.plan([trial])
        self._total += 1
        yield Event(MESSAGE, {"text": f"{trial.name}: disturbed, so it is tried again"})
        yield self._matrix()

    def skipped(self, trial: Trial) -> Iterator[Event]:
        """It will not be run."""
        yield Event(SKIPPED, {"trial": trial.name, "why": one_line(trial.skip)})

    def message(self, line: str) -> Iterator[Event]:
        """Something worth a line."""
        yield Event(MESSAGE, {"text": one_line(line)})

    def over(self) -> Iterator[Event]:
        """The session ends, whatever the reason."""
        done, total = self._verdicts.total(), self._total
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self._verdicts.items()))
        early = "" if done >= total else f" early, after {done} of {total} trials"
        yield Event(OVER, {"text": f"The session has ended{early}{counts and ': '}{counts}."})

    def _matrix(self) -> Event:
        done = self._verdicts.total()
        ends_at_s = self._wall_s() + self._eta.left_s()
        return Event(MATRIX, {"done": done, "total": self._total, "ends_at_s": round(ends_at_s)})


def _percentiles_ms(responses: Sequence[str]) -> Mapping[str, JSON]:
    """By name; none of a second without answers, or of what is no histogram."""
    try:
        found = percentiles_us(responses, PERCENTS)
    except DamagedFile:
        found = []
    return {f"p{percent}_ms": us / 1000 for percent, us in zip(PERCENTS, found, strict=False) if us}


def _cpu_shares(seen: dict[str, tuple[float, float]], rows: Sequence[Row]) -> dict[str, JSON]:
    """CPUs of each role since it was last `seen`; none of those that are new."""
    used: dict[str, float] = {}
    at_s = 0.0
    for cells in rows:
        row = dict(zip(COLUMNS["processes"], cells, strict=False))
        at_s, role = _number(row["at_s"]), str(row["role"])
        used[role] = used.get(role, 0.0) + _number(row["cpu_s"])
    shares: dict[str, JSON] = {}
    for role, cpu_s in used.items():
        before = seen.get(role)
        if before is not None and at_s > before[0]:
            shares[role] = round(max(0.0, cpu_s - before[1]) / (at_s - before[0]), 3)
        seen[role] = at_s, cpu_s
    return shares


def _number(cell: object) -> float:
    """A cell of a probe, which may be the text that a server answered."""
    try:
        return float(str(cell))
    except ValueError:
        return 0.0
