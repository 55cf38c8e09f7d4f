"""An offset is what the fastest round trip says, and the truth is never further than it says."""

from __future__ import annotations

import random

import pytest

from rig.clock import ClockOffset, RoundTrip, offset_of

AHEAD_S = 100_000.0


def asked(at_s: float, there_s: float, back_s: float) -> RoundTrip:
    """A question that takes `there_s` on its way to a clock that is ahead, and `back_s` back."""
    return RoundTrip(at_s, at_s + there_s + AHEAD_S, at_s + there_s + back_s)


def test_the_fastest_decides() -> None:
    trips = [asked(1.0, 0.5, 0.1), asked(2.0, 0.001, 0.003), asked(3.0, 0.01, 0.02)]
    found = offset_of(trips)
    assert found.uncertainty_s == pytest.approx(0.002)
    # the way back took longer than the way there
    assert found.offset_s == pytest.approx(AHEAD_S - 0.001)
    assert found.drift_s is None


@pytest.mark.parametrize("seed", range(20))
def test_the_truth_is_within_the_uncertainty_however_unequal_the_ways_are(seed: int) -> None:
    chance = random.Random(seed)
    trips = [asked(n, chance.random(), chance.random() ** 8) for n in range(10)]
    found = offset_of(trips)
    assert abs(found.offset_s - AHEAD_S) <= found.uncertainty_s + 1e-9


def test_there_and_back_again() -> None:
    offset = ClockOffset(AHEAD_S, 0.001)
    assert offset.there_s(5.0) == AHEAD_S + 5.0
    assert offset.session_s(offset.there_s(5.0)) == 5.0
    assert offset.inverse().there_s(AHEAD_S) == 0.0


def test_the_drift_is_what_a_second_measurement_differs_by() -> None:
    later = ClockOffset(AHEAD_S, 0.001).measured_again(ClockOffset(AHEAD_S - 0.25, 0.5))
    assert later == ClockOffset(AHEAD_S, 0.001, drift_s=-0.25)


def test_no_round_trip_is_no_offset() -> None:
    with pytest.raises(ValueError, match="empty"):
        offset_of([])
