"""What each deployment carries within the objective, and at what cost.

A deployment is a cell without its rate. May not know how any of it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from analysis.reading.session import Session
from analysis.summaries.cell_estimates import cpu_s_per_success
from analysis.summaries.csv_rows import Row
from analysis.summaries.trials import TrialResult
from rig.inference.capacity import Capacity, SearchSpec, Tried, capacity_of
from rig.model import RATE, SURGE, Level
from rig.record import ObjectiveFacts, ProbeFacts

LOADING = ("load_master", "load_worker", "delay")
"""Roles that no deployment has."""

WITHIN = 0.05
"""Of a session that chose its rates itself, and asks for no precision."""


@dataclass(frozen=True)
class AtRate:
    """One trial of a deployment."""

    result: TrialResult
    tried: Tried

    @property
    def surge_per_s(self) -> float:
        """What came before its window; 0 for nothing."""
        return _number(self.result.scheduled.levels.get(SURGE, 0))

    @property
    def facts(self) -> ObjectiveFacts | None:
        """How its window kept the objective."""
        record = self.result.record
        return record.load.objective if record and self.result.valid else None


@dataclass(frozen=True)
class Cost:
    """What one trial that kept the objective was paid with; None where nobody looked."""

    at_per_s: float
    """The rate that was asked for."""
    cpu_ms: float | None
    """CPU time of app, database, pooler and services per correct answer."""
    peak_mb: float | None
    """Resident memory of the same roles."""
    connections: int | None
    """The app's, or its pooler's, to the database; the most."""
    failure_share: float | None


@dataclass(frozen=True)
class Carrying:
    """A deployment, what it carries, and what that costs."""

    levels: Mapping[str, Level]
    """Without the rate."""
    capacity: Capacity
    trials: tuple[AtRate, ...]
    """In the order of their rates."""
    carries: bool | None
    """The rate that is to be carried; None where that is not decided, or none is asked for."""
    cost: Cost | None
    """None where no trial kept the objective."""
    surged: AtRate | None = None
    """The trial after a surge, at a rate that it carries otherwise."""

    @property
    def recovers(self) -> bool | None:
        """Whether it kept the objective after a surge; None where that was not tried or told."""
        tried = self.surged.tried if self.surged else None
        return tried.kept if tried and tried.excess is not None else None

    @property
    def best(self) -> AtRate | None:
        """The trial that its cost is of."""
        at = self.cost.at_per_s if self.cost else None
        kept = (one for one in self.trials if one.tried.kept and one.tried.rate_per_s == at)
        return next(kept, None)


def capacities(session: Session, results: Sequence[TrialResult]) -> tuple[Carrying, ...]:
    """Every deployment of a session with an objective, the best first.

    Best is what carries the most; where a rate is to be carried, what carries that with the least
    CPU time for an answer.
    """
    if session.objective is None:
        return ()
    groups: dict[frozenset[tuple[str, Level]], list[TrialResult]] = {}
    for result in (one for one in results if _rate(session, one) > 0):
        groups.setdefault(frozenset(_bare(result.scheduled.levels).items()), []).append(result)
    found = [_carrying(session, group) for group in groups.values()]
    return tuple(sorted(found, key=lambda one: _place(session, one)))


def _bare(levels: Mapping[str, Level]) -> dict[str, Level]:
    return {name: level for name, level in levels.items() if name not in (RATE, SURGE)}


def _carrying(session: Session, group: Sequence[TrialResult]) -> Carrying:
    every = sorted(
        (_at_rate(session, result) for result in group), key=lambda one: one.tried.rate_per_s
    )
    trials = [one for one in every if not one.surge_per_s]
    surged = [one for one in every if one.surge_per_s]
    tried = [one.tried for one in trials if one.result.record is not None]
    rates = [one.rate_per_s for one in tried] or [0.0]
    spec = SearchSpec((min(rates), max(rates)), WITHIN, rate_per_s=session.rate_per_s)
    capacity = capacity_of(tried, session.capacity.spec if session.capacity else spec)
    wanted = session.rate_per_s
    return Carrying(
        _bare(group[0].scheduled.levels),
        capacity,
        tuple(trials),
        None if wanted is None else capacity.carries(wanted),
        _cost(trials, capacity, wanted),
        surged[-1] if surged else None,
    )


def _at_rate(session: Session, result: TrialResult) -> AtRate:
    rate = _rate(session, result)
    return AtRate(result, result.record.tried_at(rate) if result.record else Tried(rate, None))


def _rate(session: Session, result: TrialResult) -> float:
    """What was asked for; 0 where the schedule has no such number."""
    planned = (session.load.get("arrivals") or {}).get("per_s", 0.0)
    return _number(result.scheduled.levels.get(RATE, planned))


def _number(level: Level) -> float:
    return 0.0 if isinstance(level, str) else float(level)


def _place(session: Session, one: Carrying) -> tuple[int, float, float]:
    """A sort key."""
    if session.rate_per_s is None:
        return 0, -one.capacity.rank, 0.0
    cpu_ms = one.cost.cpu_ms if one.cost and one.cost.cpu_ms is not None else float("inf")
    known = {True: 0, None: 1, False: 2}[one.carries]
    return known, cpu_ms if one.carries else 0.0, -one.capacity.rank


def _cost(trials: Sequence[AtRate], capacity: Capacity, wanted_per_s: float | None) -> Cost | None:
    """Of the trial that kept the objective nearest to the rate that is wanted, from above if it
    can be; where none is wanted, at the highest rate that is no more than its capacity."""
    kept = [one for one in trials if one.tried.kept and one.result.valid]
    if not kept:
        return None
    if wanted_per_s is not None:
        enough = [one for one in kept if one.tried.rate_per_s >= wanted_per_s]
        best = enough[0] if enough else kept[-1]
    else:
        most = capacity.per_s or capacity.low_per_s or 0.0
        within = [one for one in kept if one.tried.rate_per_s <= most]
        best = within[-1] if within else kept[0]
    return _cost_of(best)


def _cost_of(one: AtRate) -> Cost:
    record = one.result.record
    probes = record.probes if record else ProbeFacts()
    roles = [role for role in probes.roles if role not in LOADING]
    spent = [cpu_s_per_success(one.result, role) for role in roles]
    known = [cpu_s for cpu_s in spent if cpu_s is not None]
    return Cost(
        one.tried.rate_per_s,
        1000 * sum(known) if known and len(known) == len(spent) else None,
        sum(probes.roles[role].rss_peak_bytes for role in roles) / 1e6 if roles else None,
        probes.postgres_app_sessions_max,
        one.facts.failure_share if one.facts else None,
    )


OWN_COLUMNS = (
    *(
        "outcome",
        "capacity_per_s",
        "low_per_s",
        "high_per_s",
        "trials",
        "near_trials",
        "carries",
        "recovers",
    ),
    *(f"cost_{field.name}" for field in fields(Cost)),
)


def capacity_columns(session: Session) -> tuple[str, ...]:
    """The columns of `capacity.csv`, in order."""
    return ("rank", *(f.name for f in session.factors if f.name not in (RATE, SURGE)), *OWN_COLUMNS)


def capacity_rows(found: Sequence[Carrying]) -> Iterator[Row]:
    """A line for each deployment, the best first."""
    for rank, one in enumerate(found, 1):
        yield {"rank": rank, **one.levels, **dict(zip(OWN_COLUMNS, _own(one), strict=True))}


def _own(one: Carrying) -> Iterator[Level | None]:
    found = one.capacity
    yield from (found.outcome.value, found.per_s, found.low_per_s, found.high_per_s)
    yield from (len(found.tried), found.near, _word(one.carries), _word(one.recovers))
    yield from asdict(one.cost).values() if one.cost else [None] * len(fields(Cost))


def _word(known: bool | None) -> str | None:
    return None if known is None else "yes" if known else "no"
