"""Did the users come as planned, second by second, and stay? Or the arrivals of an open load?"""

from __future__ import annotations

import math

from rig.load.shape import Arrivals
from rig.model import Status
from rig.plan import Open, Plan
from rig.record import Check, LoadFacts, Record

NAME = "ramp"
LATE_SECONDS = 1
"""A step may show this late: Locust makes it within a second, and users are counted at its end."""
USERS_SHARE = 0.02
ARRIVALS_SHARE, FEWEST_ARRIVALS = 0.01, 2


def ramp(plan: Plan, record: Record) -> Check:
    """Active users between those planned a second ago and those planned now, within 2 %.

    Who is to leave stays until its answer is here: that many more may be active.
    """
    if isinstance(plan.load.model, Open):
        return _arrivals(plan.load.model.arrivals, record.load)
    planned, active = record.load.planned_users, record.load.active_users
    if not active:
        return Check(NAME, Status.UNKNOWN, "no second's users were recorded")
    wrong = [second for second in range(len(active)) if not _as_planned(record.load, second)]
    if wrong:
        worst = max(wrong, key=lambda second: abs(active[second] - planned[second]))
        message = (
            f"{len(wrong)} of {len(active)} seconds not as planned; in second {worst} "
            f"{active[worst]} of {planned[worst]} users{_raised(record.load)}"
        )
        return Check(NAME, Status.FAIL, message, again=True)
    if len(active) != len(planned) or max(active) < max(planned):
        message = f"{max(active)} of {max(planned)} users at most{_raised(record.load)}"
        return Check(NAME, Status.FAIL, message, again=True)
    return Check(NAME, Status.PASS, f"as planned in each of {len(active)} seconds")


def _raised(load: LoadFacts) -> str:
    """What was raised most often in a Locust file: a user whose `on_start` raises is gone."""
    errors = load.locustfile.task_errors if load.locustfile else {}
    return next((f"; {count} × {says}" for says, count in errors.items()), "")


def _as_planned(load: LoadFacts, second: int) -> bool:
    planned, active = load.planned_users, load.active_users[second]
    slack = math.floor(USERS_SHARE * planned[second])
    before = planned[max(0, second - LATE_SECONDS)] if second else 0
    least, most = min(before, planned[second]), planned[second]
    if second < len(load.in_flight):
        most += load.in_flight[second]
    return least - slack <= active <= most + slack


def _arrivals(arrivals: Arrivals, load: LoadFacts) -> Check:
    """The seed says how many there must be; the last may be on their way at the stop."""
    asked = arrivals.before(load.duration_s)
    offered = load.started + load.dropped
    slack = max(FEWEST_ARRIVALS, ARRIVALS_SHARE * asked)
    status = Status.PASS if abs(offered - asked) <= slack else Status.FAIL
    again = status is Status.FAIL
    return Check(NAME, status, f"{offered} of {asked} arrivals offered", again=again)
