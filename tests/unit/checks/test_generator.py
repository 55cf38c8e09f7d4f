"""Had the load generator headroom?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.checks.generator import generator
from rig.model import Status
from tests.unit.plans import record


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, Status.PASS),
        ({"load_worker_cpu_share": {"a": 0.2, "b": 0.85}}, Status.PASS),
        ({"load_worker_cpu_share": {"a": 0.2, "b": 0.86}}, Status.FAIL),
        ({"greenlet_lag_p99_ms": 5.0}, Status.PASS),
        ({"greenlet_lag_p99_ms": 5.1}, Status.WARN),
        ({"greenlet_lag_p99_ms": 10.1}, Status.FAIL),
        # 5 % of a slow target's median is more than 10 ms
        ({"greenlet_lag_p99_ms": 50.0, "p50_ms": 2000.0}, Status.PASS),
        ({"greenlet_lag_p99_ms": 50.1, "p50_ms": 2000.0}, Status.WARN),
        ({"greenlet_lag_p99_ms": 100.1, "p50_ms": 2000.0}, Status.FAIL),
        ({"greenlet_lag_p99_ms": 10.1, "p50_ms": None}, Status.FAIL),
        ({"greenlet_lag_p99_ms": None}, Status.UNKNOWN),
        ({"load_worker_cpu_share": {}}, Status.UNKNOWN),
    ],
)
def test_headroom(changes: dict[str, Any], status: Status) -> None:
    fine = record()
    said = generator(replace(fine, load=replace(fine.load, **changes)))
    assert said.status is status, said.says
    assert not said.needs


@pytest.mark.parametrize(
    ("share", "again"), [(0.2, True), (0.59, True), (0.6, False), (0.9, False)]
)
def test_somebody_else_s_load_is_a_disturbance_its_own_is_not(share: float, again: bool) -> None:
    fine = record()
    load = replace(fine.load, load_worker_cpu_share={"a": share}, greenlet_lag_p99_ms=80.0)
    said = generator(replace(fine, load=load))
    assert (said.status, said.again) == (Status.FAIL, again)


def test_it_names_the_busiest() -> None:
    assert "(198.18.0.11) used 25 %" in generator(record()).says


@pytest.mark.parametrize(
    ("cpus", "status"),
    [
        (["0"], Status.FAIL),
        (["0", "1"], Status.PASS),
        (["0-3"], Status.PASS),
        (["4,6"], Status.PASS),
        (["0-1,8"], Status.PASS),
        ([], Status.PASS),
    ],
)
def test_load_workers_that_share_a_cpu_can_fill_it_together(
    cpus: list[str], status: Status
) -> None:
    fine = record()
    load = replace(fine.load, load_worker_cpu_share={"a": 0.5, "b": 0.4})
    said = generator(replace(fine, load=load, facts={"cpus": {"load_worker": tuple(cpus)}}))
    assert said.status is status
    assert ("90 % of the CPUs they share" in said.says) is (status is Status.FAIL)


def test_the_cpus_of_each_node_are_judged() -> None:
    nodes: Any = {
        "one": {"cpus": 4, "load_workers": ("a", "b")},
        "two": {"cpus": 1, "load_workers": ("c", "d")},
        "sut": {},
    }
    fine = record()
    shares = {"a": 0.8, "b": 0.8, "c": 0.4, "d": 0.5}
    load = replace(fine.load, load_worker_cpu_share=shares)
    said = generator(replace(fine, load=load, facts={"nodes": nodes}))
    assert said.status is Status.FAIL
    assert "those on node two used 90 % of the CPUs they share" in said.says
    nodes["two"]["cpus"] = 2
    assert generator(replace(fine, load=load, facts={"nodes": nodes})).status is Status.PASS


def test_it_names_the_node_that_is_nearest_its_limit() -> None:
    shares = {"one": 0.2, "two": 0.41}
    said = generator(replace(record(), null_share=0.3, null_share_by_node=shares)).says
    assert "; 30 % of what they make of a null target, those on node two 41 % of theirs" in said
