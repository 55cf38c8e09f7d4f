"""A session's own files, read: `session.json` and `schedule.csv`.

Pure reading. May not know what happened in any trial (`analysis.reading.attempts` does).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict

from analysis.reading.journal_hashes import ClaimFixed, claim_fixed, vouched
from analysis.reading.requirements import Requirement
from rig.disk.contents import data, made
from rig.disk.schema import hold_schema
from rig.disk.typed import Unfit, fitted
from rig.model import Between, DamagedFile, Index, Interface, LengthS, Level, UsageError
from rig.store.schedule import level_of, of_another_cell, read_rows, whole_lines

SCHEDULE = "schedule.csv"
INTERFACES_BY_NAME = {"sync": Interface.WSGI, "async": Interface.ASGI}
"""The interfaces of the targets of sessions that do not say them."""

SERVED_BY = SERVER, WORKER = "server", "wsgi_worker"
"""The factors that say how a cell is served; the second of older sessions alone."""
OWN, PLAIN, THREADED, ASYNC = "own", "gunicorn-sync", "gunicorn-gthread", "gunicorn-uvicorn"
"""The level of whoever does not choose; then WSGI with one app thread, with more, and ASGI."""


@dataclass(frozen=True)
class Factor:
    """What `session.json` says of one factor; `levels` in the order of the YAML."""

    name: str
    label: str
    unit: str = ""
    levels: tuple[Level, ...] = ()
    facts: tuple[str, ...] = ()
    """What differs between two levels by itself: facts by dotted path."""

    def level(self, text: str) -> Level:
        """The level that a CSV cell stands for; a number or the text itself if it is none."""
        return level_of(text, self.levels)

    def rank(self, level: Level) -> tuple[int, float, str]:
        """A sort key: the YAML's order, then numbers by size, then words."""
        if level in self.levels:
            return (self.levels.index(level), 0.0, "")
        if isinstance(level, int | float):
            return (len(self.levels), float(level), "")
        return (len(self.levels) + 1, 0.0, level)

    def say(self, level: Level) -> str:
        """A level in words: `pgbouncer`, `added delay 100 ms`."""
        if isinstance(level, str):
            return level
        return f"{self.label} {self.value(level)}"

    def value(self, level: Level) -> str:
        """A level without its factor's name: `pgbouncer`, `100 ms`."""
        return level if isinstance(level, str) else f"{level:g} {self.unit}".rstrip()

    @property
    def axis(self) -> str:
        """The label of an axis, with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True)
class Claim:
    """A ratio the experiment's author expects: `of` at one level over `of` at another.

    Either `at_least` so much, or 1 within a factor of 1 + `equivalent_within`, up or down.
    """

    statement: str
    of: str
    factor: str
    numerator: Level
    denominator: Level
    at_least: float | None = None
    equivalent_within: float | None = None

    @property
    def bound(self) -> str:
        """What is claimed of the ratio, in words: `at least 2×`, `equal within 25 %`."""
        if self.equivalent_within is not None:
            return f"equal within {100 * self.equivalent_within:g} %"
        return f"at least {self.at_least:g}×"


@dataclass(frozen=True)
class Searched:
    """Where along `factor` a crossover of the claim's two levels was searched."""

    factor: str
    between: tuple[float, float]


@dataclass(frozen=True)
class Until:
    """Repeats that end once every ratio is known to ±`within` (0.1 is 10 %)."""

    within: float
    at_least: int
    """Blocks before the first look."""


@dataclass(frozen=True)
class Scheduled:
    """One line of `schedule.csv`."""

    trial: str
    position: int
    block: int
    replicate: int
    cell: str
    levels: Mapping[str, Level]
    skip: str = ""
    because: str = ""
    """Why an extra cell is there; empty for the cells of `vary`."""


