"""Was every path delayed as asked, before, during and after the load, and nothing dropped?

Where a path has a length of its own, that was measured before any delay was set, and is added.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from rig.model import Status
from rig.record import Check, PathDelay, Record

NAME = "delay"
QUIET_MS, QUIET_SHARE = 1.0, 0.02
LOADED_MS, LOADED_SHARE = 3.0, 0.05
MOST_OUTSIDE = 0.1
"""Of the measurements during the load, so many may be shorter than asked beyond the bound: a
median alone would overlook a delay that was gone for half of it. A longer one is the load's."""


def delay(record: Record) -> Check:
    """Medians within bounds on every path, 0 drops, the mechanism alive to the end."""
    seen = record.delay
    if not seen.paths:
        return Check(NAME, Status.UNKNOWN, "no path was measured")
    wrong = [problem for path in seen.paths for problem in _wrong(path)]
    if seen.drops or seen.overruns:
        wrong.append(f"{seen.drops} packets dropped, {seen.overruns} overruns")
    if seen.missing:
        wrong.append(f"{seen.missing} packets went into the delay and never came out")
    if not seen.alive_to_the_end:
        wrong.append("the delay did not live to the end")
    if wrong:
        return Check(NAME, Status.FAIL, "; ".join(wrong), again=True)
    message = ", ".join(f"{path.link} {_median_text(path)}" for path in seen.paths)
    return Check(NAME, Status.PASS, message)


def _wrong(path: PathDelay) -> list[str]:
    moments = (
        ("before", path.before_ms, QUIET_MS, QUIET_SHARE),
        ("during", path.during_ms, LOADED_MS, LOADED_SHARE),
        ("after", path.after_ms, QUIET_MS, QUIET_SHARE),
    )
    problems = []
    base_ms = _base_ms(path)
    for moment, rtts_ms, least_ms, share in moments:
        bound_ms = _bound_ms(path, least_ms, share)
        where = f"{path.link} {moment} the load"
        if not rtts_ms:
            problems.append(f"{where}: not measured")
        elif abs(statistics.median(rtts_ms) - path.asked_ms - base_ms) > bound_ms:
            problems.append(
                f"{where}: {statistics.median(rtts_ms):.1f} ms instead of "
                f"{path.asked_ms:g}{_base_text(path)} ± {bound_ms:g} ms"
            )
    bound_ms = _bound_ms(path, LOADED_MS, LOADED_SHARE)
    short = [ms for ms in path.during_ms if ms < path.asked_ms + base_ms - bound_ms]
    if len(short) > MOST_OUTSIDE * len(path.during_ms):
        problems.append(
            f"{path.link} during the load: {len(short)} of {len(path.during_ms)} measurements "
            f"were not delayed by {path.asked_ms:g} ms"
        )
    if path.lost:
        problems.append(f"{path.link}: {path.lost} measuring connects were never answered")
    return problems


def _base_ms(path: PathDelay) -> float:
    """The path's own round trip; 0 where it is on one machine."""
    return statistics.median(path.base_ms) if path.base_ms else 0.0


def _base_text(path: PathDelay) -> str:
    return f" + {_base_ms(path):.2f}" if path.base_ms else ""


def _bound_ms(path: PathDelay, least_ms: float, share: float) -> float:
    return max(least_ms, share * path.asked_ms)


def _median_text(path: PathDelay) -> str:
    quiet: Sequence[float] = (*path.before_ms, *path.after_ms)
    of = f" ({path.asked_ms:g}{_base_text(path)} asked)" if path.base_ms else ""
    return f"{statistics.median(quiet):.2f} ms{of}"
