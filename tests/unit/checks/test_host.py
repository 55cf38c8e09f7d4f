"""A noisy machine is told, and invalidates nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.checks import judge
from rig.checks.host import host_quiet
from rig.model import Status, Verdict
from rig.record import Check, ProbeFacts, Record
from tests.unit.plans import PLAN, record

QUIET = ProbeFacts(
    cpu_steal_share=0.01, cpu_others_share=0.05, pressure_io_share=0.3, pressure_memory_share=0.0
)


def seen(**changes: Any) -> Record:
    return replace(record(), probes=replace(QUIET, **changes))


def said(**changes: Any) -> Check:
    return host_quiet(seen(**changes))


def test_a_quiet_machine() -> None:
    assert said().status is Status.PASS
    # the stack's own tasks wait for CPUs that they share
    assert said(pressure_cpu_share=1.0).status is Status.PASS


@pytest.mark.parametrize(
    "loud",
    [
        {"cpu_steal_share": 0.021},
        {"cpu_others_share": 0.11},
        {"pressure_io_share": 0.51},
        {"pressure_memory_share": 0.011},
    ],
)
def test_each_bound_warns_and_nothing_more(loud: dict[str, float]) -> None:
    check = said(**loud)
    assert check.status is Status.WARN
    assert ", above" in check.says
    _, verdict, _ = judge(PLAN, seen(**loud))
    assert verdict is Verdict.VALID


def test_a_kernel_that_counts_less_is_judged_by_what_it_counts() -> None:
    some = {"cpu_steal_share": None, "pressure_io_share": None, "pressure_memory_share": None}
    assert said(**some).status is Status.PASS
    assert said(**some, cpu_others_share=0.2).status is Status.WARN


def test_a_machine_that_was_not_looked_at_is_unknown_and_bars_no_verdict() -> None:
    check = host_quiet(record())
    assert check.status is Status.UNKNOWN
    assert check.needs
    assert judge(PLAN, record())[1] is Verdict.VALID
