"""Searches for capacities, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest

from rig.inference.capacity import (
    Capacity,
    Outcome,
    SearchSpec,
    Tried,
    capacity_of,
    next_rate,
)
from rig.inference.objective import IN_FLIGHT, MOST, OVERLOAD, Objective, objective_facts
from rig.inference.stationarity import State

SPEC = SearchSpec((5.0, 2000.0), 0.05)
Excess = Callable[[float], float | None]


def queue(capacity_per_s: float) -> Excess:
    """Steep, and the steeper below it."""
    return lambda rate: (lambda u: 15 * u if u < 0 else 8 * u)(math.log(rate / capacity_per_s))


def searched(excess: Excess, spec: SearchSpec = SPEC, served_per_s: float = 1e9) -> list[Tried]:
    """Every trial of a search, in its order."""
    tried: list[Tried] = []
    while (rate := next_rate(tried, spec)) is not None:
        tried.append(Tried(rate, excess(rate), min(rate, served_per_s)))
        assert len(tried) <= spec.most
    return tried


def answer(excess: Excess, spec: SearchSpec = SPEC, served_per_s: float = 1e9) -> Capacity:
    return capacity_of(searched(excess, spec, served_per_s), spec)


@pytest.mark.parametrize("true_per_s", [6.5, 40.0, 187.0, 1400.0])
def test_a_capacity_is_found(true_per_s: float) -> None:
    found = answer(queue(true_per_s), served_per_s=1.05 * true_per_s)
    assert found.outcome is Outcome.FOUND
    assert found.per_s == pytest.approx(true_per_s, rel=0.05)
    assert found.low_per_s is not None
    assert found.high_per_s is not None
    assert found.low_per_s < true_per_s < found.high_per_s
    assert found.carries(true_per_s / 2) is True
    assert found.carries(true_per_s) is None
    assert found.carries(true_per_s * 2) is False


@pytest.mark.parametrize(
    ("served_per_s", "rate"),
    [(130.0, 130.0), (None, 211.4), (60.0, 211.4), (440.0, 357.1)],
)
def test_what_was_served_in_overload_is_where_to_look(
    served_per_s: float | None, rate: float
) -> None:
    """Unless the target collapsed, or served nearly all of it: then the bracket is halved."""
    tried = [Tried(5, -2.0), Tried(100, -1.0), Tried(447, 2.0, served_per_s)]
    assert next_rate(tried, SPEC) == rate


def test_never_kept_is_said_once_the_bottom_was_missed_twice() -> None:
    tried = searched(lambda _: 0.5)
    assert [one.rate_per_s for one in tried] == [100, 22.36, 5, 5]
    for before in (tried[:1], tried[:2]):
        assert capacity_of(before, SPEC).outcome is Outcome.OPEN
    assert capacity_of(tried[:2], SPEC).finding == "does not carry 22.4 /s"
    found = capacity_of(tried, SPEC)
    assert found.outcome is Outcome.NEVER
    assert found.finding == "does not carry even 5 /s"
    assert found.carries(1) is False


def test_kept_up_to_the_top() -> None:
    tried = searched(lambda _: -2.0)
    assert [one.rate_per_s for one in tried[-2:]] == [2000, 2000]
    found = capacity_of(tried, SPEC)
    assert (found.outcome, found.low_per_s, found.high_per_s) == (Outcome.THROUGHOUT, 2000, None)
    assert found.carries(2000) is True
    assert found.carries(2001) is None


def test_what_the_load_cannot_send_is_no_answer_of_the_target() -> None:
    found = answer(lambda rate: -2.0 if rate < 300 else None)
    assert found.outcome is Outcome.UNSENT
    assert found.high_per_s is None
    assert found.carries(1000) is None
    assert 200 < (found.low_per_s or 0) < 300


def test_a_target_that_is_saturated_is_told_below_what_could_not_be_sent() -> None:
    found = answer(lambda rate: None if rate > 400 else queue(150)(rate))
    assert found.outcome is Outcome.FOUND
    assert found.per_s == pytest.approx(150, rel=0.06)


def test_a_rate_inside_the_bracket_that_tells_nothing_is_left_after_two_trials() -> None:
    tried = [Tried(5, -2.0), Tried(100, -1.5), Tried(1000, 2.0, goodput_rps=400.0)]
    for rate in (400, 400, 200, 200, 141.4):
        assert next_rate(tried, SPEC) == rate
        tried.append(Tried(rate, None))


def test_not_monotone_is_said_once_both_rates_have_repeated_it() -> None:
    spec = SearchSpec((5.0, 2000.0), 0.05, rate_per_s=50.0)
    tried = [Tried(5, -2.0), Tried(50, 1.0), Tried(200, -1.0), Tried(900, 2.0)]
    assert capacity_of(tried, spec).outcome is Outcome.NOT_MONOTONE
    assert next_rate(tried, spec) == 50
    tried.append(Tried(50, 1.0))
    assert next_rate(tried, spec) == 200
    tried.append(Tried(200, -1.0))
    assert next_rate(tried, spec) is None
    found = capacity_of(tried, spec)
    assert (found.low_per_s, found.high_per_s) == (5, 900)
    assert "keeps it again higher up" in found.finding
    assert found.carries(100) is None


def test_a_fluke_that_is_not_repeated_is_no_contradiction() -> None:
    tried = [Tried(5, -2.0), Tried(50, 1.0), Tried(200, -1.0), Tried(900, 2.0), Tried(50, -2.0)]
    assert capacity_of(tried, SPEC).outcome is not Outcome.NOT_MONOTONE
    assert next_rate(tried, SPEC) not in (None, 50)


def test_a_top_that_is_kept_once_and_missed_once_is_searched_about() -> None:
    tried = [Tried(5, -2.0), Tried(632, -1.5), Tried(2000, -0.2), Tried(2000, 0.2)]
    assert next_rate(tried, SPEC) == pytest.approx(2000, rel=0.05)
    found = capacity_of(tried, SPEC)
    assert (found.outcome, found.low_per_s, found.high_per_s) == (Outcome.BRACKET, 632, 2000)


def test_a_search_that_has_not_ended_says_so() -> None:
    tried = searched(queue(187))[:1]
    assert capacity_of(tried, SPEC).outcome is Outcome.OPEN
    assert capacity_of(tried, SPEC).finding == "carries 100 /s so far"
    assert capacity_of([], SPEC).outcome is Outcome.NOT_MEASURED
    assert capacity_of([Tried(5, None)], SPEC).outcome is Outcome.NOT_MEASURED


def test_what_cannot_be_sent_at_first_is_told_from_the_bottom() -> None:
    tried = searched(lambda rate: None if rate > 50 else queue(20)(rate))
    assert [one.rate_per_s for one in tried[:2]] == [100, 5]
    assert capacity_of(tried, SPEC).outcome is Outcome.FOUND
    nothing = searched(lambda _: None)
    assert [one.rate_per_s for one in nothing] == [100, 5, 5]
    assert capacity_of(nothing, SPEC).outcome is Outcome.NOT_MEASURED


@pytest.mark.parametrize("wanted", [5.0, 200.0, 2000.0])
def test_a_rate_that_is_to_be_carried_is_tried_first(wanted: float) -> None:
    spec = SearchSpec((5.0, 2000.0), 0.05, rate_per_s=wanted)
    assert searched(queue(700), spec)[0].rate_per_s == wanted


# windows

LIMITS = Objective(p95_ms=300, failure_share=0.01)


def facts(
    took_ms: Sequence[tuple[float, int]],
    state: State = State.VARIES,
    objective: Objective = LIMITS,
    failed: int = 0,
    waiting_us: Sequence[int] = (),
    dropped: int = 0,
) -> tuple[float | None, str]:
    answered_us = tuple((round(1000 * ms), count) for ms, count in took_ms)
    found = objective_facts(objective, answered_us, failed, waiting_us, state, dropped)
    return found.excess, found.binds


def test_the_limit_kept_worst_is_the_one_that_binds() -> None:
    excess, binds = facts([(100, 180), (200, 20)])
    assert excess == pytest.approx(math.log(200 / 300))
    assert binds == "p95_ms"
    excess, binds = facts([(100, 1000)], failed=20)
    assert excess == pytest.approx(math.log(20 / 1020 / 0.01))
    assert binds == "failure_share"


def test_one_that_failed_was_not_in_time() -> None:
    only = Objective(p95_ms=300)
    assert facts([(100, 100)], objective=only)[0] == pytest.approx(math.log(1 / 3))
    assert facts([(100, 100)], objective=only, failed=10) == (MOST, "p95_ms")


def test_who_waits_at_the_stop_fails_once_that_is_too_long() -> None:
    young, old = (50_000,) * 5, (400_000,) * 5
    assert facts([(100, 500)], waiting_us=young)[0] == pytest.approx(math.log(1 / 3))
    excess, binds = facts([(100, 495)], waiting_us=old)
    assert excess == pytest.approx(0.0)
    assert binds == "failure_share"


def test_a_queue_that_grows_is_missed_before_its_limit_is_reached() -> None:
    assert facts([(100, 500)], State.OVERLOAD) == (MOST, OVERLOAD)


def test_arrivals_that_were_dropped_alone_tell_of_the_load() -> None:
    assert facts([(100, 500)], dropped=50) == (None, IN_FLIGHT)
    assert facts([(100, 500)], dropped=5)[0] == pytest.approx(math.log(5 / 505 / 0.01))
    # whoever was sent and waited for too long says that it was the target
    assert facts([(310, 500)], dropped=50) == (MOST, "p95_ms")
    assert facts([(100, 500)], State.OVERLOAD, dropped=50) == (None, IN_FLIGHT)
    excess, binds = facts([(100, 500)], failed=30, dropped=50)
    assert excess == MOST
    assert binds == "p95_ms"


def test_too_few_requests_tell_nothing() -> None:
    assert facts([(100, 99)]) == (None, "")
    assert facts([(100, 100)])[0] is not None


def test_nobody_knows_a_percentile_of_requests_that_all_wait() -> None:
    assert facts([(10, 50)], waiting_us=(20_000,) * 100)[0] is None
    excess, binds = facts([(10, 50)], waiting_us=(600_000,) * 100)
    assert excess == pytest.approx(math.log(100 / 150 / 0.01))
    assert binds == "failure_share"
