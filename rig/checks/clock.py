"""Is it known what time it was, wherever something was timed?"""

from __future__ import annotations

from collections.abc import Mapping

from rig.clock import ClockOffset
from rig.model import Status
from rig.record import Check, Record

NAME = "clock"
UNCERTAIN_LEAST_MS, UNCERTAIN_SHARE_OF_P50 = 1.0, 0.01
MOST_DRIFT_MS = 5.0


def clock(record: Record) -> Check:
    """Each clock's offset to the load master's known to 1 ms or 1 % of the median response time.

    And no further than 5 ms from where it was before the load, once that has ended.
    """
    of_load_workers = record.load.clocks or {}
    if len(of_load_workers) < record.load.load_workers_connected:
        found = f"{len(of_load_workers)} of {record.load.load_workers_connected}"
        return Check(NAME, Status.UNKNOWN, f"clocks of {found} load workers were measured")
    observers = {
        f"observer on {node}" if node else "observer": one
        for node, one in record.probes.clocks.items()
    }
    clocks: Mapping[str, ClockOffset] = {**of_load_workers, **observers}
    if not clocks:
        return Check(NAME, Status.UNKNOWN, "no clock was measured")
    worst = max(clocks, key=lambda name: clocks[name].uncertainty_s)
    bound_ms = max(UNCERTAIN_LEAST_MS, UNCERTAIN_SHARE_OF_P50 * (record.load.p50_ms or 0.0))
    uncertain_ms = 1000 * clocks[worst].uncertainty_s
    message = f"known to {uncertain_ms:.3f} ms at worst ({worst}), {bound_ms:.3g} ms allowed"
    drifts_ms = {
        name: 1000 * one.drift_s for name, one in clocks.items() if one.drift_s is not None
    }
    fails = uncertain_ms > bound_ms
    if drifts_ms:
        most = max(drifts_ms, key=lambda name: abs(drifts_ms[name]))
        message += f"; the load over, {drifts_ms[most]:+.3f} ms from there ({most})"
        message += f", {MOST_DRIFT_MS:g} ms allowed"
        fails |= abs(drifts_ms[most]) > MOST_DRIFT_MS
    if fails:
        return Check(NAME, Status.FAIL, message, again=True)
    if unasked := sorted(clocks.keys() - drifts_ms):
        return Check(NAME, Status.UNKNOWN, f"{message}; {unasked[0]} was not asked again")
    return Check(NAME, Status.PASS, message)
