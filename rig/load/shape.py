"""The two ways to load a target: when users are active, or when requests arrive. Pure."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar

from rig.disk.typed import fitted
from rig.model import Between, Index, LengthS

POISSON, EVEN = "poisson", "even"
PATTERNS = (POISSON, EVEN)
SURGE_PART = 0.25
"""Of a ramp that begins with a surge. The rest lets its backlog go."""
PerS = Annotated[float, Between(1e-6, 10**6)]
Turn = tuple[float, float]
"""From when until when a user is active, in seconds since the load began."""


@dataclass(frozen=True)
class Users:
    """How many users of a closed load, when: a step a second, as Locust starts them."""

    start_users: Index
    per_s: PerS
    end_users: Index

    @property
    def ramp_s(self) -> float:
        """Seconds until the last user has been started."""
        return float(math.ceil(max(0, self.end_users - self.start_users) / self.per_s))

    def at(self, elapsed_s: float) -> int:
        """Users that should be active `elapsed_s` after the load began."""
        steps = math.floor(max(0.0, elapsed_s))
        return min(self.end_users, int(self.start_users + self.per_s * steps))

    @property
    def most_users(self) -> int:
        """At any time."""
        return self.end_users

    def turns(self, number: int) -> tuple[Turn, ...]:
        """When the user of that number, from 1 on, is active: from the second that `at` has it."""
        from_s = math.ceil(max(0, number - self.start_users) / self.per_s)
        if from_s and self.at(from_s - 1) >= number:  # a rate that is no binary fraction
            from_s -= 1
        return ((float(from_s), math.inf),)


@dataclass(frozen=True)
class Steps:
    """How many users of a closed load, when: each step holds until the next, the last to the end.

    The steady window begins with the first: what becomes of a crowd that comes and goes is what is
    asked.
    """

    steps: tuple[tuple[LengthS, Index], ...]
    """From which second on, ascending from 0, and how many users."""

    ramp_s: ClassVar = 0.0

    def at(self, elapsed_s: float) -> int:
        """Users that should be active `elapsed_s` after the load began."""
        return next((users for from_s, users in reversed(self.steps) if from_s <= elapsed_s), 0)

    @property
    def most_users(self) -> int:
        """At any time."""
        return max(users for _, users in self.steps)

    def turns(self, number: int) -> tuple[Turn, ...]:
        """When the user of that number, from 1 on, is active."""
        ends_s = (*(from_s for from_s, _ in self.steps[1:]), math.inf)
        found: list[Turn] = []
        for (from_s, users), until_s in zip(self.steps, ends_s, strict=True):
            if users < number:
                continue
            if found and found[-1][1] == from_s:
                from_s = found.pop()[0]
            found.append((from_s, until_s))
        return tuple(found)


@dataclass(frozen=True)
class Arrivals:
    """When the requests of an open load arrive, whatever became of those before them."""

    per_s: PerS
    """After the ramp, in which the rate rises from 0 in proportion to the time."""
    pattern: str = POISSON
    max_in_flight: Index = 500
    """Over all load workers; an arrival that finds its load worker's share full is dropped."""
    ramp_s: LengthS = 5.0
    seed: int = 1
    surge_per_s: Annotated[float, Between(0, 10**6)] = 0.0
    """Where it is not 0: the rate in the first quarter of the ramp, whose rest is at `per_s`."""

    def instants_s(self) -> Iterator[float]:
        """Every arrival, in seconds since the load began, ascending and without end.

        A process of rate 1 on the scale of expected arrivals, carried back to time by the
        inverse of the rate's integral (the time-rescaling theorem): per_s·t² ÷ (2·ramp_s) in
        the ramp, a straight line after it; two straight lines where a surge comes first.
        """
        if self.surge_per_s:
            surge_s = SURGE_PART * self.ramp_s
            in_surge = self.surge_per_s * surge_s
            for expected in self._expected():
                if expected < in_surge:
                    yield expected / self.surge_per_s
                else:
                    yield surge_s + (expected - in_surge) / self.per_s
        in_ramp = self.per_s * self.ramp_s / 2
        for expected in self._expected():
            if expected < in_ramp:
                yield math.sqrt(2 * self.ramp_s * expected / self.per_s)
            else:
                yield self.ramp_s + (expected - in_ramp) / self.per_s

    def _expected(self) -> Iterator[float]:
        if self.pattern == EVEN:
            yield from itertools.count(0.5)
        chance, at = random.Random(self.seed).random, 0.0
        while True:
            at -= math.log(1.0 - chance())  # exponential, of mean 1
            yield at

    def of(self, load_worker: int, load_workers: int) -> Iterator[float]:
        """One load worker's arrivals: dealt out in turn, so that all together are `instants_s`."""
        return itertools.islice(self.instants_s(), load_worker % load_workers, None, load_workers)

    def share(self, load_worker: int, load_workers: int) -> int:
        """One load worker's part of `max_in_flight`."""
        whole, rest = divmod(self.max_in_flight, load_workers)
        return whole + (load_worker % load_workers < rest)

    def before(self, end_s: float) -> int:
        """How many arrive before an instant."""
        return sum(1 for _ in itertools.takewhile(lambda at_s: at_s < end_s, self.instants_s()))


@dataclass(frozen=True)
class Closed:
    """Users who wait for one answer, and think, before they ask again."""

    users: Users | Steps
    think_time_s: LengthS = 0.0

    name: ClassVar = "closed"

    @property
    def ramp_s(self) -> float:
        """Seconds until the last user has been started; 0 of steps."""
        return self.users.ramp_s

    @property
    def most_in_flight(self) -> int:
        """How many requests can be under way at once."""
        return self.users.most_users

    def users_at(self, elapsed_s: float) -> int:
        """Users that should be active `elapsed_s` after the load began."""
        return self.users.at(elapsed_s)

    def first_turn_s(self, number: int) -> float:
        """When the user of that number, from 1 on, is first active."""
        return self.users.turns(number)[0][0]


@dataclass(frozen=True)
class Open:
    """Requests that arrive whatever became of those before them."""

    arrivals: Arrivals

    name: ClassVar = "open"

    @property
    def ramp_s(self) -> float:
        """Seconds until the rate is that of the steady window."""
        return self.arrivals.ramp_s

    @property
    def most_in_flight(self) -> int:
        """How many requests can be under way at once."""
        return self.arrivals.max_in_flight

    def users_at(self, elapsed_s: float) -> int:
        """None: arrivals are nobody's."""
        return 0

    def first_turn_s(self, number: int) -> float:
        """At once: no arrival waits for somebody."""
        return 0.0


def model_to_json(model: Closed | Open) -> dict[str, Any]:
    """What files say of a model: both keys of either, an open load with no user at all."""
    match model:
        case Closed(users, think_time_s):
            return {"users": asdict(users), "think_time_s": think_time_s, "arrivals": None}
        case Open(arrivals):
            nobody = Users(0, 1.0, 0)
            said = asdict(arrivals)
            if not arrivals.surge_per_s:
                del said["surge_per_s"]  # older files do not have it
            return {"users": asdict(nobody), "think_time_s": 0.0, "arrivals": said}


def model_of(users: Users | Steps, think_time_s: float, arrivals: Arrivals | None) -> Closed | Open:
    """The model that files say so."""
    return Closed(users, think_time_s) if arrivals is None else Open(arrivals)


def users_of(said: Mapping[str, Any]) -> Users | Steps:
    """What files say of a closed load's users. Unfit, a ValueError."""
    return fitted(Steps, said) if "steps" in said else fitted(Users, said)
