"""The `load` section of an experiment: a closed load's users, or an open load's arrivals.

May not know the rest of the experiment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import (
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from rig import plan
from rig.config.document import Map
from rig.config.findings import Finding
from rig.config.matrix import MOST_LOAD_WORKERS
from rig.config.sections import (
    Context,
    Section,
    at,
    context_of,
    details,
    either,
    expected,
    together,
    wrong,
)
from rig.config.values import Duration, Fits, Lasting, Optional, Rate, Seed, Value, Wait
from rig.factors import Choice, Natural
from rig.load.shape import PATTERNS
from rig.load.spec import CLIENTS, LOCUST, PLAIN, Client
from rig.model import LONGEST_S, RATE

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


class _Steps(Value):
    """`[[0s, 10], [30s, 100]]`: from when on, and how many users."""

    _from, _users = Lasting(zero=True), Fits(Natural(1, _MOST_USERS))

    def read(self, value: Any, context: Context) -> plan.Steps:
        problems: list[InitErrorDetails] = []
        steps: list[tuple[float, int]] = []
        for index, one in enumerate(value):
            if not isinstance(one, list) or len(one) != 2:
                problems.append(at((index,), expected("a time and users, such as [30s, 100]")))
                continue
            try:
                from_s = self._part(index, 0, self._from, one[0], context)
                users = self._part(index, 1, self._users, one[1], context)
                steps.append((self._due(index, from_s, steps), users))
            except ValidationError as error:
                problems += details(error)
        if problems:
            raise together(problems)
        if not steps:
            raise expected("users by time, such as [[0s, 10], [30s, 100], [60s, 10]]")
        return plan.Steps(tuple(steps))

    @staticmethod
    def _part(index: int, place: int, of: Value, value: Any, context: Context) -> Any:
        try:
            return of.read(value, context)
        except PydanticCustomError as error:
            raise together([at((index, place), error)]) from None

    @staticmethod
    def _due(index: int, from_s: float, before: Sequence[tuple[float, int]]) -> float:
        """Whole seconds, for so are the files; the first is 0."""
        if from_s % 1:
            problem = wrong("a step begins at a whole second")
        elif not index and from_s:
            problem = wrong("the first step begins at 0s")
        elif before and from_s <= before[-1][0]:
            problem = wrong("a step begins after the one before it")
        else:
            return from_s
        raise together([at((index, 0), problem)])

    def schema(self) -> Mapping[str, object]:
        pair = [dict(self._from.schema()), dict(self._users.schema())]
        step = {"type": "array", "prefixItems": pair, "minItems": 2, "maxItems": 2}
        return {"type": "array", "items": step, "minItems": 1}


Steps = Annotated[plan.Steps, _Steps()]


def _users(data: Any, info: ValidationInfo) -> Users | plan.Steps:
    """A list has steps; all else is a linear ramp, or wrong as one."""
    context = context_of(info)
    if isinstance(data, list):
        return _Steps().read(data, context)
    return Users.model_validate(data, context=context)


AnyUsers = Annotated[
    Users | plan.Steps, PlainValidator(_users, json_schema_input_type=Users | Steps)
]


class Arrivals(Section):
    """When an open load's requests arrive."""

    per_s: Optional[Rate] = None
    """None where `arrivals_per_s` says it."""
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

    def planned(self, most_per_s: float) -> plan.Arrivals:
        """`most_per_s`: of the cells, where it is theirs to say."""
        per_s = most_per_s if self.per_s is None else self.per_s
        return plan.Arrivals(per_s, self.pattern, self.max_in_flight, self.ramp, self.seed)


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
    users: AnyUsers
    think_time: Wait = plan.Closed.think_time_s

    @field_validator("users")
    @classmethod
    def _sent_by_it(cls, users: Users | plan.Steps, info: ValidationInfo) -> Users | plan.Steps:
        if isinstance(users, Users):
            return users
        last_s, steady_s = users.steps[-1][0], info.data.get("steady")
        if steady_s is not None and last_s >= steady_s:
            what = f"the last step begins at {last_s:g} s, when `steady` is over ({steady_s:g} s)"
            raise wrong(what, "`steady` is as long as all steps together")
        if info.data.get("client") == LOCUST:
            do = "say `client: plain`"
            raise wrong("`client: locust` cannot let users leave as they are answered", do)
        return users

    def planned(self, most_per_s: float = 0.0) -> plan.Load:
        users = self.users.planned() if isinstance(self.users, Users) else self.users
        return plan.Load(
            plan.Closed(users, self.think_time),
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
        per_s = 0.0 if arrivals.per_s is None else arrivals.per_s
        if made := _too_many(per_s, arrivals.ramp, info.data.get("steady", 0.0)):
            raise wrong(f"`{{name}}` {made}")
        workers = info.data.get("load_workers", 1)
        if arrivals.max_in_flight < workers:
            raise wrong(f"`max_in_flight` expects at least the {workers} of `load_workers`")
        return arrivals

    def planned(self, most_per_s: float = 0.0) -> plan.Load:
        return plan.Load(
            plan.Open(self.arrivals.planned(most_per_s)),
            steady_s=self.steady,
            timeout_s=self.timeout,
            load_workers=self.load_workers,
            raw=self.raw,
            client=self.client,
        )


def _too_many(per_s: float, ramp_s: float, steady_s: float) -> str:
    """What is wrong with so many requests in a trial; empty for nothing."""
    count = per_s * (ramp_s / 2 + steady_s)
    if count <= _MOST_ARRIVALS:
        return ""
    return f"makes {count:,.0f} requests in a trial, expected at most {_MOST_ARRIVALS:,}"


def unfit_rates(
    root: Map, load: ClosedLoad | OpenLoad, named: Mapping[str, tuple[float, ...]]
) -> Iterator[Finding]:
    """Why a load does not go with the rates that others name, by the section that names them."""
    entry = root.entries["load"]
    rates = [rate for of in named.values() for rate in of]
    if isinstance(load, ClosedLoad):
        for section in named:
            what = f"`{RATE}` needs a load of `model: open`: a closed one has users"
            yield Finding(root.entries[section].place, what)
        return
    arrivals, place = load.arrivals, entry.place
    if isinstance(entry.node, Map):
        place = entry.node.entries["arrivals"].place
    if not rates and arrivals.per_s is None:
        do = f"say `per_s`, or name `{RATE}` in `setup` or in `vary`, or search a capacity"
        yield Finding(place, "`arrivals` has no rate", do)
    if rates and arrivals.per_s is not None:
        what = f"`per_s` of `arrivals` says nothing beside `{RATE}`, which every cell has"
        yield Finding(place, what, "remove it")
    if made := _too_many(max(rates, default=0.0), arrivals.ramp, load.steady):
        yield Finding(place, f"`{RATE}` {made}")


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
