"""Which cases are tried where only a share of them is."""

from __future__ import annotations

import pytest

from tests import shares
from tests.shares import by_chance, every

CASES = range(7)


def test_all_of_them_unless_a_share_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "SHARE", 1)
    assert by_chance(CASES, always=1) == list(CASES)
    assert by_chance("one") == ["o", "n", "e"]


@pytest.mark.parametrize("always", [0, 1])
def test_a_share_is_by_chance_and_leaves_none_out_for_ever(
    monkeypatch: pytest.MonkeyPatch, always: int
) -> None:
    monkeypatch.setattr(shares, "SHARE", 3)
    found: set[int] = set()
    for seed in range(40):
        monkeypatch.setenv("SEED", str(seed))
        chosen = by_chance(CASES, always)
        assert by_chance(CASES, always) == chosen == sorted({*chosen})
        assert len(chosen) == 3
        assert chosen[:always] == list(CASES[:always])
        found |= {*chosen}
    assert found == {*CASES}


def test_what_does_not_run_at_once_is_of_the_campaign_and_shared_there() -> None:
    marks = [{mark.name for mark in case.marks} for case in every(3, CASES)]
    assert [number for number, found in enumerate(marks) if not found] == [0, 3, 6]
    assert {frozenset(found) for found in marks if found} == {frozenset({"campaign", "of_many"})}


def test_one_case_is_always_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "SHARE", 9)
    monkeypatch.setenv("SEED", "1")
    assert by_chance(CASES, always=1) == [0]
    assert len(by_chance(CASES)) == 1
