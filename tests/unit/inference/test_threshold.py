"""Where a response passes its limit, from few trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rig.inference.threshold import Reading, threshold

BETWEEN = (-0.5, 0.5)
PLACES = (-0.4, -0.2, -0.1, -0.02, 0.03, 0.1)


def read(response: Callable[[float], float]) -> list[Reading]:
    return [Reading(at, response(at)) for at in PLACES]


@pytest.mark.parametrize(("below", "above"), [(2.0, 2.0), (2.0, 10.0), (10.0, 2.0)])
def test_either_side_has_a_slope_of_its_own(below: float, above: float) -> None:
    found = threshold(read(lambda at: at * (below if at < 0 else above)), BETWEEN)
    assert found.at == pytest.approx(0.0, abs=0.015)
    assert found.low < 0 < found.high


def test_a_jump_lies_between_the_sides() -> None:
    found = threshold(read(lambda at: -3.0 if at < 0 else 3.0), BETWEEN)
    assert -0.02 < found.at < 0.03
    assert found.low < -0.02
    assert found.high > 0.03


def test_what_rests_on_few_events_tells_less() -> None:
    one = read(lambda at: 4 * at)
    reaches = [
        threshold([replace(each, counted=counted) for each in one], BETWEEN).reach
        for counted in (None, 10_000, 400, 100)
    ]
    assert reaches == sorted(reaches)
    assert reaches[-1] > 2 * reaches[0]


def test_one_that_was_disturbed_is_outvoted() -> None:
    calm = read(lambda at: 4 * at)
    found = threshold([*calm, Reading(-0.45, 3.0)], BETWEEN)
    assert found.at == pytest.approx(0.0, abs=0.03)


def test_what_is_beyond_the_ends_may_be_found_there() -> None:
    found = threshold([Reading(at, 6 * (at - 0.7)) for at in (0.4, 0.5, 0.6)], BETWEEN)
    assert found.at == pytest.approx(0.7, abs=0.05)
