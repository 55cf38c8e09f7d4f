"""A session as values: what was asked of it, and of which machine.

Pure values and what follows from them. May not know how its files are written
(`analysis.reading.session_files` does), nor what happened in any trial
(`analysis.reading.attempts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.reading.journal_hashes import ClaimFixed
from analysis.reading.requirements import Requirement
from rig.inference.capacity import SearchSpec
from rig.inference.objective import Objective
from rig.model import RATE, Interface, Level
from rig.store.schedule import level_of

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
class CapacitySearched:
    """The highest level of `factor` at which each cell keeps the objective was searched."""

    factor: str
    spec: SearchSpec


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
    objective: Objective | None = None
    """What the window of each trial is to keep."""
    rate_per_s: float | None = None
    """The rate that is to be carried within the objective."""
    capacity: CapacitySearched | None = None

    @property
    def searched(self) -> str:
        """The factor whose levels a search chose; empty for none."""
        one = self.search or self.capacity
        return one.factor if one else ""

    @property
    def is_open(self) -> bool:
        """Whether its requests come by a clock, not when a user has its answer."""
        return self.load.get("model") == "open"

    def load_words(self, waits: str) -> str:
        """What was asked of the load: `150 users, closed loop, no think time, window of 12 s`.

        `waits`: how the users of a closed loop wait between requests.
        """
        load = self.load
        window = f"window of {load['steady_s']:g} s"
        if self.is_open:
            rates = [float(at) for at in self._rates if not isinstance(at, str)]
            low, high = min(rates, default=0.0), max(rates, default=load["arrivals"]["per_s"])
            per_s = f"{low:g} to {high:g}" if rates and low < high else f"{high:g}"
            return f"open, {per_s} arrivals/s, {window}"
        users = ", ".join(f"{users} from {from_s:g} s on" for from_s, users in self.steps)
        users = f"users in steps ({users})" if users else f"{load['users']['end_users']} users"
        return f"{users}, closed loop, {waits}, {window}"

    @property
    def steps(self) -> tuple[tuple[float, int], ...]:
        """From which second on how many users; empty where they come once and stay."""
        return tuple((from_s, users) for from_s, users in self.load["users"].get("steps", ()))

    @property
    def mean_users(self) -> float:
        """Over the window of a closed loop."""
        if not self.steps:
            return float(self.load["users"]["end_users"])
        window_s = float(self.load["steady_s"])
        ends_s = (*(from_s for from_s, _ in self.steps[1:]), window_s)
        lasting = zip(self.steps, ends_s, strict=True)
        return sum(users * (end_s - from_s) for (from_s, users), end_s in lasting) / window_s

    @property
    def _rates(self) -> tuple[Level, ...]:
        """The rates of its cells, where these say them."""
        factor = self.factor(RATE)
        return factor.levels if factor else ()

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
