"""The `load` section of an experiment: a closed load's users, or an open load's arrivals.

May not know the rest of the experiment.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from rig import plan
from rig.config.matrix import MOST_LOAD_WORKERS
from rig.config.sections import Section, context_of, either, wrong
from rig.config.values import Duration, Fits, Rate, Seed, Wait
from rig.factors import Choice, Natural
from rig.load.shape import PATTERNS
from rig.load.spec import CLIENTS, PLAIN, Client
from rig.model import LONGEST_S

CLOSED, OPEN = plan.Closed.name, plan.Open.name
_MOST_USERS = 1_000_000
_SHORTEST_RAMP_S = 1.0
_MOST_ARRIVALS = 100_000_000

UserCount = Annotated[int, Fits(Natural(1, _MOST_USERS))]
Model = Annotated[str, Fits(Choice((CLOSED, OPEN)))]


class Users(Section):
    """How a closed load's users come."""

    start: UserCount = Field(alias="from")
    end: UserCount = Field(alias="to")
    per_s: Rate

    @field_validator("end")
    @classmethod
    def _not_below_start(cls, end: int, info: ValidationInfo) -> int:
        start = info.data.get("start")
        if start is not None and end < start:
            raise wrong(f"`{{name}}` expects at least the {start} of `from`, not {end}")
        return end

    @field_validator("per_s")
    @classmethod
    def _within_a_week(cls, per_s: float, info: ValidationInfo) -> float:
        start, end = info.data.get("start"), info.data.get("end")
        if start and end and plan.Users(start, per_s, end).ramp_s > LONGEST_S:
            takes = f"takes longer than {LONGEST_S / 3600:g}h from {start} to {end} users"
            raise wrong(f"`{{name}}` {per_s:g} {takes}")
        return per_s

    def planned(self) -> plan.Users:
        return plan.Users(self.start, self.per_s, self.end)


class Arrivals(Section):
    """When an open load's requests arrive."""

    per_s: Rate
    pattern: Annotated[str, Fits(Choice(PATTERNS))] = plan.Arrivals.pattern
    max_in_flight: UserCount = plan.Arrivals.max_in_flight
    ramp: Duration = plan.Arrivals.ramp_s
    seed: Seed = plan.Arrivals.seed

    @field_validator("ramp")
    @classmethod
    def _long_enough(cls, ramp_s: float) -> float:
        # Locust needs part of a second to begin: those arrivals would all be late
        if ramp_s < _SHORTEST_RAMP_S:
            raise wrong(f"`{{name}}` expects at least {_SHORTEST_RAMP_S:g}s")
        return ramp_s

    def planned(self) -> plan.Arrivals:
        return plan.Arrivals(self.per_s, self.pattern, self.max_in_flight, self.ramp, self.seed)


class _AnyLoad(Section):
    model: Model
    steady: Duration
    timeout: Duration = plan.Load.timeout_s
    load_workers: Annotated[int, Fits(Natural(1, MOST_LOAD_WORKERS))] = plan.Load.load_workers
    raw: bool = plan.Load.raw
    client: Annotated[Client, Fits(Choice(CLIENTS))] = PLAIN  # where nothing is said


def _useless(model: str, *keys: str) -> dict[str, tuple[str, str]]:
    return {key: (f"`{key}` says nothing to a load of `model: {model}`", "") for key in keys}


class ClosedLoad(_AnyLoad):
    """Users who wait for one answer before they ask again."""

    misplaced: ClassVar = _useless(CLOSED, "arrivals")

    model: Annotated[Model, WithJsonSchema({"const": CLOSED})] = CLOSED
    users: Users
    think_time: Wait = plan.Closed.think_time_s

    def planned(self) -> plan.Load:
        return plan.Load(
            plan.Closed(self.users.planned(), self.think_time),
            steady_s=self.steady,
            timeout_s=self.timeout,
            load_workers=self.load_workers,
            raw=self.raw,
            client=self.client,
        )


class OpenLoad(_AnyLoad):
    """Requests that arrive whatever became of those before them."""

    misplaced: ClassVar = _useless(OPEN, "users", "think_time")

    model: Annotated[Model, WithJsonSchema({"const": OPEN})]
    arrivals: Arrivals

    @field_validator("arrivals")
    @classmethod
    def _as_many_as_can_be(cls, arrivals: Arrivals, info: ValidationInfo) -> Arrivals:
        count = arrivals.per_s * (arrivals.ramp / 2 + info.data.get("steady", 0.0))
        if count > _MOST_ARRIVALS:
            made = f"makes {count:,.0f} requests in a trial"
            raise wrong(f"`{{name}}` {made}, expected at most {_MOST_ARRIVALS:,}")
        workers = info.data.get("load_workers", 1)
        if arrivals.max_in_flight < workers:
            raise wrong(f"`max_in_flight` expects at least the {workers} of `load_workers`")
        return arrivals

    def planned(self) -> plan.Load:
        return plan.Load(
            plan.Open(self.arrivals.planned()),
            steady_s=self.steady,
            timeout_s=self.timeout,
            load_workers=self.load_workers,
            raw=self.raw,
            client=self.client,
        )


def _either(data: Any, info: ValidationInfo) -> ClosedLoad | OpenLoad:
    """Open where it says so, or says what is neither and has arrivals."""
    written = data.get("model", CLOSED) if isinstance(data, dict) else CLOSED
    is_open = written == OPEN or (written != CLOSED and "arrivals" in data)
    if is_open:
        return either(data, OpenLoad, ClosedLoad, context_of(info))
    return either(data, ClosedLoad, OpenLoad, context_of(info))


Load = Annotated[
    ClosedLoad | OpenLoad,
    PlainValidator(_either, json_schema_input_type=ClosedLoad | OpenLoad),
]
