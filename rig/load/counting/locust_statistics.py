"""Feeds Locust's own statistics from the recorder's, in bulk: its page, CSV and HTML stay right.

A call for each request costs more than the request. May not know how requests are sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import mul
from typing import Any

from locust.env import Environment
from locust.stats import RequestStats, StatsEntry, StatsError, bucket_response_time

from rig.load.counting.report import Slot
from rig.model import OUTCOME_OK


def is_heard(environment: Environment) -> bool:
    """Whether anybody beside Locust's own count listens for each request."""
    handlers: list[Any] = environment.events.request._handlers
    return any(handler.__module__ != "locust.runners" for handler in handlers)


def feed(
    stats: RequestStats, method: str, slot: Slot, counts: Mapping[int, int], wall_s: float
) -> None:
    """Adds what came to one outcome in one second. `counts`: how often each time in µs.

    `wall_s`: when that second began, as Locust counts: since the epoch.
    """
    failed = slot.outcome != OUTCOME_OK
    buckets: dict[int, int] = {}
    for took_us, count in counts.items():
        bucket = bucket_response_time(took_us / 1000)
        buckets[bucket] = buckets.get(bucket, 0) + count
    for entry in (stats.total, stats.get(slot.route, method)):
        _add(entry, counts, buckets, wall_s, failed)
    if failed:
        key = StatsError.create_key(method, slot.route, slot.outcome)
        error = stats.errors.setdefault(key, StatsError(method, slot.route, slot.outcome))
        error.occurred()  # notes when, too
        error.occurrences += sum(counts.values()) - 1


def feed_size(stats: RequestStats, method: str | None, route: str, body_bytes: int) -> None:
    """Adds the size of answers that were fed. `method`: None where they are of several routes."""
    for entry in (stats.total, *((stats.get(route, method),) if method else ())):
        entry.total_content_length += body_bytes


def _add(
    entry: StatsEntry,
    counts: Mapping[int, int],
    buckets: Mapping[int, int],
    wall_s: float,
    failed: bool,
) -> None:
    requests, second = sum(counts.values()), int(wall_s)
    entry.num_requests += requests
    entry.num_reqs_per_sec[second] += requests
    if failed:
        entry.num_failures += requests
        entry.num_fail_per_sec[second] += requests
    entry.last_request_timestamp = max(entry.last_request_timestamp or 0.0, wall_s)
    least, most = min(counts) / 1000, max(counts) / 1000
    known = entry.min_response_time
    entry.min_response_time = least if known is None else min(known, least)  # type: ignore[assignment]
    entry.max_response_time = max(entry.max_response_time, most)  # type: ignore[assignment]
    total_us = sum(map(mul, counts, counts.values()))
    entry.total_response_time += total_us / 1000
    for bucket, count in buckets.items():
        entry.response_times[bucket] += count
