"""The fake backend's queue, and what it feeds the real recorder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rig.backends.fake import FakeBackend, queue_of
from rig.evidence.attempt import AttemptFacts, read_attempt
from rig.inference.ceilings import RESERVED_CONNECTIONS
from rig.model import Interface, Link
from rig.plan import Arrivals, Closed, Delay, Load, Open, Plan, Users
from rig.record import LoadFacts
from tests.unit.plans import PLAN, TARGET


def collected(plan: Plan, folder: Path) -> AttemptFacts:
    folder.mkdir(exist_ok=True)
    with FakeBackend().up(plan) as stack:
        stack.run_load(lambda _: None)
        stack.collect(folder)
    return read_attempt(folder, plan)


def loaded(plan: Plan, folder: Path) -> LoadFacts:
    return collected(plan, folder).load


def test_no_request_is_lost(tmp_path: Path) -> None:
    facts = loaded(replace(PLAN, delay=Delay(100.0)), tmp_path)
    assert facts.started == facts.finished + facts.in_flight_at_stop
    assert facts.finished == sum(facts.outcomes.values()) > 0


def test_the_same_plan_gives_the_same_load(tmp_path: Path) -> None:
    assert loaded(PLAN, tmp_path / "a") == loaded(PLAN, tmp_path / "b")
    logs = [(tmp_path / name / "load" / "latencies.hlog").read_text() for name in "ab"]
    assert logs[0] == logs[1]


def test_a_blocking_server_waits_for_every_round_trip() -> None:
    quiet = queue_of(PLAN)
    far = queue_of(replace(PLAN, delay=Delay(100.0)))
    kept = queue_of(replace(PLAN, connections="persistent", delay=Delay(100.0)))
    assert (quiet.servers, far.servers) == (1, 1)
    assert far.hold_s - quiet.hold_s == pytest.approx(0.7)
    assert kept.hold_s - quiet.hold_s == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("change", "capped"),
    [({}, True), ({"pooler": "pgbouncer"}, False), ({"connections": "pool"}, False)],
)
def test_only_fresh_direct_connections_meet_the_cap(change: dict[str, str], capped: bool) -> None:
    queue = queue_of(replace(PLAN, **change))  # type: ignore[arg-type]
    assert (queue.connections == PLAN.max_connections - RESERVED_CONNECTIONS) is capped


def test_requests_wait_for_a_connection_of_the_app_s_pools() -> None:
    pooled = replace(
        PLAN,
        target=replace(TARGET, interface=Interface.ASGI),
        connections="pool",
        pool_size=3,
        app_workers=2,
    )
    assert queue_of(pooled).servers == 6
    asks_nothing = {"make": replace(TARGET.routes["make"], statements=0)}
    without = replace(pooled.target, routes=asks_nothing)
    assert queue_of(replace(pooled, target=without)).servers > 6
    threaded = replace(pooled, target=TARGET, app_threads=1)
    assert queue_of(threaded).servers == 2


def test_a_pool_limits_a_load_as_its_ceiling_says(tmp_path: Path) -> None:
    plan = replace(
        PLAN,
        target=replace(TARGET, interface=Interface.ASGI),
        connections="pool",
        pool_size=2,
        app_workers=1,
        delay=Delay(100.0, (Link.DATA,)),
        load=replace(PLAN.load, model=Closed(Users(40, 1, 40))),
    )
    facts = loaded(plan, tmp_path)
    assert set(facts.outcomes) == {"ok"}
    assert facts.goodput_rps == pytest.approx(2 / queue_of(plan).hold_s, rel=0.02)


def test_the_cap_refuses_what_is_beyond_it(tmp_path: Path) -> None:
    plan = replace(
        PLAN,
        target=replace(TARGET, interface=Interface.ASGI),
        delay=Delay(200.0),
        load=replace(PLAN.load, model=Closed(Users(40, 1, 40))),
    )
    few = loaded(replace(plan, max_connections=20), tmp_path)
    many = loaded(replace(plan, max_connections=100), tmp_path)
    assert few.outcomes["db_too_many_connections"] > 0
    assert set(many.outcomes) == {"ok"}


OPEN = Load(
    Open(Arrivals(per_s=40, pattern="even", max_in_flight=9, ramp_s=2.0)), steady_s=10.0, raw=True
)


def test_an_open_load_offers_every_arrival(tmp_path: Path) -> None:
    facts = loaded(replace(PLAN, load=OPEN), tmp_path)
    assert (facts.started, facts.dropped) == (40 + 400, 0)
    assert set(facts.outcomes) == {"ok"}
    assert (facts.duration_s, facts.never_answered_users) == (12.0, None)
    assert (tmp_path / "load" / "service.hlog").exists()


def test_what_an_open_load_cannot_send_is_dropped_and_said(tmp_path: Path) -> None:
    slow = replace(PLAN, delay=Delay(100.0), load=OPEN)
    facts = loaded(slow, tmp_path)
    assert facts.started + facts.dropped == 440
    assert facts.dropped == facts.outcomes["dropped"] > 300
    assert facts.in_flight_at_stop <= 9
    assert facts.started == facts.finished + facts.in_flight_at_stop
    rows = (tmp_path / "load" / "requests.csv").read_text().splitlines()
    assert len(rows) == 1 + 440


def test_simulated_delays_are_as_asked_and_say_that_they_are_simulated(tmp_path: Path) -> None:
    facts = collected(replace(PLAN, delay=Delay(50.0, (Link.DATA,))), tmp_path).delay
    assert facts.mechanism == "simulated"
    seen = {path.link: path.before_ms for path in facts.paths}
    assert seen == {"front": (0.0,), "data": (50.0,)}
