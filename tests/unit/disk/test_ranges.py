"""Ranges of numbers: counted as sets are, however long they are."""

from __future__ import annotations

import random

from rig.disk.ranges import Ranges

Spans = list[tuple[str, int, int]]


def spans(chance: random.Random) -> Spans:
    found = []
    for _ in range(chance.randrange(6)):
        first = chance.randrange(1, 30)
        found.append((chance.choice("ab"), first, first + chance.randrange(-2, 9)))
    return found


def listed(of: Spans) -> set[tuple[str, int]]:
    return {(worker, n) for worker, first, last in of for n in range(first, last + 1)}


def test_they_count_as_sets_do() -> None:
    chance = random.Random(1)
    for _ in range(2000):
        one, other, third = spans(chance), spans(chance), spans(chance)
        assert Ranges(one).count == len(listed(one))
        assert (Ranges(one) & Ranges(other)).count == len(listed(one) & listed(other))
        assert (Ranges(one) - Ranges(other)).count == len(listed(one) - listed(other))
        left = (Ranges(one) - Ranges(other)) & Ranges(third)
        assert left.count == len((listed(one) - listed(other)) & listed(third))


def test_a_range_may_be_as_long_as_it_likes() -> None:
    whole, even = Ranges([("0", 1, 10**12)]), Ranges([("0", 5, 10**9), ("1", 1, 2)])
    assert (whole.count, (whole & even).count) == (10**12, 10**9 - 4)
    assert (whole - even).count == 10**12 - 10**9 + 4
    assert Ranges().count == 0
