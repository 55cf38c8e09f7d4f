"""Each ceiling against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from analysis.summaries.ceilings import Ceiling, CellCeilings, CellPlan, Cpu, cell_ceilings
from rig.calibration import StackFacts
from rig.model import Level

LEVELS: dict[str, Level] = {
    "target": "sync", "route": "io_create", "delay_ms": 100, "delay_path": "both",
    "connections": "per_request", "pooler": "direct", "pooler_pool_size": 50, "pool_size": 20,
    "max_connections": 100, "app_workers": 1, "app_threads": 1,
}  # fmt: skip
STACK = StackFacts(LEVELS, "io_create", 1, (), s0_ms=10, n=9, hold_s0_ms=12, hold_n=8)


def rates(stack: StackFacts | None = STACK, **more: Any) -> dict[str, float]:
    levels = {**LEVELS, **more.pop("levels", {})}
    asked = CellPlan(levels, more.pop("users", 150), more.pop("think_time_s", 0.0), 1)
    found = cell_ceilings(asked, 1.0, stack, more.pop("cpu", {}), more.pop("null_rps", None))
    return {ceiling.name: ceiling.rps for ceiling in found.ceilings}


def test_servers_each_wait_for_their_request() -> None:
    assert rates()["service time and round trips"] == pytest.approx(1000 / (12 + 8 * 100))


def test_two_servers_serve_twice_as_much() -> None:
    two = rates(replace(STACK, servers=2))
    assert two["service time and round trips"] == pytest.approx(2000 / 812)


def test_users_wait_for_their_answer_and_think() -> None:
    assert rates()["users"] == pytest.approx(150 / 0.91)
    assert rates(think_time_s=1.0)["users"] == pytest.approx(150 / 1.91)


def test_of_an_open_load_the_arrivals_are_the_bound() -> None:
    asked = CellPlan(LEVELS, None, statements=1, arrivals_rps=1.0)
    found = cell_ceilings(asked, 0.99, STACK, {})
    assert "users" not in [*(c.name for c in found.ceilings), *found.missing]
    assert found.binding == Ceiling("arrivals", 1.0, "as offered")
    assert not found.unexplained
    assert "arrivals" not in rates()


@pytest.mark.parametrize(
    ("levels", "slots_ms"),
    [
        ({}, (97, 810)),
        ({"delay_path": "database"}, (97, 910)),
        ({"max_connections": 1000}, (997, 810)),
        ({"connections": "pool"}, (20, 810)),
        ({"connections": "pool", "app_workers": 3}, (60, 810)),
        ({"pooler": "pgbouncer"}, (50, 10)),
        ({"pooler": "pgbouncer", "connections": "pool"}, (20, 810)),
    ],
)
def test_slots_are_held_while_a_request_is_under_way(
    levels: dict[str, Level], slots_ms: tuple[int, float]
) -> None:
    slots, held_ms = slots_ms
    assert rates(levels=levels)["connection slots"] == pytest.approx(1000 * slots / held_ms)


def test_a_route_without_statements_needs_no_slot() -> None:
    found = cell_ceilings(CellPlan(LEVELS, 150, 0.0, 0), 1.0, STACK, {})
    assert "connection slots" not in [c.name for c in found.ceilings]
    assert "connection slots" not in found.missing


def test_cpu_and_generator() -> None:
    found = rates(cpu={"app": Cpu(0.004, 2)}, null_rps=5000.0)
    assert found["CPU of app"] == pytest.approx(500)
    assert found["load generator"] == 5000


def test_without_a_calibration_nothing_is_made_up() -> None:
    assert rates(None) == {}
    found = cell_ceilings(CellPlan(LEVELS, 150), 1.0, None, {})
    assert set(found.missing) == {
        "service time", "users", "connection slots", "load generator", "CPU",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "second", "unexplained"),
    [(100, 1000, False), (86, 1000, False), (84, 1000, True), (84, 199, False), (84, 200, True),
     (116, 1000, True), (116, 150, True), (None, 1000, False)],
)  # fmt: skip
def test_what_is_unexplained(measured: float | None, second: float, unexplained: bool) -> None:
    cell = CellCeilings((Ceiling("a", 100, ""), Ceiling("b", second, "")), measured)
    assert cell.unexplained is unexplained
