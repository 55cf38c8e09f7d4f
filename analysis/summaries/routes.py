"""What each route of a mix, or each name in a Locust file, came to in each trial.

The numbers of the mix, or of the file, are those of its trial.

May not know how cells are compared or drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram

from analysis.reading.attempts import plan_of
from analysis.reading.load_files import STEADY, Completion
from analysis.summaries.measures import TrialMeasures, metric
from analysis.summaries.trials import TrialResult
from rig.disk.contents import rows
from rig.disk.hdr import route_of
from rig.disk.histograms import Counts, histogram_of, percentile_us, read_lines
from rig.disk.rows import UnansweredRow
from rig.model import OUTCOME_OK, RigError

FEWEST = {50: 10, 95: 40, 99: 200}
"""Correct answers below which a percentile is a few requests' luck."""


@dataclass(frozen=True)
class RouteResult:
    """One route in the steady window of one trial, by the answers that came in it."""

    trial: str
    mix: str
    route: str
    successes: int
    failures: int
    unfinished: int | None
    """Sent in the window, and in flight at the stop; None where the files do not say."""
    goodput_rps: float | None
    statements: int | None
    """SQL statements of one request, as its route declares them; None where nobody does."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


def of_mixes(found: Sequence[TrialResult]) -> Iterator[RouteResult]:
    """The routes of every valid trial that has several; what cannot be read is left out."""
    for result in found:
        if result.valid and result.folder is not None and result.record is not None:
            try:
                plan = plan_of(result.folder.parent, result.record)
                target: Mapping[str, Any] = plan.get("target") or {}
                if _has_several(target, result):
                    declared = target.get("routes") or {}
                    yield from _routes(result, result.folder / "load", declared)
            except RigError:  # the trial's own note says so
                continue


def _has_several(target: Mapping[str, Any], result: TrialResult) -> bool:
    """Whether a trial was of a mix or a Locust file; the files of all others need not be read."""
    return any(_asked(result) in target.get(kind, {}) for kind in ("mixes", "locustfiles"))


def _asked(result: TrialResult) -> str:
    return str(result.scheduled.levels.get("route", ""))


def _routes(
    result: TrialResult, folder: Path, declared: Mapping[str, Any]
) -> Iterator[RouteResult]:
    steady = [row for row in rows(folder / "completions.csv", Completion) or () if _in_window(row)]
    mix = _asked(result)
    load = result.record.load if result.record else None
    waiting = _unfinished(folder / "unanswered.csv", load.ramp_s if load else 0.0)
    names = sorted({row.route for row in steady} - {mix})
    if not names:
        return
    times = _times(folder / "latencies.hlog")
    steady_s = load.duration_s - load.ramp_s if load else 0.0
    for name in names:
        of_route = [row for row in steady if row.route == name]
        successes = sum(row.count for row in of_route if row.ok)
        yield RouteResult(
            result.scheduled.trial,
            mix,
            name,
            successes,
            sum(row.count for row in of_route if not row.ok),
            waiting[name] if waiting is not None else None,
            successes / steady_s if steady_s > 0 else None,
            (declared.get(name) or {}).get("statements"),
            *(_percentile_ms(result.measures, times.get(name), percent) for percent in FEWEST),
        )


def _in_window(row: Completion) -> bool:
    return row.phase == STEADY


def _unfinished(path: Path, ramp_s: float) -> Counter[str] | None:
    """Requests in flight at the stop that were sent in the window, by route."""
    found = [row for row in rows(path, UnansweredRow) or () if row.started_s >= ramp_s]
    if any(not row.route for row in found):
        return None
    return Counter(row.route for row in found)


def _times(path: Path) -> Mapping[str, HdrHistogram]:
    """Response times of the window's correct answers, by route."""
    found: dict[str, list[Counts]] = {}
    for tag, _, counts in read_lines(path, _is_correct):
        found.setdefault(route_of(tag), []).append(counts)
    return {route: histogram_of(parts) for route, parts in found.items()}


def _is_correct(tag: str) -> bool:
    phase, _, rest = tag.partition("|")
    return phase == STEADY and rest.rpartition("|")[2] == OUTCOME_OK


def _percentile_ms(
    mix: TrialMeasures, histogram: HdrHistogram | None, percent: int
) -> float | None:
    # where what is still unanswered could move the mix's, it could move the route's, too
    if metric(mix, f"p{percent}_ms") is None:
        return None
    if histogram is None or histogram.get_total_count() < FEWEST[percent]:
        return None
    return percentile_us(histogram, percent) / 1000
