"""What each route of a mix came to, trial by trial. The mix's own numbers are those of its trial.

May not know how cells are compared or drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hdrh.histogram import HdrHistogram

from analysis.reading.load_files import STEADY, Completion
from analysis.summaries.measures import TrialMeasures, metric
from analysis.summaries.trials import TrialResult
from rig.disk.contents import rows
from rig.disk.histograms import Counts, histogram_of, percentile_us, read_lines
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
    goodput_rps: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


def of_mixes(found: Sequence[TrialResult]) -> Iterator[RouteResult]:
    """The routes of every valid trial that has several; what cannot be read is left out."""
    for result in found:
        if result.valid and result.folder is not None and result.record is not None:
            try:
                yield from _routes(result, result.folder / "load")
            except RigError:  # the trial's own note says so
                continue


def _routes(result: TrialResult, folder: Path) -> Iterator[RouteResult]:
    steady = [row for row in rows(folder / "completions.csv", Completion) or () if _in_window(row)]
    mix = str(result.scheduled.levels.get("route", ""))
    names = sorted({row.route for row in steady} - {mix})
    if not names:
        return
    times = _times(folder / "latencies.hlog")
    load = result.record.load if result.record else None
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
            successes / steady_s if steady_s > 0 else None,
            *(_percentile_ms(result.measures, times.get(name), percent) for percent in FEWEST),
        )


def _in_window(row: Completion) -> bool:
    return row.phase == STEADY


def _times(path: Path) -> Mapping[str, HdrHistogram]:
    """Response times of the window's correct answers, by route."""
    found: dict[str, list[Counts]] = {}
    for tag, _, counts in read_lines(path, _is_correct):
        route = tag.partition("|")[2].rpartition("|")[0]
        found.setdefault(route, []).append(counts)
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