@dataclass(frozen=True)
class Session:
    """What was asked of a session, and of which machine."""

    folder: Path
    experiment: str
    name: str
    profile: str
    backend: str
    factors: tuple[Factor, ...]
    claim: Claim | None
    host: Mapping[str, Any]
    adaptive: bool = False
    """Whether its intervals decided when it ended (`until`)."""
    repeats: int = 1
    """Blocks that were planned; at most so many where it ends by itself."""
    until: Until | None = None
    search: Searched | None = None
    claim_fixed: ClaimFixed | None = None
    """None where no journal tells."""
    scheduled: tuple[Scheduled, ...] = field(default=())
    load: Mapping[str, Any] = field(default_factory=dict)
    """`users`, `steady_s`, `think_time_s` … as asked."""
    data: Mapping[str, Any] = field(default_factory=dict)
    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    """By target that says its own: as it is served where nobody chose a server."""
    server_interfaces: Mapping[str, Interface] = field(default_factory=dict)
    """By server that its cells name."""
    vouched: Mapping[str, str] = field(default_factory=dict)
    """Hashes that the journal has, by path in the folder."""
    notes: tuple[str, ...] = ()
    """One line on each of its own files that is not what was written."""
    requires: tuple[Requirement, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether its requests come by a clock, not when a user has its answer."""
        return self.load.get("model") == "open"

    @property
    def load_words(self) -> str:
        """What was asked of the load: `150 users, closed loop, no think time, window of 12 s`."""
        load = self.load
        window = f"window of {load['steady_s']:g} s"
        if self.is_open:
            return f"open, {load['arrivals']['per_s']:g} arrivals/s, {window}"
        think_s = load["think_time_s"]
        thinks = f"think time {think_s:g} s" if think_s else "no think time"
        return f"{load['users']['end_users']} users, closed loop, {thinks}, {window}"

    @property
    def claimed_ratio(self) -> str:
        """What the claim divides, in words: `async ÷ sync`, `max_connections 1000 ÷ 100`."""
        claim = self.claim
        if claim is None:
            return ""
        ratio = f"{claim.numerator} ÷ {claim.denominator}"
        factor = self.factor(claim.factor)
        if factor is None or isinstance(claim.numerator, str):
            return ratio
        return f"{factor.label} {ratio} {factor.unit}".rstrip()

    def interface_of(self, levels: Mapping[str, Level]) -> Interface | None:
        """How a cell's target is called: as its server does, else as the target says."""
        of_server = self.server_interfaces.get(str(levels.get(SERVER)))
        return of_server or self.interfaces.get(str(levels.get("target")))

    def server_of(self, levels: Mapping[str, Level]) -> str:
        """A cell's server as it is named, else the usual one of its interface."""
        if (named := str(levels.get(SERVER, OWN))) != OWN:
            return named
        if self.interface_of(levels) is Interface.ASGI:
            return ASYNC
        threaded = levels.get("app_threads", 1) != 1 or levels.get(WORKER) == "gthread"
        return THREADED if threaded else PLAIN

    def factor(self, name: str) -> Factor | None:
        """The factor of that name, or None."""
        return next((factor for factor in self.factors if factor.name == name), None)


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


class _Until(TypedDict):
    within: Annotated[float, Between(0, 10)]
    at_least: Annotated[int, Between(1, 10**4)]


class _Users(TypedDict):
    end_users: Index


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
    load: _Load
    data: Mapping[str, Any]
    interfaces: NotRequired[Mapping[str, Interface]]
    server_interfaces: NotRequired[Mapping[str, Interface]]


def read_session(folder: Path) -> Session:
    """The session in a folder; UsageError with one line where it is none, or of another schema.

    DamagedFile or StorageError, which name the file, where it cannot be read.
    """
    path = folder / "session.json"
    about = made(path, lambda value: _about(value, path))
    if about is None:
        raise UsageError(f"{folder}: no session here (it has no session.json)")
    factors = tuple(map(_factor, about["factors"]))
    hashes, notes = vouched(folder)
    scheduled = _schedule(folder / SCHEDULE, factors)
    search, until = about["search"], about["until"]
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
        adaptive=bool(until or search),
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
    )


def _about(value: Any, path: Path) -> _About:
    try:
        hold_schema(value, path)
        about = fitted(_About, value)
    except Unfit as error:
        raise Unfit(f"not as a session is written: {error}") from error
    names = [factor["name"] for factor in about["factors"]]
    if len(set(names)) < len(names):
        raise Unfit("not as a session is written: a factor stands twice in it")
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
