"""A load worker's own seconds."""

from __future__ import annotations

import pytest
from hdrh.histogram import HdrHistogram

from rig.load.counting.meter import INTERVAL_S, Meter, lags_of
from rig.load.counting.report import Lags


def wake_ups(lags: Lags) -> int:
    return int(HdrHistogram.decode(lags.histogram).get_total_count())


def test_a_second_has_its_cpu_share_its_last_users_and_its_lags() -> None:
    meter = Meter()
    for at_s, cpu_s, users, late_s in (
        (3.0, 10.0, 4, 0.001), (3.4, 10.1, 6, 0.002), (3.99, 10.4, 7, 0.003), (4.01, 10.5, 9, 0.0),
    ):  # fmt: skip
        meter.tick(at_s, cpu_s, users, late_s)
    ((second, share, users, lags),) = meter.drain()
    assert (second, users, lags) == (3, 7, lags_of([2000, 3000]))
    assert share == pytest.approx(0.5 / 1.01)
    assert meter.drain() == []


def test_oversleeping_counts_every_wake_up_that_was_missed() -> None:
    meter = Meter()
    meter.tick(1.0, 0.0, 1)
    meter.tick(1.0 + INTERVAL_S + 0.17, 0.0, 1, late_s=0.17)
    meter.end(1.5, 0.25)
    ((_, share, _, lags),) = meter.drain()
    assert lags == lags_of([0, 170_000, 120_000, 70_000, 20_000])
    assert share == pytest.approx(0.5)


def test_a_stall_of_seconds_leaves_no_second_out() -> None:
    meter = Meter()
    meter.tick(1.9, 0.0, 5)
    meter.tick(4.1, 2.2, 0, late_s=2.2 - INTERVAL_S)
    meter.end(4.6, 2.2)
    rows = meter.drain()
    assert [(second, users) for second, _, users, _ in rows] == [(1, 5), (2, 5), (3, 5), (4, 0)]
    assert [share for _, share, _, _ in rows] == pytest.approx([1, 1, 1, 0])
    lags = [told for _, _, _, told in rows if told]
    assert all(told.max_us <= 2_100_000 for told in lags[1:])
    # all wake-ups of a second, however their times are rounded
    assert all(wake_ups(told) in (19, 20, 21) for told in lags[1:3])


def test_the_end_closes_a_second_that_is_over() -> None:
    meter = Meter()
    meter.tick(7.0, 0.0, 2)
    meter.end(8.004, 0.502)
    ((second, share, *_),) = meter.drain()
    assert second == 7
    assert share == pytest.approx(0.5)
    Meter().end(8.0, 1.0)


def test_nothing_is_said_before_the_first_second_is_over() -> None:
    meter = Meter()
    meter.tick(7.0, 0.0, 2)
    assert meter.drain() == []
