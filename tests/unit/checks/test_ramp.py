"""Did the users come as planned, and stay?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.checks.ramp import ramp
from rig.model import Status
from rig.plan import Arrivals, Open
from rig.record import LocustFileFacts
from tests.unit.plans import PLAN, record

PLANNED = (100, 300, 500, 500, 500)


@pytest.mark.parametrize(
    ("active", "status"),
    [
        (PLANNED, Status.PASS),
        ((100, 290, 495, 500, 500), Status.PASS),
        ((0, 100, 300, 500, 500), Status.PASS),  # each step within a second
        ((0, 100, 100, 300, 500), Status.FAIL),  # two seconds late
        ((100, 300, 500, 489, 500), Status.FAIL),  # eleven left
        ((100, 330, 500, 500, 500), Status.FAIL),  # too early
        ((100, 300, 495, 495, 495), Status.FAIL),  # the last never came
        ((100, 300, 500, 500), Status.FAIL),  # a second is missing
        ((), Status.UNKNOWN),
    ],
)
def test_users_follow_the_plan(active: tuple[int, ...], status: Status) -> None:
    fine = record()
    load = replace(fine.load, planned_users=PLANNED, active_users=active)
    said = ramp(PLAN, replace(fine, load=load))
    assert said.status is status, said.says
    assert said.again == (status is Status.FAIL)
    assert not said.needs


@pytest.mark.parametrize("active", [(0, 0, 0, 0, 0), (100, 300, 495, 495, 495)])
def test_what_users_raised_is_said_where_they_are_missing(active: tuple[int, ...]) -> None:
    fine = record()
    file = LocustFileFacts(task_errors={"V, load.py:5: KeyError: 'token'": 5})
    load = replace(fine.load, planned_users=PLANNED, active_users=active, locustfile=file)
    said = ramp(PLAN, replace(fine, load=load)).says
    assert said.endswith("; 5 × V, load.py:5: KeyError: 'token'")
    there = replace(load, active_users=PLANNED)
    assert "KeyError" not in ramp(PLAN, replace(fine, load=there)).says


@pytest.mark.parametrize(
    ("started", "dropped", "status"),
    [(90, 0, Status.PASS), (60, 31, Status.PASS), (60, 0, Status.FAIL), (95, 0, Status.FAIL)],
)
def test_arrivals_that_were_dropped_were_offered(
    started: int, dropped: int, status: Status
) -> None:
    model = Open(Arrivals(per_s=10, pattern="even", ramp_s=2.0))
    plan = replace(PLAN, load=replace(PLAN.load, model=model))
    fine = record()
    load = replace(fine.load, started=started, dropped=dropped, duration_s=10.0)
    said = ramp(plan, replace(fine, load=load))
    assert said.status is status, said.says
    assert "of 90 arrivals" in said.says


@pytest.mark.parametrize(
    ("active", "in_flight", "status"),
    [
        ((10, 50, 50, 10, 10), (10, 50, 50, 10, 10), Status.PASS),
        ((10, 10, 50, 50, 10), (10, 10, 50, 50, 10), Status.PASS),  # each step a second late
        ((10, 50, 50, 30, 20), (10, 50, 50, 30, 12), Status.PASS),  # who leaves is answered first
        ((10, 50, 50, 30, 20), (10, 50, 50, 30, 9), Status.FAIL),  # who was answered, leaves
        ((10, 50, 50, 50, 50), (10, 50, 50, 10, 10), Status.FAIL),  # nobody left
        ((10, 50, 50, 5, 5), (10, 50, 50, 5, 5), Status.FAIL),  # too many did
        ((10, 40, 40, 10, 10), (10, 40, 40, 10, 10), Status.FAIL),  # too few came
    ],
)
def test_a_crowd_comes_and_goes(
    active: tuple[int, ...], in_flight: tuple[int, ...], status: Status
) -> None:
    fine, planned = record(), (10, 50, 50, 10, 10)
    load = replace(fine.load, planned_users=planned, active_users=active, in_flight=in_flight)
    said = ramp(PLAN, replace(fine, load=load))
    assert said.status is status, said.says
