"""The Plan: everything that is needed to carry out one trial, as data, with a digest.

Pure. May not know where a plan comes from (YAML, factors) nor who carries it out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypedDict

from rig.disk.typed import Unfit, WrittenAs, fitted
from rig.inference.objective import Objective as Objective
from rig.load.shape import Arrivals as Arrivals
from rig.load.shape import Closed as Closed
from rig.load.shape import Open as Open
from rig.load.shape import Steps as Steps
from rig.load.shape import Users as Users
from rig.load.shape import model_of, model_to_json
from rig.load.spec import LOCUST, Client
from rig.model import SCHEMA, Between, Count, Index, LengthS, Level, Link, Role, digest
from rig.route import LocustFile as LocustFile
from rig.route import Mix as Mix
from rig.route import Route as Route
from rig.target import EACH, LATER
from rig.target import PLACEHOLDER as PLACEHOLDER
from rig.target import Django as Django
from rig.target import Ledger as Ledger
from rig.target import Limits as Limits
from rig.target import PythonSource as PythonSource
from rig.target import Service as Service
from rig.target import Target as Target
from rig.target import Unsupported as Unsupported
from rig.target import python_source as python_source

_LATER: tuple[tuple[tuple[str, ...], object], ...] = (
    (("server",), "own"),
    (("middleware",), "own"),
    (("objective",), None),
    *((("target", *path), unsaid) for path, unsaid in LATER),
)
"""What older plans do not have, by its path, and what stands for it there."""

SESSION_GUESS_S = 0.5
"""For each user: a login costs a Django a third to half a second of CPU (PBKDF2)."""

_EARLIER = ("wsgi_worker",)
"""What older plans have and newer ones do not: levels of factors that are no more."""


@dataclass(frozen=True)
class Delay:
    """One-way delay on packets that leave the app's network namespace."""

    delay_ms: Annotated[float, Between(0, 10**6)] = 0.0
    links: tuple[Link, ...] = (Link.FRONT, Link.DATA)

    def on(self, link: Link) -> float:
        """What a packet that leaves over this link is delayed by, in ms."""
        return self.delay_ms if link in self.links else 0.0


@dataclass(frozen=True)
class Load:
    """What the load generator does."""

    model: Closed | Open
    steady_s: LengthS
    timeout_s: LengthS = 400.0
    load_workers: Index = 2
    raw: bool = False
    """Whether every single request is written down."""
    client: Client = LOCUST
    """Who sends: the rig's own client, or Locust's."""

    @property
    def ramp_s(self) -> float:
        """When the steady window begins."""
        return self.model.ramp_s

    @property
    def duration_s(self) -> float:
        """Ramp and steady window together."""
        return self.ramp_s + self.steady_s

    def to_json(self) -> dict[str, Any]:
        """The load as `plan.json` and `session.json` have it, in their order."""
        model = model_to_json(self.model)
        return {
            "users": model["users"],
            "steady_s": self.steady_s,
            "model": self.model.name,
            "think_time_s": model["think_time_s"],
            "timeout_s": self.timeout_s,
            "load_workers": self.load_workers,
            "arrivals": model["arrivals"],
            "raw": self.raw,
            # older plans do not say it, and were all sent by Locust's
            **({} if self.client == LOCUST else {"client": self.client}),
        }


@dataclass(frozen=True)
class LoadFile:
    """The load as read from a file; `arrivals` say which model it is."""

    users: Users | Steps
    steady_s: LengthS
    model: Literal["closed", "open"] = "closed"
    think_time_s: LengthS = Closed.think_time_s
    timeout_s: LengthS = Load.timeout_s
    load_workers: Index = Load.load_workers
    arrivals: Arrivals | None = None
    raw: bool = Load.raw
    client: Client = LOCUST

    def load(self) -> Load:
        """What it stands for."""
        model = model_of(self.users, self.think_time_s, self.arrivals)
        return Load(model, self.steady_s, self.timeout_s, self.load_workers, self.raw, self.client)


@dataclass(frozen=True)
class Data:
    """How much there is to read and to compute."""

    posts: Count
    cpu_n: Count


@dataclass(frozen=True)
class Draft:
    """All that factors decide of a plan: its target and route are names still."""

    target_name: str
    route_name: str
    load: Annotated[Load, WrittenAs(LoadFile, LoadFile.load)]
    data: Data
    delay: Delay = Delay()
    data_access: str = "sql"
    connections: str = "per_request"
    pool_size: Index = 20
    pooler: str = "direct"
    pooler_pool_size: Index = 50
    max_connections: Index = 100
    app_workers: Index = 1
    app_threads: Index = 1
    server: str = "own"
    """As resolved: of a `django:` target never `own`."""
    middleware: str = "own"
    objective: Objective | None = None
    """What its steady window is to keep, where a rate is judged by that."""


