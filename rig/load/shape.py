"""The two ways to load a target: when users are active, or when requests arrive. Pure."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar

from rig.model import Between, Index, LengthS

POISSON, EVEN = "poisson", "even"
PATTERNS = (POISSON, EVEN)
PerS = Annotated[float, Between(1e-6, 10**6)]


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

    def instants_s(self) -> Iterator[float]:
        """Every arrival, in seconds since the load began, ascending and without end.

        A process of rate 1 on the scale of expected arrivals, carried back to time by the
        inverse of the rate's integral (the time-rescaling theorem): per_s·t² ÷ (2·ramp_s) in
        the ramp, a straight line after it.
        """
        in_ramp = self.per_s * self.ramp_s / 2
        for expected in self._expected():
            if expected < in_ramp:
                yield math.sqrt(2 * self.ramp_s * expected / self.per_s)
            else:
                yield self.ramp_s + (expected - in_ramp) / self.per_s

    def _expected(self) -> Iterator[float]:
        if self.pattern == EVEN:
            yield from itertools.count(0.5)
        chance, at = random.Random(self.seed), 0.0
        while True:
            at += chance.expovariate(1.0)
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

    users: Users
    think_time_s: LengthS = 0.0

    name: ClassVar = "closed"

    @property
    def ramp_s(self) -> float:
        """Seconds until the last user has been started."""
        return self.users.ramp_s

    @property
    def most_in_flight(self) -> int:
        """How many requests can be under way at once."""
        return self.users.end_users

    def users_at(self, elapsed_s: float) -> int:
        """Users that should be active `elapsed_s` after the load began."""
        return self.users.at(elapsed_s)


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


def model_to_json(model: Closed | Open) -> dict[str, Any]:
    """What files say of a model: both keys of either, an open load with no user at all."""
    match model:
        case Closed(users, think_time_s):
            return {"users": asdict(users), "think_time_s": think_time_s, "arrivals": None}
        case Open(arrivals):
            nobody = Users(0, 1.0, 0)
            return {"users": asdict(nobody), "think_time_s": 0.0, "arrivals": asdict(arrivals)}


def model_of(users: Users, think_time_s: float, arrivals: Arrivals | None) -> Closed | Open:
    """The model that files say so."""
    return Closed(users, think_time_s) if arrivals is None else Open(arrivals)
