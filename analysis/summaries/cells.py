"""Every cell: medians over its valid trials, percentiles from merged histograms.

May not know how rows are drawn or printed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.inference import geometric_mean_interval
from analysis.reading.session import Session
from analysis.summaries.measures import (
    PERCENTS,
    Bounds,
    CellMeasures,
    TrialMeasures,
    metric,
    percentile_fields,
    percentile_interval_ms,
)
from analysis.summaries.percentiles import median
from analysis.summaries.response_times import ResponseTimes, response_times
from analysis.summaries.trials import MISSING, SKIPPED, TrialResult, top
from rig.disk.sent import together
from rig.inference.stationarity import State
from rig.model import Level, Verdict

WORSE = (State.STEADY, State.VARIES, State.DRIFT, State.UNSETTLED, State.OVERLOAD)
"""Each leaves less to say of response times than the one before."""

WORST_FIRST = (Verdict.INVALID, Verdict.UNKNOWN, Verdict.FAILED, MISSING, SKIPPED)


@dataclass(frozen=True)
class CellResult:
    """A cell and all its trials, in the order of the schedule."""

    cell: str
    levels: Mapping[str, Level]
    because: str
    results: tuple[TrialResult, ...]
    measures: CellMeasures

    @property
    def valid(self) -> tuple[TrialResult, ...]:
        """The trials whose numbers count."""
        return tuple(result for result in self.results if result.valid)

    @property
    def counts(self) -> Counter[str]:
        """How many of its trials ended with each verdict."""
        return Counter(result.verdict for result in self.results)

    @property
    def verdict(self) -> str:
        """Valid if any trial is; else the worst."""
        counts = self.counts
        if counts[Verdict.VALID]:
            return Verdict.VALID.value
        return next(str(verdict) for verdict in WORST_FIRST if counts[verdict])

    @property
    def reason(self) -> str:
        """Why trials do not count, each reason once."""
        others = dict.fromkeys(one.reason for one in self.results if not one.valid and one.reason)
        return "; ".join(others)

    @property
    def failure_reasons(self) -> tuple[str, ...]:
        """Why its app answered 5xx, by the logs of one trial; of a valid one where there is any."""
        told = (result.reasons for result in self.valid or self.results)
        return next((reasons for reasons in told if reasons), ())


def cells(session: Session, results: Sequence[TrialResult]) -> tuple[CellResult, ...]:
    """Every scheduled cell, ordered by the factors' levels; extra cells keep that order."""
    by_cell: dict[str, list[TrialResult]] = {}
    for result in results:
        by_cell.setdefault(result.scheduled.cell, []).append(result)
    found = [_cell(cell, tuple(group)) for cell, group in by_cell.items()]
    return tuple(sorted(found, key=lambda c: [f.rank(c.levels[f.name]) for f in session.factors]))


def _cell(cell: str, results: tuple[TrialResult, ...]) -> CellResult:
    first = results[0].scheduled
    measures = _measures([result for result in results if result.valid])
    return CellResult(cell, first.levels, first.because, results, measures)


def _measures(valid: Sequence[TrialResult]) -> CellMeasures:
    of = [result.measures for result in valid]
    goodputs = [one.goodput_rps for one in of if one.goodput_rps is not None]
    bounds = list(_percentiles(valid))
    intervals = [
        _percentile_interval(of, percent, both)
        for percent, both in zip(PERCENTS, bounds, strict=True)
    ]
    fits = {one.round_fits for one in of}
    found = CellMeasures(
        offered_rps=median(one.offered_rps for one in of),
        goodput_rps=median(goodputs),
        goodput_min_rps=min(goodputs, default=None),
        goodput_max_rps=max(goodputs, default=None),
        max_goodput_rps=median(one.max_goodput_rps for one in of),
        failure_share=median(one.failure_share for one in of),
        response_state=str(state_of_all(valid)) if valid else "",
        unanswered=median(one.unanswered for one in of),
        successes=median(one.successes for one in of),
        failures=median(one.failures for one in of),
        dropped=median(one.dropped for one in of),
        total_successes=median(one.total_successes for one in of),
        total_failures=median(one.total_failures for one in of),
        first_failure_s=median(one.first_failure_s for one in of),
        top_failure=_top_failure(valid),
        peak_users=median(one.peak_users for one in of),
        in_flight_at_stop=median(one.in_flight_at_stop for one in of),
        never_answered_users=median(one.never_answered_users for one in of),
        measured_delay_ms=median(one.measured_delay_ms for one in of),
        round_fits=next((fit for fit in ("no", "yes") if fit in fits), ""),
        delay_mechanism="+".join(sorted({one.delay_mechanism for one in of} - {""})),
    )
    return replace(found, **percentile_fields(bounds, intervals))


def state_of_all(valid: Sequence[TrialResult]) -> State:
    """What may be said of the response times of all trials together: the worst of any."""
    states = {one.measures.response_state for one in valid}
    return max((state for state in State if state in states), key=WORSE.index, default=State.STEADY)


def response_times_of(valid: Sequence[TrialResult]) -> ResponseTimes:
    """Of all requests of these trials together."""
    return response_times(together(result.sent for result in valid), state_of_all(valid))


def _percentiles(valid: Sequence[TrialResult]) -> Iterator[Bounds]:
    """The bounds of each of `PERCENTS`, ms."""
    times = response_times_of(valid)
    for percent in PERCENTS:
        yield times.bounds_ms(percent / 100)


def _percentile_interval(of: Sequence[TrialMeasures], percent: int, bounds: Bounds) -> Bounds:
    """Of one trial, its own; of several, by how much their percentiles differ.

    Only of a number, and of trials that all have one. That of all requests together is not quite
    the trials' mean: it is in the interval nevertheless.
    """
    point, upper = bounds
    if point is None or point != upper:
        return None, None
    if len(of) == 1:
        return percentile_interval_ms(of[0], percent)
    values = [metric(one, f"p{percent}_ms") for one in of]
    low, high = geometric_mean_interval(values)
    if None in values or low is None or high is None:
        return None, None
    return min(low, point), max(high, point)


def _top_failure(valid: Sequence[TrialResult]) -> str:
    classes: Counter[str] = Counter()
    for result in valid:
        classes.update(result.failure_classes)
    return top(classes)
