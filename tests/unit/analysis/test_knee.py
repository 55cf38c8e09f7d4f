"""A knee is found where there is one, and only there."""

from __future__ import annotations

import math

import pytest

from analysis.knee import knee


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


def test_neither_has_what_never_rises() -> None:
    users = list(range(5, 250, 5))
    assert knee(users, [20 + math.sin(u) for u in users]) is None


def test_few_numbers_of_users_show_nothing() -> None:
    assert knee([10, 60, 110, 150], [10, 60, 70, 70]) is None
