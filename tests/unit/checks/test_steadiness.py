"""Was the goodput steady?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.checks.steadiness import steadiness
from rig.model import Status
from tests.unit.plans import record


@pytest.mark.parametrize(
    ("first", "last", "status"),
    [
        (1000, 1000, Status.PASS),
        (1000, 905, Status.PASS),
        (10_000, 11_000, Status.PASS),
        (1000, 800, Status.WARN),
        (800, 1000, Status.WARN),
        (20, 35, Status.PASS),  # by chance alone
        (10, 40, Status.WARN),
        (15, 14, Status.UNKNOWN),
        (0, 0, Status.UNKNOWN),
        (None, None, Status.UNKNOWN),
    ],
)
def test_drift_beyond_chance_warns(first: int | None, last: int | None, status: Status) -> None:
    fine = record()
    load = replace(fine.load, successes_first_third=first, successes_last_third=last)
    said = steadiness(replace(fine, load=load))
    assert said.status is status, said.says
    assert bool(said.needs) == (status is Status.UNKNOWN)
