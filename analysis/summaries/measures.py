"""What a trial and a cell yield; docs/results-format.md says what each number means.

The names of the fields are the columns of `trials.csv` and `summary.csv`, in their order. May not
know how they are measured or shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rig.inference.stationarity import State

PERCENTS = (50, 95, 99)

RESPONSE_STATES: Mapping[str, str] = {
    "": "not known",
    State.STEADY: "steady",
    State.VARIES: "steady but for chance: percentiles are bounds where it matters",
    State.DRIFT: "not steady: percentiles are bounds where requests in flight could move them",
    State.UNSETTLED: "users waited for longer than the window can tell: percentiles are bounds",
    State.OVERLOAD: "overload: more arrived than was answered, so there are no percentiles",
}
"""In words."""


@dataclass(frozen=True)
class TrialMeasures:
    """Of one trial."""

    offered_rps: float | None = None
    goodput_rps: float | None = None
    goodput_method: str = ""
    max_goodput_rps: float | None = None
    failure_share: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    p50_upper_ms: float | None = None
    p95_upper_ms: float | None = None
    p99_upper_ms: float | None = None
    p50_low_ms: float | None = None
    p50_high_ms: float | None = None
    p95_low_ms: float | None = None
    p95_high_ms: float | None = None
    p99_low_ms: float | None = None
    p99_high_ms: float | None = None
    response_state: str = ""
    """What may be said of its response times, a `State`."""
    unanswered: int | None = None
    successes: int | None = None
    failures: int | None = None
    dropped: int | None = None
    total_successes: int | None = None
    total_failures: int | None = None
    first_failure_s: float | None = None
    top_failure: str = ""
    peak_users: int | None = None
    in_flight_at_stop: int | None = None
    never_answered_users: int | None = None
    round_fits: str = ""
    """Whether a round of all users was predicted to fit the window and the time-out: yes or no."""
    measured_delay_ms: float | None = None
    delay_mechanism: str = ""


@dataclass(frozen=True)
class CellMeasures:
    """Of a cell's valid trials: medians, and percentiles of all their answers together."""

    offered_rps: float | None = None
    goodput_rps: float | None = None
    goodput_min_rps: float | None = None
    goodput_max_rps: float | None = None
    max_goodput_rps: float | None = None
    failure_share: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    p50_upper_ms: float | None = None
    p95_upper_ms: float | None = None
    p99_upper_ms: float | None = None
    p50_low_ms: float | None = None
    p50_high_ms: float | None = None
    p95_low_ms: float | None = None
    p95_high_ms: float | None = None
    p99_low_ms: float | None = None
    p99_high_ms: float | None = None
    response_state: str = ""
    """The worst of any trial."""
    unanswered: float | None = None
    successes: float | None = None
    failures: float | None = None
    dropped: float | None = None
    total_successes: float | None = None
    total_failures: float | None = None
    first_failure_s: float | None = None
    top_failure: str = ""
    peak_users: float | None = None
    in_flight_at_stop: float | None = None
    never_answered_users: float | None = None
    measured_delay_ms: float | None = None
    round_fits: str = ""
    """No if it is no of any trial."""
    delay_mechanism: str = ""
    """Of several, all."""


Measures = TrialMeasures | CellMeasures
Bounds = tuple[float | None, float | None]


def percentile_fields(bounds: Sequence[Bounds], intervals: Sequence[Bounds]) -> dict[str, Any]:
    """The fields of `PERCENTS`: of each its bounds, and its 95 % interval, ms."""
    fields: dict[str, Any] = {}
    for percent, (lower, upper), (low, high) in zip(PERCENTS, bounds, intervals, strict=True):
        fields |= {f"p{percent}_ms": lower, f"p{percent}_upper_ms": upper}
        fields |= {f"p{percent}_low_ms": low, f"p{percent}_high_ms": high}
    return fields


def percentile_bounds_ms(of: Measures, percent: int) -> Bounds:
    """The lower and the upper bound of one of `PERCENTS`; they are equal where it is exact."""
    return {
        50: (of.p50_ms, of.p50_upper_ms),
        95: (of.p95_ms, of.p95_upper_ms),
        99: (of.p99_ms, of.p99_upper_ms),
    }[percent]


def percentile_interval_ms(of: Measures, percent: int) -> Bounds:
    """The 95 % interval of one of `PERCENTS`; Nones where it is no number, or too little tells."""
    return {
        50: (of.p50_low_ms, of.p50_high_ms),
        95: (of.p95_low_ms, of.p95_high_ms),
        99: (of.p99_low_ms, of.p99_high_ms),
    }[percent]


def metric(of: Measures, name: str) -> float | None:
    """What a claim is about; None where it is only a bound."""
    lower, upper = {
        "goodput_rps": (of.goodput_rps, of.goodput_rps),
        "max_goodput_rps": (of.max_goodput_rps, of.max_goodput_rps),
        **{f"p{percent}_ms": percentile_bounds_ms(of, percent) for percent in PERCENTS},
    }.get(name, (None, None))
    return lower if lower == upper else None
