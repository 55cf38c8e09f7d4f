"""Had the load generator headroom, so that the times it measured are the target's?"""

from __future__ import annotations

from rig.model import Role, Status, percent
from rig.record import Check, Record

NAME = "generator"
MOST_CPU_SHARE = 0.85
LAG_LEAST_MS, LAG_SHARE_OF_P50 = 10.0, 0.05
DISTURBED_BELOW = 0.6
"""CPU share below which lateness is somebody else's doing."""
WARN_FROM = 0.5
"""Part of the bound on lateness from which the check warns."""


def generator(record: Record) -> Check:
    """No load worker, nor their CPUs on any node, above 85 % in the steady window; greenlets wake
    up in time.

    Lateness: its 99th percentile at most max(10 ms, 5 % of the median response time). A generator
    that is busy itself stays busy; one that is late though it had little to do was kept from its
    CPU by somebody else, and another attempt may help.
    """
    load = record.load
    if not load.load_worker_cpu_share or load.greenlet_lag_p99_ms is None:
        return Check(NAME, Status.UNKNOWN, "the load workers did not measure themselves")
    name, share = max(load.load_worker_cpu_share.items(), key=lambda item: item[1])
    where, together = _fullest(record)
    lag_ms = load.greenlet_lag_p99_ms
    bound_ms = max(LAG_LEAST_MS, LAG_SHARE_OF_P50 * (load.p50_ms or 0.0))
    message = (
        f"the busiest load worker ({name}) used {percent(share)} of a CPU; greenlets woke up "
        f"{lag_ms:.1f} ms late (p99), {bound_ms:.1f} ms allowed"
    )
    if record.null_share is not None:
        message += f"; {percent(record.null_share)} of what they make of a null target"
    if record.null_share_by_node:
        nearest, of_node = max(record.null_share_by_node.items(), key=lambda item: item[1])
        message += f", those on node {nearest} {percent(of_node)} of theirs"
    if together > share:
        whose = f"those on node {where}" if where else "all of them"
        message += f"; {whose} used {percent(together)} of the CPUs they share"
    busy = max(share, together)
    if busy > MOST_CPU_SHARE or lag_ms > bound_ms:
        return Check(NAME, Status.FAIL, message, again=busy < DISTURBED_BELOW)
    late = lag_ms > WARN_FROM * bound_ms
    return Check(NAME, Status.WARN if late else Status.PASS, message)


def _fullest(record: Record) -> tuple[str, float]:
    """The node whose load workers use most of its CPUs, and how much; no name of the only one."""
    shares = record.load.load_worker_cpu_share
    found = [("", sum(shares.values()) / (_cpus(record) or len(shares)))]
    for name, node in record.facts.get("nodes", {}).items():
        there = [
            share for address, share in shares.items() if address in node.get("load_workers", ())
        ]
        if there:
            found.append((name, sum(there) / (node.get("cpus") or len(there))))
    return max(found, key=lambda one: one[1])


def _cpus(record: Record) -> int | None:
    """How many CPUs the load workers have for themselves together; None where they have all."""
    return len(record.cpus(Role.LOAD_WORKER)) or None
