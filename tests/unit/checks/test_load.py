"""Were all load workers there to the end, and do their counts agree?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.checks.load import load_workers
from rig.model import Status
from tests.unit.plans import record


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, Status.PASS),
        ({"load_workers_connected": 1}, Status.FAIL),
        ({"complete": False, "load_workers_lost": 1}, Status.FAIL),
        ({"finished": 41}, Status.FAIL),
    ],
)
def test_every_load_worker_stays_to_the_end(changes: dict[str, Any], status: Status) -> None:
    fine = record()
    said = load_workers(replace(fine, load=replace(fine.load, **changes)))
    assert said.status is status
    assert said.again == (status is Status.FAIL)
