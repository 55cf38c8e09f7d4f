"""No trial counts whose seconds are not known to be the same everywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.checks import judge
from rig.checks.clock import clock
from rig.clock import ClockOffset
from rig.model import Status, Verdict
from rig.record import Check, LoadFacts, Record
from tests.unit.plans import PLAN, record

HERE = ClockOffset(0.00001, 0.0001, 0.00002)
FAR = ClockOffset(100_000.0, 0.0009, -0.004)


def seen(*clocks: ClockOffset, p50_ms: float = 50.0, connected: int = 2) -> Record:
    load = replace(record().load, p50_ms=p50_ms, load_workers_connected=connected)
    named = {f"198.18.0.{number}": one for number, one in enumerate(clocks, 1)}
    return replace(record(), load=replace(load, clocks=named))


def said(*clocks: ClockOffset, p50_ms: float = 50.0) -> Check:
    return clock(seen(*clocks, p50_ms=p50_ms))


def test_how_far_away_a_clock_is_does_not_matter() -> None:
    check = said(HERE, FAR)
    assert check.status is Status.PASS
    assert "0.900 ms at worst (198.18.0.2)" in check.says
    assert "-4.000 ms from there (198.18.0.2)" in check.says


@pytest.mark.parametrize(
    ("one", "p50_ms", "status"),
    [
        (replace(FAR, uncertainty_s=0.0011), 50.0, Status.FAIL),
        (replace(FAR, uncertainty_s=0.0011), 110.1, Status.PASS),
        (replace(FAR, drift_s=0.0051), 50.0, Status.FAIL),
        (replace(FAR, drift_s=-0.0051), 5000.0, Status.FAIL),
        (replace(FAR, drift_s=None), 50.0, Status.UNKNOWN),
    ],
)
def test_each_bound(one: ClockOffset, p50_ms: float, status: Status) -> None:
    check = said(HERE, one, p50_ms=p50_ms)
    assert check.status is status
    assert check.again is (status is Status.FAIL)


def test_a_clock_that_nobody_asked_is_unknown() -> None:
    check = said(HERE)
    assert (check.status, check.says) == (
        Status.UNKNOWN,
        "clocks of 1 of 2 load workers were measured",
    )


def test_a_trial_is_judged_by_it() -> None:
    checks, verdict, why = judge(PLAN, seen(HERE, replace(FAR, drift_s=1.0)))
    assert verdict is Verdict.INVALID
    assert why.startswith("clock: ")
    assert checks[-1].name == "clock"


def test_older_loads_took_all_clocks_for_one_and_are_not_asked() -> None:
    assert LoadFacts().clocks is None
    checks, verdict, _ = judge(PLAN, record())
    assert verdict is Verdict.VALID
    assert "clock" not in [check.name for check in checks]
