"""What a trial must come to at best, predicted before it is run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.calibration import Calibration, Prediction, StackFacts
from rig.checks.feasibility import ceilings_rps, connection_slots, feasibility, predict
from rig.model import Status
from rig.plan import Closed, Delay, Plan, Users
from tests.unit.plans import PLAN, record, routed

# the original's sync io_create: 1 ÷ (7.4 ms + 7 delays)
SYNC = StackFacts({"target": "made"}, "make", 1, s0_ms=7.4, n=8, hold_s0_ms=7.4, hold_n=7)
FAR = replace(PLAN, delay=Delay(200.0), load=replace(PLAN.load, model=Closed(Users(5, 5, 500))))


def at(plan: Plan, stack: StackFacts | None = SYNC) -> Prediction:
    found = predict(plan, stack)
    assert found is not None
    return found


def test_a_blocking_worker_is_bound_by_its_round_trips() -> None:
    found = at(FAR)
    assert found.binds == "servers"
    assert found.capacity_rps == pytest.approx(1 / (0.0074 + 7 * 0.2), rel=1e-3)
    assert found.response_s == pytest.approx(500 * (0.0074 + 1.4), rel=1e-3)


def test_few_users_bind_by_themselves() -> None:
    wide = replace(SYNC, servers=1000, hold_s0_ms=1, hold_n=0)
    found = at(replace(FAR, load=replace(FAR.load, model=Closed(Users(1, 1, 4)))), wide)
    assert found.binds == "users"
    assert found.capacity_rps == pytest.approx(4 / 1.6074, rel=1e-3)


def test_connections_are_slots_that_a_request_holds() -> None:
    wide = replace(SYNC, servers=1000, hold_s0_ms=1, hold_n=0)
    found = at(replace(FAR, connections="pool", pool_size=10), wide)
    assert found.binds == "connections"
    # the delay back to the user is not the database's
    assert found.capacity_rps == pytest.approx(10 / (1.6074 - 0.2), rel=1e-3)


def test_a_pooler_beyond_the_delay_holds_no_connection_over_it() -> None:
    wide = replace(SYNC, servers=1000, hold_s0_ms=1, hold_n=0)
    many = replace(FAR, load=replace(FAR.load, model=Closed(Users(1, 1000, 100_000))))
    found = dict(ceilings_rps(replace(many, pooler="pgbouncer", pooler_pool_size=10), wide))
    assert found["connections"] == pytest.approx(10 / 0.0074, rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "slots"),
    [
        ({}, (97, 106)),
        ({"max_connections": 1000}, (997, 106)),
        ({"pooler": "pgbouncer"}, (50, 6)),
        ({"connections": "pool", "app_workers": 2}, (40, 106)),
        ({"connections": "pool", "pooler": "pgbouncer"}, (20, 106)),
        ({"connections": "pool", "pooler": "pgbouncer", "pooler_pool_size": 1}, (1, 6)),
    ],
)
def test_slots(changes: dict[str, str | int], slots: tuple[int, float]) -> None:
    """Of a request that takes 6 ms, and 100 ms more by its round trips."""
    found = connection_slots(replace(PLAN, **changes), 106, 6)  # type: ignore[arg-type]
    assert found == slots


def test_a_route_without_statements_has_none() -> None:
    nothing = replace(PLAN.route, statements=0)
    assert connection_slots(routed(nothing), 106, 6) is None


def test_a_round_that_the_window_cannot_hold_warns() -> None:
    said = feasibility(FAR, replace(record(), predicted=at(FAR)))
    assert said.status is Status.WARN
    assert "a round of 500 users takes 704 s, longer than its steady window of 4 s" in said.says
    patient = replace(FAR, load=replace(FAR.load, steady_s=900.0, timeout_s=60.0))
    assert "time-out of 60 s" in feasibility(patient, replace(record(), predicted=at(FAR))).says


@pytest.mark.parametrize(
    ("response_s", "status"),
    [(2.3, Status.PASS), (2.5, Status.WARN), (4.1, Status.WARN)],
)
def test_a_round_that_takes_most_of_the_window_warns(response_s: float, status: Status) -> None:
    predicted = replace(at(PLAN), response_s=response_s)
    said = feasibility(PLAN, replace(record(), predicted=predicted))
    assert said.status is status, said.says
    assert ("more than 0.6 of its steady window of 4 s" in said.says) == (response_s == 2.5)


def test_a_round_that_fits_passes() -> None:
    said = feasibility(PLAN, replace(record(), predicted=at(PLAN)))
    assert said.status is Status.PASS


def test_without_a_calibration_nothing_is_said_and_nothing_barred() -> None:
    said = feasibility(PLAN, record())
    assert (said.status, bool(said.needs)) == (Status.UNKNOWN, True)


def test_a_stack_is_found_by_its_levels_and_route() -> None:
    calibration = Calibration(stacks=(replace(SYNC, why="broke"), SYNC))
    assert calibration.stack({"target": "made", "delay_ms": 7}, "make") is SYNC
    assert calibration.stack({"target": "made"}, "list") is None
    assert calibration.stack({"target": "other"}, "make") is None
    assert [name for name, _ in ceilings_rps(PLAN, SYNC)] == ["servers", "users", "connections"]