@dataclass(frozen=True)
class Plan(Draft):
    """One trial, resolved: a draft with the target that its name stands for."""

    target: Target = field(kw_only=True)
    cpus: Mapping[str, tuple[Index, ...]] = field(default_factory=dict)
    """CPU set per role; a role that is not named may run anywhere."""
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON-ready data.

        What is not said is left out where older plans on disk lack it: their text stays.
        """
        values = {**dataclasses.asdict(self), "load": self.load.to_json()}
        for path, unsaid in _LATER:
            _leave_out(values, path, unsaid)
        after = {name: values.pop(name) for name in ("cpus", "schema")}
        return {**values, "route": values["target"]["routes"].get(self.route_name), **after}

    @property
    def digest(self) -> str:
        """Hex digest of the canonical JSON: equal plans, equal digests."""
        return digest(self.to_json())

    @property
    def mix(self) -> Mix | None:
        """The mix that its users ask for; None where that is a single route."""
        return self.target.mixes.get(self.route_name)

    @property
    def locustfile(self) -> LocustFile | None:
        """The Locust file whose users load the target; None where the rig's own do."""
        return self.target.locustfiles.get(self.route_name)

    @property
    def routes(self) -> tuple[Route, ...]:
        """All that is requested, as far as the target declares it.

        KeyError where it does not serve it.
        """
        return self.target.routes_of(self.route_name)

    @property
    def session(self) -> str:
        """The name of what its users do first; empty for nothing."""
        return self.target.session_of(self.route_name)

    @property
    def sessions_guess_s(self) -> float:
        """About how long its users' sessions take, before its load, in a ramp as its own."""
        if not self.session:
            return 0.0
        users, due_s = self.load.model.most_in_flight, self.load.model.first_turn_s
        numbers = range(1, users + 1)
        return max(due_s(one) + SESSION_GUESS_S * (users - one + 1) for one in numbers)

    @property
    def think_time_s(self) -> float:
        """How long its users think on average: as their mix says, else as the load does."""
        if self.mix and self.mix.think:
            return self.mix.think.mean_s
        return self.load.model.think_time_s if isinstance(self.load.model, Closed) else 0.0

    @property
    def route(self) -> Route:
        """What is requested, where that is a single route.

        KeyError where it is a mix or a Locust file, or the target does not serve it: the trial is
        skipped.
        """
        return self.target.routes[self.route_name]


def _leave_out(inside: Any, path: tuple[str, ...], unsaid: object) -> None:
    """Takes away what stands at a path, if it is what stands for nothing said."""
    key, *below = path
    for name in list(inside or ()) if key == EACH else (key,):
        if not inside or name not in inside:
            continue
        if below:
            _leave_out(inside[name], tuple(below), unsaid)
        elif inside[name] == unsaid:
            del inside[name]


@dataclass(frozen=True)
class Cell:
    """One level of every factor. Two cells with equal levels are the same cell."""

    levels: Mapping[str, Level]
    because: str = field(default="", compare=False)
    """Why an extra cell is there; empty for the cells of `vary`."""

    @property
    def values(self) -> tuple[Level, ...]:
        """The levels alone, by which cells of one matrix are told apart."""
        return tuple(self.levels.values())

    @property
    def id(self) -> str:
        """Ten hex digits that do not depend on the order of the YAML."""
        return digest(dict(self.levels))[:10]


@dataclass(frozen=True)
class Trial:
    """One planned measurement of a cell."""

    cell: Cell
    plan: Plan
    replicate: int
    block: int
    position: int
    slug: str
    skip: str = ""
    """Why it will not be run; empty if it will."""

    @property
    def name(self) -> str:
        """The trial's folder: position, varied levels, replicate."""
        return f"{self.position:04d}-{self.slug}-r{self.replicate}"


def plan_from_json(data: Any) -> Plan:
    """A Plan from the contents of a `plan.json`; what it does not name is as by default.

    Unfit, a ValueError, where its `digest` is not that of the rest, or, with the key, for no plan.
    """
    asked = {name: value for name, value in fitted(Digested, data).items() if name != "digest"}
    if digest(asked) != data["digest"]:
        raise Unfit("its digest is not that of its contents")
    for name in _EARLIER:
        asked.pop(name, None)
    try:
        route = fitted(Route | None, asked.pop("route", None), "route")
        plan = fitted(Plan, asked)
    except Unfit as error:
        raise Unfit(f"it is no plan: {error}") from error
    if route != plan.target.routes.get(plan.route_name):
        raise Unfit("its route is not its target's")
    return plan


class Digested(TypedDict):
    """What vouches for itself."""

    digest: str


def cpu_sets(available: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Which CPUs each role gets: the app half of them to itself, the rest shared as listed.

    With two CPUs the load, the database and the delay share one. Empty for a single CPU: there
    is nothing to keep apart.
    """
    cpus = sorted(available)
    if len(cpus) < 2:
        return {}
    half = len(cpus) // 2
    rest, app = tuple(cpus[:-half]), tuple(cpus[-half:])
    quarter = max(1, len(rest) // 2) if len(rest) > 1 else 0
    data, load = (rest[:quarter], rest[quarter:]) if quarter else (rest, rest)
    sets = dict.fromkeys((Role.DATABASE, Role.POOLER, Role.DELAY), data)
    sets |= dict.fromkeys((Role.LOAD_MASTER, Role.LOAD_WORKER), load)
    return {str(role): cpus for role, cpus in {**sets, Role.APP: app}.items()}
