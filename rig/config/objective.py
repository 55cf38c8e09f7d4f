"""The `objective` of an experiment: what users can bear, by which a rate counts as carried.

May not know PyYAML (`document` does).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from rig import plan
from rig.config.document import Map
from rig.config.findings import Finding, one_of
from rig.config.sections import Context, Section, expected, wrong
from rig.config.values import AboveZero, Optional, Rate, Value

_LONGEST_MS = 1e7
_SHARE = re.compile(r"\s*(\d{1,3}(?:\.\d{1,6})?)\s*%\s*")
LIMITS = ("p50_ms", "p95_ms", "p99_ms")


class Part(Value):
    """A share such as `1 %`."""

    def read(self, value: Any, context: Context) -> float:
        match = _SHARE.fullmatch(value) if isinstance(value, str) else None
        share = float(match[1]) / 100 if match else 0.0
        if not 0 < share <= 1:
            raise expected("a share such as `1 %`, above 0 % and up to 100 %")
        return share

    def schema(self) -> Mapping[str, object]:
        return {"type": "string", "pattern": f"^{_SHARE.pattern}$"}


LimitMs = Optional[Annotated[float, AboveZero(0.001, _LONGEST_MS)]]


class Objective(Section):
    """The most that requests may take, and the most of them that may fail."""

    p50_ms: LimitMs = None
    p95_ms: LimitMs = None
    p99_ms: LimitMs = None
    failures: Optional[Annotated[float, Part()]] = None
    rate_per_s: Optional[Rate] = None

    def planned(self) -> plan.Objective:
        """As a plan has it."""
        return plan.Objective(self.p50_ms, self.p95_ms, self.p99_ms, self.failures)


def _limits_times(objective: Objective) -> Objective:
    if not any(getattr(objective, name) for name in LIMITS):
        raise wrong(f"`{{name}}` has no limit on response times, expected {one_of(LIMITS)}")
    return objective


AnObjective = Annotated[Objective, AfterValidator(_limits_times)]


def unfit_objective(
    root: Map, objective: plan.Objective, steady_s: float, lowest_per_s: float, within: float | None
) -> Iterator[Finding]:
    """Why no window of that length tells whether an objective is kept.

    `within`: how precisely a capacity is asked for. A queue that grows all through the window
    without reaching the limit hides as much of the rate as the limit is of the window.
    """
    place = root.entries["load"].place
    fewest = math.ceil(objective.enough_requests)
    if (count := lowest_per_s * steady_s) < fewest:
        what = f"a window of {steady_s:g} s has {count:.0f} requests at {lowest_per_s:g} /s"
        do = f"`steady: {_up(fewest / lowest_per_s)}s` has the {fewest} that the objective needs"
        yield Finding(place, what, do)
    longest_s = max(objective.limits_ms.values()) / 1000
    if within is not None and 2 * longest_s > within * steady_s:
        what = f"a window of {steady_s:g} s is too short for a limit of {1000 * longest_s:g} ms"
        do = f"`steady: {_up(2 * longest_s / within)}s` tells capacities to {100 * within:g} %"
        yield Finding(place, what, do)


def _up(value: float) -> str:
    """A number of seconds that is not below."""
    return f"{-(-value // 1):g}"
