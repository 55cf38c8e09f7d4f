from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from analysis.inference import Effect, Kind, Observation, WithinTrialError, effects, pairs
from rig.model import Level
from tests.unit.inference.trials import pair_of, trial

FACTORS: Mapping[str, tuple[Level, ...]] = {
    "target": ("sync", "async"),
    "route": ("cpu", "io_create"),
    "delay_ms": (0, 100),
}


def truth(target: str, route: str, delay_ms: int) -> float:
    """async twice as fast; five times more of that with a delay, where there is I/O."""
    value = 100.0 if route == "cpu" else 40.0
    if target == "async":
        value *= 2.0
        if delay_ms and route == "io_create":
            value *= 5.0
    return value


def session(blocks: int, cv: float = 0.0, seed: int = 1, **more: Any) -> list[Observation]:
    chance = random.Random(seed)
    found = []
    for block in range(1, blocks + 1):
        mood = chance.gauss(0, 0.2)
        for target in FACTORS["target"]:
            for route in FACTORS["route"]:
                for delay_ms in (0, 100):
                    log = math.log(truth(str(target), str(route), delay_ms)) + mood
                    value = math.exp(log + chance.gauss(0, cv))
                    levels = {"route": route, "delay_ms": delay_ms}
                    found.append(trial(str(target), block, value, **levels, **more))
    return found


def by_name(found: tuple[Effect, ...]) -> dict[str, Effect]:
    return {effect.name: effect for effect in found}


def test_other_levels_of_the_claim_s_factor_are_no_repeats() -> None:
    """Of three levels of which the claim compares two, and one of these has no valid trial."""
    factors: dict[str, Sequence[Level]] = {"target": ("sync", "async"), "delay_ms": (0, 100)}
    third = [
        trial(target, 1, value, delay_ms=delay_ms)
        for target, delay_ms, value in (
            ("async", 0, 50.0), ("async", 100, 40.0), ("other", 0, 9.0), ("other", 100, 3.0),
        )
    ]  # fmt: skip
    (alone,) = effects(third, factors)
    assert (alone.name, alone.kind, alone.p) == ("delay_ms", Kind.NONE, None)
    assert alone.ratio == pytest.approx(0.8)
    assert effects([o for o in third if o.levels["target"] == "other"], factors) == ()


def test_effects_are_ratios_and_ratios_of_ratios() -> None:
    found = by_name(effects(session(3, 0.01), FACTORS))
    assert list(found) == [
        "target",
        "route",
        "delay_ms",
        "target × route",
        "target × delay_ms",
        "target × route × delay_ms",
    ]
    # async ÷ sync is 2, 2, 2 and 10 in the four places: geometric mean 2 · 5^(1/4)
    assert found["target"].ratio == pytest.approx(2 * 5**0.25, rel=0.02)
    assert found["delay_ms"].ratio == pytest.approx(5**0.25, rel=0.02)
    assert found["target × delay_ms"].ratio == pytest.approx(5**0.5, rel=0.03)
    three = found["target × route × delay_ms"]
    assert three.ratio == pytest.approx(5.0, rel=0.05)
    assert three.low is not None
    assert three.high is not None
    assert three.low < 5.0 < three.high
    assert three.claimed
    assert three.steps == (
        ("target", "async", "sync"),
        ("route", "io_create", "cpu"),
        ("delay_ms", 100, 0),
    )


def test_nothing_there_is_not_claimed() -> None:
    trials = [
        one
        for block in range(1, 5)
        for delay_ms in (0, 100)
        for one in pair_of(block, 10.0 + block % 2, 1 + 0.01 * (-1) ** block, delay_ms=delay_ms)
    ]
    assert not any(effect.claimed for effect in effects(trials, FACTORS))


def test_two_cells_are_the_paired_interval() -> None:
    trials = [one for b in range(1, 6) for one in pair_of(b, 7.0 * b, 1 + b / 10)]
    trials.append(trial("sync", 6, 9.0))
    (pair,) = pairs(trials, "target", "async", "sync")
    (effect,) = effects(trials, FACTORS)
    assert (effect.ratio, effect.low, effect.high) == pytest.approx(
        (pair.ratio, pair.low, pair.high)
    )
    assert effect.df == pytest.approx(pair.df)
    assert effect.p == pytest.approx(pair.p)


def test_missing_trials_cost_precision_not_truth() -> None:
    whole = session(4, 0.01)
    holes = [one for index, one in enumerate(whole) if index not in (3, 9, 17, 30)]
    for one in effects(holes, FACTORS):
        assert one.used == one.of
        other = by_name(effects(whole, FACTORS))[one.name]
        assert one.ratio == pytest.approx(other.ratio, rel=0.03)


def test_a_missing_cell_leaves_what_does_not_need_it() -> None:
    gone = {"target": "async", "route": "io_create", "delay_ms": 100}
    found = by_name(effects([o for o in session(3, 0.01) if o.levels != gone], FACTORS))
    assert (found["target"].used, found["target"].of) == (3, 4)
    assert found["target"].ratio == pytest.approx(2.0, rel=0.02)
    assert found["target × route × delay_ms"].ratio is None
    assert found["target × route × delay_ms"].p is None


def test_one_block_claims_nothing() -> None:
    found = effects(session(1, within=WithinTrialError(0.02, 9)), FACTORS)
    assert {effect.kind for effect in found} == {Kind.WITHIN_TRIAL}
    assert not any(effect.claimed for effect in found)
    three = by_name(found)["target × route × delay_ms"]
    # eight trials of 2 % each
    assert three.high == pytest.approx(5 * math.exp(1.993 * 0.02 * math.sqrt(8)), rel=1e-3)
    assert {effect.kind for effect in effects(session(1), FACTORS)} == {Kind.NONE}


def test_cells_beside_the_cross_product_and_invalid_trials_are_left_out() -> None:
    more = [
        trial("async", 1, 1e6, extra=True, route="io_create", delay_ms=100),
        trial("sync", 2, 1e6, valid=False, route="cpu", delay_ms=0),
    ]
    assert effects(session(3, 0.01) + more, FACTORS) == effects(session(3, 0.01), FACTORS)


def test_without_anything_that_varies_there_is_no_effect() -> None:
    assert effects([trial("sync", 1, 10.0)], FACTORS) == ()
    assert effects([], FACTORS) == ()


def test_blocks_that_share_no_cell_cannot_be_compared() -> None:
    (effect,) = effects([trial("sync", 1, 10.0), trial("async", 2, 20.0)], FACTORS)
    assert effect.ratio is None


def test_a_cell_s_only_trial_has_no_scatter_of_its_own() -> None:
    # with a delay each cell was measured once; without, four times, and those hardly differ
    within = WithinTrialError(log_se=0.1, df=10)
    found = session(4, 0.001, within=within)
    found = [one for one in found if one.block == 1 or one.levels["delay_ms"] == 0]
    effect = by_name(effects(found, FACTORS))["target × delay_ms"]
    assert effect.kind is Kind.WITHIN_TRIAL
    assert effect.p is None
    assert effect.low is not None
    assert effect.high is not None
    assert effect.high / effect.low > 1.2
