"""Every target answers each of its routes as its `target.yaml` says, by the rig's own eye."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rig.backends import http
from rig.config import read_targets
from rig.plan import Closed, Data, Load, Plan, Target, Users
from tests.runs import ROOT
from tests.shares import every

if TYPE_CHECKING:
    from tests.contract.conftest import Serve

ALL = read_targets([ROOT, ROOT / "examples"], ROOT / "stack" / "routes.yaml")
TARGETS = {name: target for name, target in ALL.items() if not target.python}
"""Those that need no packages of their own; tests/integration/test_examples.py has the others."""
POSTS, CPU_N = 60, 1000


def plan_of(target: Target, route: str) -> Plan:
    load = Load(Closed(Users(1, 1, 1)), steady_s=1.0)
    return Plan(target.name, route, load=load, data=Data(POSTS, CPU_N), target=target)


def folder_of(target: Target) -> str:
    return os.path.relpath(target.folder, ROOT)


@pytest.mark.parametrize("name", TARGETS)
def test_every_route_answers_as_declared(name: str, serve: Serve) -> None:
    target = TARGETS[name]
    # reading before writing: what is read counts the rows
    routes = sorted(target.routes.values(), key=lambda route: route.method != "GET")
    with serve(folder_of(target), purpose="verify", BENCH_CPU_N=str(CPU_N)) as served:
        for route in routes:
            assert http.verify(f"http://{served.bind}", plan_of(target, route.name)).wrong == ""


@pytest.mark.parametrize("name", every(3, TARGETS))
def test_a_wrong_answer_is_seen(name: str, serve: Serve) -> None:
    target = TARGETS[name]
    with serve(folder_of(target), BENCH_CPU_N=str(CPU_N)) as served:
        for route in target.routes.values():
            off = replace(route, status=route.statuses[0] + 1)
            plan = plan_of(replace(target, routes={route.name: off}), route.name)
            said = http.verify(f"http://{served.bind}", plan).wrong
            assert said.startswith(f"status {route.statuses[0]} instead of {off.status}")


def test_the_study_s_targets_and_the_example_are_found() -> None:
    assert {"sync", "async", "articles"} <= set(TARGETS)
    assert set(TARGETS["sync"].routes) == set(TARGETS["async"].routes)


@pytest.mark.parametrize("name", ["sync", "async"])
@pytest.mark.parametrize("route", ["cpu", "io_create", "io_read"])
def test_both_are_asked_the_same(name: str, route: str) -> None:
    assert TARGETS[name].routes[route] == TARGETS["sync"].routes[route]
