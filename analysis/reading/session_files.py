"""A session's own files, read: `session.json` and `schedule.csv`.

Reading alone: files in, a Session out, or the error that names the file. May not know what
happened in any trial (`analysis.reading.attempts` does).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

from analysis.reading.journal_hashes import claim_fixed, vouched
from analysis.reading.requirements import Requirement
from analysis.reading.session import (
    CapacitySearched,
    Claim,
    Factor,
    Scheduled,
    Searched,
    Session,
    Until,
)
from rig.disk.contents import data, decoded
from rig.disk.schema import hold_schema
from rig.disk.typed import Unfit, fitted
from rig.inference.capacity import SearchSpec
from rig.inference.objective import Ms, Objective, Share
from rig.model import Between, DamagedFile, Index, Interface, LengthS, Level, UsageError
from rig.store.names import SCHEDULE, SESSION
from rig.store.schedule import of_another_cell, read_rows, whole_lines

INTERFACES_BY_NAME = {"sync": Interface.WSGI, "async": Interface.ASGI}
"""The interfaces of the targets of sessions that do not say them."""

Rate = Annotated[float, Between(1e-6, 1e9)]


class _Claim(TypedDict):
    says: str
    of: str
    factor: str
    numerator: Level
    denominator: Level
    at_least: Annotated[float, Between(0, 10**6)] | None
    equivalent_within: NotRequired[Annotated[float, Between(0, 1)] | None]


class _Factor(TypedDict):
    name: str
    label: str
    levels: tuple[Level, ...]
    unit: str
    facts: tuple[str, ...]


class _Searched(TypedDict):
    factor: str
    between: tuple[float, float]


class _Capacity(TypedDict):
    factor: str
    between: tuple[Rate, Rate]
    within: Annotated[float, Between(0, 1)]
    repeats: Annotated[int, Between(1, 100)]


class _Objective(TypedDict):
    p50_ms: Ms | None
    p95_ms: Ms | None
    p99_ms: Ms | None
    failure_share: Share | None
    rate_per_s: Rate | None


class _Until(TypedDict):
    within: Annotated[float, Between(0, 10)]
    at_least: Annotated[int, Between(1, 10**4)]


class _Users(TypedDict):
    end_users: NotRequired[Index]
    steps: NotRequired[tuple[tuple[LengthS, Index], ...]]


class _Arrivals(TypedDict):
    per_s: float


class _Load(TypedDict):
    users: _Users
    arrivals: _Arrivals | None
    model: str
    steady_s: LengthS
    think_time_s: LengthS


class _About(TypedDict):
    """What is read of a `session.json`."""

    experiment: str
    session: str
    profile: str | None
    backend: str
    claim: _Claim | None
    requires: NotRequired[tuple[Requirement, ...]]
    factors: tuple[_Factor, ...]
    host: Mapping[str, Any]
    repeats: NotRequired[Annotated[int, Between(1, 10**4)]]
    until: _Until | None
    search: _Searched | None
    capacity: NotRequired[_Capacity | None]
    objective: NotRequired[_Objective | None]
    load: _Load
    data: Mapping[str, Any]
    interfaces: NotRequired[Mapping[str, Interface]]
    server_interfaces: NotRequired[Mapping[str, Interface]]


def read_session(folder: Path) -> Session:
    """The session in a folder; UsageError with one line where it is none, or of another schema.

    DamagedFile or StorageError, which name the file, where it cannot be read.
    """
    path = folder / SESSION
    about = decoded(path, lambda value: _about(value, path))
    if about is None:
        raise UsageError(f"{folder}: no session here (it has no session.json)")
    factors = tuple(map(_factor, about["factors"]))
    hashes, notes = vouched(folder)
    scheduled = _schedule(folder / SCHEDULE, factors)
    search, until = about["search"], about["until"]
    objective, rate_per_s = _objective(about.get("objective"))
    capacity = _capacity(about.get("capacity"), rate_per_s)
    return Session(
        folder=folder,
        experiment=about["experiment"],
        name=about["session"],
        profile=about["profile"] or "",
        backend=about["backend"],
        factors=factors,
        claim=_claim(about["claim"]),
        host=about["host"],
        # a search stops by what it has seen, too
        adaptive=bool(until or search or capacity),
        repeats=about.get("repeats", 1),
        until=Until(until["within"], until["at_least"]) if until else None,
        search=Searched(search["factor"], search["between"]) if search else None,
        claim_fixed=claim_fixed(folder, about["claim"]),
        scheduled=scheduled,
        load=about["load"],
        data=about["data"],
        interfaces=about.get("interfaces", INTERFACES_BY_NAME),
        server_interfaces=about.get("server_interfaces", {}),
        vouched=hashes,
        notes=(*notes, *_lost(folder, scheduled)),
        requires=about.get("requires", ()),
        objective=objective,
        rate_per_s=rate_per_s,
        capacity=capacity,
    )


def _objective(said: _Objective | None) -> tuple[Objective | None, float | None]:
    """The objective, and the rate that is to be carried."""
    if said is None:
        return None, None
    limits = {name: value for name, value in said.items() if name != "rate_per_s"}
    return fitted(Objective, limits), said["rate_per_s"]


def _capacity(said: _Capacity | None, rate_per_s: float | None) -> CapacitySearched | None:
    if said is None:
        return None
    spec = SearchSpec(said["between"], said["within"], said["repeats"], rate_per_s)
    return CapacitySearched(said["factor"], spec)


def _about(value: Any, path: Path) -> _About:
    try:
        hold_schema(value, path)
        about = fitted(_About, value)
    except Unfit as error:
        raise Unfit(f"not as a session is written: {error}") from error
    names = [factor["name"] for factor in about["factors"]]
    if len(set(names)) < len(names):
        raise Unfit("not as a session is written: a factor stands twice in it")
    objective, _ = _objective(about.get("objective"))
    if objective and not any(objective.limits_ms.values()):
        raise Unfit("not as a session is written: its objective has no limit")
    if (claim := about["claim"]) and _bounds(claim) != 1:
        raise Unfit("not as a session is written: its claim has not one bound")
    return about


def _bounds(claim: _Claim) -> int:
    return (claim["at_least"] is not None) + (claim.get("equivalent_within") is not None)


def _factor(data: _Factor) -> Factor:
    return Factor(
        name=data["name"],
        label=data["label"],
        unit=data["unit"],
        levels=data["levels"],
        facts=data["facts"],
    )


def _claim(data: _Claim | None) -> Claim | None:
    if not data:
        return None
    return Claim(
        statement=data["says"],
        of=data["of"],
        factor=data["factor"],
        numerator=data["numerator"],
        denominator=data["denominator"],
        at_least=data["at_least"],
        equivalent_within=data.get("equivalent_within"),
    )


def _schedule(path: Path, factors: tuple[Factor, ...]) -> tuple[Scheduled, ...]:
    """The trials in their order; of two lines for one trial the later one holds.

    A last line that was cut short is none. DamagedFile for a line that was never written.
    """
    trials: dict[str, Scheduled] = {}
    for number, row in enumerate(read_rows(data(path) or b"", path), start=2):
        try:
            trial = _scheduled(row, factors)
        except Unfit as error:
            raise DamagedFile(f"{path}:{number}: no line of a schedule: {error}") from error
        trials[trial.trial] = trial
    return tuple(sorted(trials.values(), key=lambda trial: trial.position))


def _lost(folder: Path, scheduled: Sequence[Scheduled]) -> Iterator[str]:
    """What a tear has taken from the schedule."""
    have = data(folder / SCHEDULE) or b""
    if len(whole_lines(have)) < len(have):
        yield f"{SCHEDULE}: its last line was cut short and does not count; resume makes it whole"
    known = {trial.trial for trial in scheduled}
    for manifest in sorted(folder.glob("trials/*/attempt-*/manifest.json")):
        if (trial := manifest.parents[1].name) not in known:
            known.add(trial)
            yield f"{trial} was measured, and no line of {SCHEDULE} has it; resume makes it whole"


def _scheduled(row: Mapping[str, str], factors: tuple[Factor, ...]) -> Scheduled:
    if missing := [factor.name for factor in factors if factor.name not in row]:
        raise Unfit(f"it has no column {missing[0]!r}")
    levels = {factor.name: factor.level(row[factor.name]) for factor in factors}
    for name, level in levels.items():
        fitted(Level, level, name)
    if of_another_cell(row["cell"], levels):
        raise Unfit(f"the levels of {row['trial']} are not those of its cell {row['cell']}")
    return Scheduled(
        trial=row["trial"],
        position=int(row["position"]),
        block=int(row["block"]),
        replicate=int(row["replicate"]),
        cell=row["cell"],
        levels=levels,
        skip=row["skip"],
        because=row["because"],
    )
