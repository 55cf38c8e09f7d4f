"""Users and arrivals before a queue, on a simulated clock, each request told to a real recorder.

May not know how the queue answers, nor what becomes of the counts.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from rig.backends.fake.queue import Service
from rig.load.counting.recorder import Recorder
from rig.load.think import Choice
from rig.plan import Arrivals, Closed, Open, Plan

RoutesAsked = dict[tuple[int, int], str]
"""Of what was answered, the route: by load worker and sequence number."""

_Finish = tuple[float, int, int, str]
"""When an answer comes, whose it is (a user, or an arrival), its sequence number, its outcome."""


def simulate(plan: Plan, recorders: Sequence[Recorder]) -> RoutesAsked:
    """One queue, on a simulated clock, until the load's end."""
    finishes = _Finishes(plan, recorders)
    match plan.load.model:
        case Closed() as closed:
            _simulate_closed(plan, closed, recorders, finishes)
        case Open(arrivals):
            _simulate_open(plan, arrivals, recorders, finishes)
    finishes.until(plan.load.duration_s)
    return finishes.asked


def _simulate_closed(
    plan: Plan, closed: Closed, recorders: Sequence[Recorder], finishes: _Finishes
) -> None:
    """Users send, wait, think and send again."""
    users, service = closed.users, Service(plan)
    turns = [
        (from_s, user, until_s, from_s == users.turns(user + 1)[0][0])
        for user in range(users.most_users)
        for from_s, until_s in users.turns(user + 1)
    ]
    heapq.heapify(turns)
    busy_until_s: dict[int, float] = {}
    while turns and turns[0][0] < plan.load.duration_s:
        at_s, user, until_s, first = heapq.heappop(turns)
        if at_s >= until_s:
            continue
        if (free_s := busy_until_s.get(user, 0.0)) > at_s:  # left, and not answered yet
            heapq.heappush(turns, (free_s, user, until_s, first))
            continue
        finishes.until(at_s)
        number = recorders[user % len(recorders)].start(at_s, first=first)
        back_s, result = service.answer(at_s)
        busy_until_s[user] = back_s
        finishes.due((back_s, user, number, result))
        heapq.heappush(turns, (back_s + plan.think_time_s, user, until_s, False))


def _simulate_open(
    plan: Plan, arrivals: Arrivals, recorders: Sequence[Recorder], finishes: _Finishes
) -> None:
    """Requests arrive, whatever became of those before them."""
    service = Service(plan)
    for arrival, at_s in enumerate(arrivals.instants_s()):
        if at_s >= plan.load.duration_s:
            return
        finishes.until(at_s)
        index = arrival % len(recorders)
        if recorders[index].in_flight >= arrivals.share(index, len(recorders)):
            recorders[index].drop(at_s)
            continue
        number = recorders[index].start(at_s, intended_s=at_s)
        back_s, result = service.answer(at_s)
        finishes.due((back_s, arrival, number, result))


class _Finishes:
    """Answers that are still to come."""

    def __init__(self, plan: Plan, recorders: Sequence[Recorder]) -> None:
        mix = plan.mix
        self._names = [route.name for route in plan.routes]
        self._choice = Choice(tuple(mix.routes.values()), mix.seed) if mix else None
        self._recorders = recorders
        self._due: list[_Finish] = []
        self.asked: RoutesAsked = {}

    def due(self, finish: _Finish) -> None:
        """Comes in time."""
        heapq.heappush(self._due, finish)

    def until(self, at_s: float) -> None:
        """Those that have come by then."""
        while self._due and self._due[0][0] <= at_s:
            back_s, who, number, result = heapq.heappop(self._due)
            load_worker = who % len(self._recorders)
            route = self._names[self._choice.index(who, number) if self._choice else 0]
            self.asked[load_worker, number] = route
            self._recorders[load_worker].finish(number, back_s, route, result)
