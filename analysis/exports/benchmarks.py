"""The list of benchmarks that actions which track them over commits read: name, unit, value, range.

Such a list is of one kind: more is better, or less. Hence one measure at a time. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.comparisons.requirements import estimate
from analysis.inference import Basis
from analysis.summaries.layout import layout_of
from analysis.summary_json import Analysed
from rig.model import digits, printable

CAPACITY = "capacity_per_s"
UNITS = {
    "goodput_rps": "answers/s",
    "max_goodput_rps": "answers/s",
    CAPACITY: "requests/s",
    "p50_ms": "ms",
    "p95_ms": "ms",
    "p99_ms": "ms",
    "failure_share": "%",
}
"""What can be tracked; of the first three more is better, of the others less."""


@dataclass(frozen=True)
class Tracked:
    """A number of one name, or why there is none. `low` and `high`: at 95 %, where it is known."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""


def benchmarks(found: Analysed, measure: str | None) -> tuple[str, Sequence[str]]:
    """The list as JSON; and each cell without a number, which such lists have no place for.

    Of no `measure`: of the capacity where the session has searched for it, else of the goodput.
    `range` is the 95 % interval, empty of a single run.
    """
    measure = measure or (CAPACITY if found.session.capacity else "goodput_rps")
    tracked = list(_capacities(found) if measure == CAPACITY else _cells(found, measure))
    made = [_entry(one, one.value, measure) for one in tracked if one.value is not None]
    left_out = [f"{one.name}: {one.why}" for one in tracked if one.value is None]
    return json.dumps(made, indent=1) + "\n", left_out


def _entry(one: Tracked, value: float, measure: str) -> dict[str, str | float]:
    scale = 100 if measure == "failure_share" else 1
    bounds = [digits(scale * bound) for bound in (one.low, one.high) if bound is not None]
    return {
        "name": printable(f"{one.name} · {measure}"),
        "unit": UNITS[measure],
        "value": float(f"{scale * value:.6g}"),
        "range": " to ".join(bounds),
    }


def _cells(found: Analysed, measure: str) -> Iterator[Tracked]:
    """A measure of each cell."""
    layout = layout_of(found.session)
    for cell in found.cells:
        parts = layout.group(cell.levels), layout.series(cell.levels)
        name = _name(found, *parts)
        if not cell.valid:
            yield Tracked(name, None, why=cell.reason or "no valid trial")
            continue
        known = estimate(measure, cell)
        over_runs = known.basis is Basis.BETWEEN_TRIALS
        low, high = (known.low, known.high) if over_runs else (None, None)
        yield Tracked(name, known.value, low, high, "no number for it is known")


def _capacities(found: Analysed) -> Iterator[Tracked]:
    """What each deployment carries, where that was found; a bound is no number to track."""
    layout = layout_of(found.session)
    if not found.capacities:
        yield Tracked(_name(found), None, why="no objective is asked for, so it has no capacity")
    for one in found.capacities:
        known = one.capacity
        name = _name(found, layout.deployment(one.levels))
        yield Tracked(name, known.per_s, known.low_per_s, known.high_per_s, known.finding)


def _name(found: Analysed, *parts: str) -> str:
    return " · ".join([found.session.experiment, *filter(None, parts)])
