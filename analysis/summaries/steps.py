"""What each step of a load in steps came to, trial by trial.

An answer belongs to the step in whose seconds it came. May not know how cells are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hdrh.histogram import HdrHistogram

from analysis.reading.load_files import STEADY, Completion
from analysis.reading.session import Session
from analysis.summaries.routes import FEWEST
from analysis.summaries.trials import TrialResult
from rig.disk.contents import rows
from rig.disk.histograms import Counts, histogram_of, percentile_us, read_lines
from rig.model import OUTCOME_OK, RigError


@dataclass(frozen=True)
class StepResult:
    """One step of one trial, by the answers that came in it."""

    trial: str
    step: int
    """From 1 on."""
    from_s: float
    until_s: float
    users: int
    """As planned."""
    successes: int
    failures: int
    goodput_rps: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


def of_steps(session: Session, found: Sequence[TrialResult]) -> Iterator[StepResult]:
    """The steps of every valid trial; none of a load without; what cannot be read is left out."""
    for result in found if session.steps else ():
        if result.valid and result.folder is not None:
            try:
                yield from _steps(session, result.scheduled.trial, result.folder / "load")
            except RigError:  # the trial's own note says so
                continue


def _steps(session: Session, trial: str, folder: Path) -> Iterator[StepResult]:
    answers = [
        row for row in rows(folder / "completions.csv", Completion) or () if row.phase == STEADY
    ]
    ends_s = (*(from_s for from_s, _ in session.steps[1:]), float(session.load["steady_s"]))
    times: list[list[Counts]] = [[] for _ in ends_s]
    for _, second, counts in read_lines(folder / "latencies.hlog", _is_correct):
        times[_step_at(second, ends_s)].append(counts)
    for index, ((from_s, users), until_s) in enumerate(zip(session.steps, ends_s, strict=True)):
        came = [row for row in answers if _step_at(row.second, ends_s) == index]
        successes = sum(row.count for row in came if row.ok)
        yield StepResult(
            trial,
            index + 1,
            from_s,
            until_s,
            users,
            successes,
            sum(row.count for row in came if not row.ok),
            successes / (until_s - from_s),
            *(_percentile_ms(times[index], percent) for percent in FEWEST),
        )


def _step_at(second: int, ends_s: Sequence[float]) -> int:
    return next((index for index, end_s in enumerate(ends_s) if second < end_s), len(ends_s) - 1)


def _is_correct(tag: str) -> bool:
    phase, _, rest = tag.partition("|")
    return phase == STEADY and rest.rpartition("|")[2] == OUTCOME_OK


def _percentile_ms(parts: Sequence[Counts], percent: int) -> float | None:
    histogram: HdrHistogram = histogram_of(parts)
    if histogram.get_total_count() < FEWEST[percent]:
        return None
    return percentile_us(histogram, percent) / 1000
