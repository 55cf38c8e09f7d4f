"""Alarms: who is woken, in which order, and who is not."""

from __future__ import annotations

import time
from collections.abc import Iterator

import gevent
import pytest

from rig.load.alarms import Alarms


@pytest.fixture
def alarms() -> Iterator[Alarms]:
    made = Alarms()
    yield made
    made.close()


def test_each_is_woken_when_it_is_due_and_never_before(alarms: Alarms) -> None:
    began_s = time.monotonic()
    woken: list[float] = []

    def wait(after_s: float) -> None:
        alarms.wait_until(began_s + after_s)
        assert time.monotonic() >= began_s + after_s
        woken.append(after_s)

    after_s = (0.03, 0.01, 0.02, 0.0201, 0.005)
    gevent.joinall([gevent.spawn(wait, one_s) for one_s in after_s], raise_error=True)
    assert woken == sorted(after_s)


def test_an_instant_that_is_past_leaves_others_their_turn(alarms: Alarms) -> None:
    turns: list[str] = []

    def hurry() -> None:
        while "patient" not in turns:
            alarms.wait_until(0.0)
            turns.append("hurried")

    def have_patience() -> None:
        gevent.sleep(0.01)
        turns.append("patient")

    gevent.joinall([gevent.spawn(hurry), gevent.spawn(have_patience)], raise_error=True)
    assert turns[0] == "hurried"


def test_who_was_ended_while_it_waited_keeps_nobody_else_from_waking(alarms: Alarms) -> None:
    ended = gevent.spawn(alarms.wait, 0.005)
    stays = gevent.spawn(alarms.wait, 0.01)
    gevent.sleep(0)
    ended.kill()
    stays.join()
    assert stays.successful()


def test_who_waits_again_is_woken_again(alarms: Alarms) -> None:
    def wait() -> int:
        for _ in range(3):
            alarms.wait(0.001)
        return 3

    assert [one.get() for one in [gevent.spawn(wait) for _ in range(2)]] == [3, 3]
