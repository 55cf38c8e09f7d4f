"""One simulated server under load, whose requests are followed to their ends: what is true.

Closed and open loads; first, last or a random one of those waiting is served next; the server may
stall once. The recorder counts it as it counts a real load.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rig.load.counting.completions import Completions
from rig.load.counting.meter import lags_of
from rig.load.counting.recorder import Recorder
from rig.load.counting.report import MeteredSecond
from rig.model import OUTCOME_OK, nearest_rank

FIFO, LIFO, RANDOM = "fifo", "lifo", "random"


@dataclass(frozen=True)
class Served:
    """A load and the server that answers it."""

    service_s: float
    window_s: float
    users: int = 0
    """0: an open load."""
    think_s: float = 0.0
    per_s: float = 0.0
    """Arrivals of an open load."""
    most_in_flight: int = 10**9
    discipline: str = FIFO
    regular: bool = True
    """Service times within 10 %; else exponential."""
    ramp_s: float = 2.0
    stall_at_s: float = math.inf
    stall_s: float = 0.0

    @property
    def end_s(self) -> float:
        """When the load ends."""
        return self.ramp_s + self.window_s

    @property
    def followed_s(self) -> float:
        """How long its requests are followed: what has no answer then counts as never answered."""
        rounds = 6 * self.users * self.service_s + self.think_s
        return self.end_s + max(rounds, 2 * self.window_s) + self.stall_s


@dataclass
class Request:
    """One, from when it was sent or dropped. Times in s since the load began."""

    sent_s: float
    user: int
    ended_s: float = math.inf
    dropped: bool = False

    @property
    def response_s(self) -> float:
        """Infinite where it was never answered."""
        return self.ended_s - self.sent_s


def simulate(served: Served, chance: random.Random) -> list[Request]:
    """Every request, in the order in which they were sent, as if the load went on."""
    requests: list[Request] = []
    waiting: list[int] = []
    arrivals = list(_first_arrivals(served, chance))
    heapq.heapify(arrivals)
    followed_s, free_s = served.followed_s, 0.0
    while arrivals or waiting:
        next_s = arrivals[0][0] if arrivals else math.inf
        if waiting and free_s <= next_s:
            if free_s > followed_s:
                break
            request = requests[_chosen(waiting, served.discipline, chance)]
            free_s = request.ended_s = _ends_s(served, free_s, chance)
            if served.users:
                heapq.heappush(arrivals, (free_s + served.think_s, request.user))
            continue
        at_s, user = heapq.heappop(arrivals)
        if at_s > followed_s:
            break
        if not served.users:
            heapq.heappush(arrivals, (at_s + _gap_s(served, at_s, chance), user + 1))
        in_flight = len(waiting) + (free_s > at_s)
        requests.append(Request(at_s, user, dropped=in_flight >= served.most_in_flight))
        if not requests[-1].dropped:
            waiting.append(len(requests) - 1)
            free_s = max(free_s, at_s)
    return requests


def _first_arrivals(served: Served, chance: random.Random) -> Iterator[tuple[float, int]]:
    if not served.users:
        yield _gap_s(served, 0.0, chance), 0
    for user in range(served.users):
        yield float(math.ceil(served.ramp_s * user / served.users)), user


def _gap_s(served: Served, at_s: float, chance: random.Random) -> float:
    """Poisson; in the ramp the rate rises with the time."""
    rate = served.per_s * min(1.0, max(at_s / served.ramp_s, 0.1))
    return chance.expovariate(rate)


def _chosen(waiting: list[int], discipline: str, chance: random.Random) -> int:
    if discipline == LIFO:
        return waiting.pop()
    if discipline == RANDOM:
        at = chance.randrange(len(waiting))
        waiting[at], waiting[-1] = waiting[-1], waiting[at]
        return waiting.pop()
    return waiting.pop(0)


def _ends_s(served: Served, begins_s: float, chance: random.Random) -> float:
    """A server that stalls stands still, and then goes on."""
    spread = chance.uniform(0.9, 1.1) if served.regular else chance.expovariate(1.0)
    ends_s = begins_s + served.service_s * spread
    stall_ends_s = served.stall_at_s + served.stall_s
    if begins_s < stall_ends_s and ends_s > served.stall_at_s:
        ends_s += stall_ends_s - max(begins_s, served.stall_at_s)
    return ends_s


def truth_s(requests: Sequence[Request], served: Served, share: float) -> float:
    """The percentile of the requests sent in the window, once all have their answers."""
    times_s = sorted(
        request.response_s for request in requests if served.ramp_s <= request.sent_s < served.end_s
    )
    return times_s[nearest_rank(len(times_s), share) - 1] if times_s else math.inf


def record(requests: Sequence[Request], served: Served, folder: Path) -> None:
    """Writes the files of the load, as its master does."""
    recorder = Recorder(served.ramp_s, served.end_s, is_open=not served.users)
    events = sorted(_events(requests, served.end_s))
    numbers: dict[int, int] = {}
    for at_s, ends, index in events:
        if ends:
            recorder.finish(numbers.pop(index), at_s, "cpu", OUTCOME_OK)
        elif requests[index].dropped:
            recorder.drop(at_s)
        else:
            numbers[index] = recorder.start(at_s, intended_s=at_s)
    left = recorder.freeze(served.end_s)
    completions = Completions("cpu")
    seconds = range(math.ceil(served.end_s))
    meter = [MeteredSecond(second, 0.0, served.users, lags_of([0])) for second in seconds]
    completions.add("load-1", replace(recorder.drain(), meter=meter))
    completions.close("load-1", 0, "load-1", left)
    users = (lambda _: served.users) if served.users else None
    completions.write(folder, served.ramp_s, served.end_s, users)


def _events(requests: Sequence[Request], end_s: float) -> Iterator[tuple[float, bool, int]]:
    for index, request in enumerate(requests):
        if request.sent_s < end_s:
            yield request.sent_s, False, index
        if request.ended_s < end_s:
            yield request.ended_s, True, index
