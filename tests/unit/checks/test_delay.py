"""Each bound of the delay check, from both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.checks.delay import delay
from rig.model import Status
from rig.record import Check, DelayFacts
from tests.unit.plans import path, record


def check(asked_ms: float = 0.0, facts: Any = None, **changes: Any) -> Check:
    paths = (path("front"), path("data", asked_ms, **changes))
    return delay(record(replace(DelayFacts("netem", paths=paths), **(facts or {}))))


@pytest.mark.parametrize(
    ("asked_ms", "moment", "off_ms"),
    [
        # max(1 ms, 2 %) before and after, max(3 ms, 5 %) during
        (0, "before_ms", 1.0),
        (0, "after_ms", 1.0),
        (0, "during_ms", 3.0),
        (50, "before_ms", 1.0),
        (50, "after_ms", 1.0),
        (60, "during_ms", 3.0),
        (100, "before_ms", 2.0),
        (100, "after_ms", 2.0),
        (100, "during_ms", 5.0),
        (500, "before_ms", 10.0),
        (500, "after_ms", 10.0),
        (500, "during_ms", 25.0),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_bounds(asked_ms: float, moment: str, off_ms: float, sign: int) -> None:
    within = check(asked_ms, **{moment: (asked_ms + sign * (off_ms - 0.01),)})
    beyond = check(asked_ms, **{moment: (asked_ms + sign * (off_ms + 0.01),)})
    assert (within.status, beyond.status) == (Status.PASS, Status.FAIL)
    assert beyond.again
    assert f"data {moment.removesuffix('_ms')} the load" in beyond.says


def test_the_median_counts_not_the_outlier() -> None:
    assert check(100, during_ms=(100, 100, 900)).status is Status.PASS
    assert check(100, during_ms=(100, 900, 900)).status is Status.FAIL


@pytest.mark.parametrize("moment", ["before_ms", "during_ms", "after_ms"])
def test_a_moment_that_was_not_measured_fails(moment: str) -> None:
    said = check(100, **{moment: ()})
    assert said.status is Status.FAIL
    assert "not measured" in said.says


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"drops": 1}, "1 packets dropped"),
        ({"overruns": 1}, "1 overruns"),
        ({"alive_to_the_end": False}, "did not live"),
    ],
)
def test_what_the_mechanism_lost_fails(facts: dict[str, Any], word: str) -> None:
    said = check(100, facts=facts)
    assert said.status is Status.FAIL
    assert word in said.says


def test_a_connect_that_was_never_answered_fails() -> None:
    said = check(100, lost=1)
    assert said.status is Status.FAIL
    assert "data: 1 measuring connects" in said.says


def test_an_undelayed_path_has_to_stay_undelayed() -> None:
    both = (path("front", before_ms=(100.0,)), path("data", 100.0))
    said = delay(record(DelayFacts("netem", paths=both)))
    assert said.status is Status.FAIL
    assert "front before the load: 100.0 ms instead of 0" in said.says


def test_every_problem_is_said() -> None:
    said = check(100, facts={"drops": 3}, before_ms=(50.0,), lost=2)
    assert said.says.count(";") == 2


def test_without_any_path_nothing_is_known() -> None:
    assert delay(record(DelayFacts("netem"))).status is Status.UNKNOWN


def test_a_delay_that_was_gone_for_a_while_is_no_outlier() -> None:
    assert check(100, during_ms=(100,) * 9 + (0.1,)).status is Status.PASS
    said = check(100, during_ms=(100,) * 8 + (0.1, 0.1))
    assert said.status is Status.FAIL
    assert said.says == "data during the load: 2 of 10 measurements were not delayed by 100 ms"


def test_a_path_between_machines_adds_its_own_length() -> None:
    far = {"base_ms": (4.0, 4.2, 90.0), "during_ms": (104.2,), "after_ms": (104.2,)}
    assert check(100, **far, before_ms=(104.2 + 1.99,)).status is Status.PASS
    said = check(100, **far, before_ms=(104.2 + 2.01,))
    assert said.status is Status.FAIL
    assert "instead of 100 + 4.20 ± 2 ms" in said.says
    # what was not delayed at all is too short by the delay, however long the path is
    short = (104.2,) * 8 + (4.2,) * 2
    assert check(100, base_ms=(4.2,), **dict.fromkeys(("before_ms", "after_ms"), (104.2,)),
                 during_ms=short).status is Status.FAIL  # fmt: skip
