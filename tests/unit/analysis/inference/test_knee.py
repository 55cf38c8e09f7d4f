"""A knee is found where there is one, and only there."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from analysis.inference.knee import knee


@pytest.mark.parametrize("at", [60, 105, 150])
def test_a_bend_is_found_where_it_is(at: int) -> None:
    users = list(range(5, 250, 5))
    rps = [min(u, at) * 1.3 + 2 * math.sin(u) for u in users]
    found = knee(users, rps)
    assert found is not None
    assert found.users == pytest.approx(at, abs=10)
    assert found.rps == pytest.approx(1.3 * at, rel=0.05)


def test_a_straight_line_has_none() -> None:
    users = list(range(5, 250, 5))
    assert knee(users, [1.3 * u + 2 * math.sin(u) for u in users]) is None


def test_scatter_makes_no_bend() -> None:
    drawn = random.Random(3)
    users = list(range(5, 250, 5))
    ramps = [[u * drawn.gauss(1, 0.25) for u in users] for _ in range(300)]
    assert sum(knee(users, ramp) is not None for ramp in ramps) <= 9


def test_scatter_hides_none() -> None:
    drawn = random.Random(3)
    users = list(range(5, 250, 5))
    ramps = [[min(u, 105) * drawn.gauss(1, 0.15) for u in users] for _ in range(100)]
    found = [bend for ramp in ramps if (bend := knee(users, ramp)) is not None]
    assert len(found) >= 95
    assert statistics.median(bend.users for bend in found) == pytest.approx(105, abs=10)


def test_neither_has_what_never_rises() -> None:
    users = list(range(5, 250, 5))
    assert knee(users, [20 + math.sin(u) for u in users]) is None


def test_few_numbers_of_users_show_nothing() -> None:
    assert knee([10, 60, 110, 150], [10, 60, 70, 70]) is None
