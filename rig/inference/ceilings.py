"""What bounds goodput, in formulas that the check before a trial and the report after it share.

Plain numbers in, answers per second out. A line `s0 + n x delay` is what a session's calibration
measures of one unloaded request. docs/method.md explains each in words.
"""

from __future__ import annotations

import math

RESERVED_CONNECTIONS = 3
"""Of Postgres's `max_connections`, those that no ordinary role can have."""


def at_delay_ms(s0_ms: float, n: float, delay_ms: float) -> float:
    """Service time and round trips: s0 + n x delay."""
    return s0_ms + n * delay_ms


def servers_rps(servers: int, held_ms: float) -> float | None:
    """Servers that each request holds: servers ÷ the time held; None where that is not above 0."""
    return 1000 * servers / held_ms if held_ms > 0 else None


def users_rps(users: float, response_ms: float, think_time_s: float) -> float | None:
    """A closed loop's users, each with one request under way: N ÷ (R0 + think time).

    The interactive response time law (Denning & Buzen 1978). None where R0 is not above 0.
    """
    return users / (response_ms / 1000 + think_time_s) if response_ms > 0 else None


def slots(
    max_connections: int,
    held_ms: float,
    s0_ms: float,
    *,
    pooler_pool_size: int | None = None,
    app_pools: int | None = None,
) -> tuple[int, float]:
    """The connections that bound a request, and how many ms it holds one: whose rate is lowest.

    `held_ms`: how long a request has one of the app's connections. `pooler_pool_size`: of
    PgBouncer, where there is one; it stands beyond the delay and takes its connection back after
    each transaction, so a request has one no longer than `s0_ms`. `app_pools`: connections of all
    app workers' own pools, where they have any.
    """
    free = max_connections - RESERVED_CONNECTIONS
    bounds = [(free, held_ms)]
    if pooler_pool_size is not None:
        bounds = [(min(free, pooler_pool_size), min(held_ms, s0_ms))]
    if app_pools is not None:
        bounds.append((app_pools, held_ms))
    return min(bounds, key=lambda bound: servers_rps(*bound) or math.inf)


def slot_held_ms(response_ms: float, front_ms: float) -> float:
    """How long a request holds a connection of the app's, never less than it really does.

    The unloaded response time without the answer's way to its user.
    """
    return response_ms - front_ms
