"""One load, second by second. May not know files, cells or verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analysis.reading.load_files import Completion, Second
from rig.model import LONGEST_S, OUTCOME_OK

REFUSALS = (
    *("db_too_many_connections", "db_pool_timeout", "pooler_refused", "pooler_wait_timeout"),
)
"""Classes of failure that say: no connection was left."""


@dataclass(frozen=True)
class Timeline:
    """What happened in each second from the load's start; all of equal length."""

    ok: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    users: tuple[int, ...] = ()
    in_flight: tuple[int, ...] = ()
    classes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Failures by class."""


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


def refusals(of: Timeline) -> tuple[int, ...]:
    """Requests that found no connection left, in each second."""
    own = [counts for name, counts in of.classes.items() if name in REFUSALS]
    return tuple(map(sum, zip(*own, strict=True))) if own else (0,) * len(of.ok)


def first_refusal(of: Timeline) -> int | None:
    """The second of the first of them."""
    return next((second for second, count in enumerate(refusals(of)) if count), None)
