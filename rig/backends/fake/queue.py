"""A queue in the place of a target: how long what is asked of it takes, on a simulated clock.

May not know who asks.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass

from rig.factors.servers import interface_of
from rig.inference.ceilings import RESERVED_CONNECTIONS
from rig.model import OUTCOME_OK, Interface, Link
from rig.plan import Plan

_SERVICE_S = {"cpu": 0.008, "io_create": 0.003, "io_read": 0.012}
_RECONNECT_TRIPS = 6
_NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class Queue:
    """A station of `servers` that hold a request for `hold_s`, of which `cpu_s` on one CPU."""

    servers: int
    hold_s: float
    cpu_s: float
    connections: int
    """Requests beyond this many at once are refused."""


def queue_of(plan: Plan) -> Queue:
    """A plausible queue for a plan."""
    cpu_s = _SERVICE_S.get(plan.route_name, 0.005)
    statements = max(route.statements or 0 for route in plan.routes)
    trips = statements
    if statements and plan.connections == "per_request":
        trips += _RECONNECT_TRIPS
    delay_s = plan.delay.on(Link.DATA) / 1000
    threaded = interface_of(plan.target, plan.server) is not Interface.ASGI
    servers = plan.app_workers * plan.app_threads if threaded else _NO_LIMIT
    if statements and plan.connections == "pool":
        # who finds the pool empty waits for a connection, as for a server
        servers = min(servers, plan.app_workers * plan.pool_size)
    capped = statements and plan.pooler == "direct" and plan.connections == "per_request"
    connections = plan.max_connections - RESERVED_CONNECTIONS if capped else _NO_LIMIT
    return Queue(servers, cpu_s + trips * delay_s, cpu_s, connections)


class Service:
    """The queue's state: who is served, who holds a connection."""

    def __init__(self, plan: Plan) -> None:
        self._chance = random.Random(plan.digest)
        self._queue = queue_of(plan)
        self._client_s = plan.delay.on(Link.FRONT) / 1000
        self._free_s = [0.0] * min(self._queue.servers, plan.load.model.most_in_flight)
        self._cpu_free_s = 0.0
        self._ends_s: list[float] = []  # of the requests that hold a connection

    def answer(self, at_s: float) -> tuple[float, str]:
        """When a request that begins at `at_s` has its answer, and the outcome."""
        queue = self._queue
        begins_s = max(at_s, heapq.heappop(self._free_s))
        self._cpu_free_s = max(self._cpu_free_s, begins_s)
        self._cpu_free_s += queue.cpu_s * self._chance.uniform(0.9, 1.1)
        while self._ends_s and self._ends_s[0] <= begins_s:
            heapq.heappop(self._ends_s)
        refused = len(self._ends_s) >= queue.connections
        ends_at_s = self._cpu_free_s + (0.0 if refused else queue.hold_s - queue.cpu_s)
        if not refused:
            heapq.heappush(self._ends_s, ends_at_s)
        heapq.heappush(self._free_s, ends_at_s)
        result = "db_too_many_connections" if refused else OUTCOME_OK
        return ends_at_s + self._client_s, result
