"""Were response times known?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.checks.stationarity import stationarity
from rig.inference.stationarity import Third, Window
from rig.model import Status
from tests.unit.plans import record

THIRD = Third(4, 400, 400, 150)
FINE = Window(150, 12, 1200, 150, 1.5, (THIRD, THIRD, THIRD))
LATE = replace(THIRD, offered=500)


@pytest.mark.parametrize(
    ("window", "status", "says"),
    [
        (FINE, Status.PASS, "users under way ÷ (rate × response time) is 1"),
        (replace(FINE, response_s=0.9), Status.WARN, "is 1.67, above 1.1"),
        (replace(FINE, users=None, thirds=(LATE, LATE, LATE)), Status.WARN,
         "1500 requests were offered and 1200 ended"),
        (replace(FINE, thirds=(THIRD, THIRD, replace(THIRD, in_flight=300))), Status.WARN,
         "requests in flight and response time of the last third"),
        (replace(FINE, thirds=()), Status.WARN, "less than 3 s"),
        (None, Status.UNKNOWN, "no window"),
    ],
)  # fmt: skip
def test_what_leaves_percentiles_bounds_warns(
    window: Window | None, status: Status, says: str
) -> None:
    fine = record()
    said = stationarity(replace(fine, load=replace(fine.load, window=window)))
    assert said.status is status, said.says
    assert says in said.says
    assert bool(said.needs) == (status is Status.UNKNOWN)
