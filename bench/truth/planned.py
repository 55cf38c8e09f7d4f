"""When sessions are looked at, how they end, and what they were said to decide before they ran."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from analysis.inference import (
    AGAINST,
    FOR,
    JudgedClaim,
    Observation,
    RepeatRange,
    judge_claim,
    pairs,
)
from bench.truth.conditions import Condition, Figure, Part, Promise, at_least, at_most, share
from bench.truth.intervals import HOLD
from bench.truth.sessions import ONE_PAIR, Looks, Stopped, World, same, stopped, truth
from bench.truth.verdicts import AT_LEAST, BOUND, Claimed
from rig.inference.looks import held_given_end
from rig.inference.power import (
    ORDINARY_CV,
    found_by_single_runs,
    found_distance,
    p_of_pair,
    pair_scatter,
)

SAID_WITHIN = 0.04
"""What is said of a share may be off by so much, chance included."""


def answered(observations: Sequence[Observation], *, ended: bool) -> JudgedClaim:
    """The claim that async is twice as fast, judged."""
    return judge_claim(pairs(observations, "target", "async", "sync"), BOUND, ended=ended)


# looked at after each block


def peeked(world: Claimed, told: bool, seed: int) -> bool:
    """Whether a report on a session, made after any of its blocks, decides a pair.

    `told`: whether the report is told that the session has not ended.
    """
    whole = world.observations(random.Random(seed))
    return any(
        answered(
            [one for one in whole if one.block < look], ended=look == world.blocks or not told
        ).those(*FOR, *AGAINST)
        for look in range(1, world.blocks + 1)
    )


def _peeked() -> Iterator[Condition[Any]]:
    for asked, blocks, times in ((1, 4, 600), (1, 8, 600), (1, 12, 600), (9, 8, 100)):
        world = Claimed(asked, blocks, cv=0.15, heavy=True)
        name = f"pairs: {asked}, {blocks} blocks, 15 % CV, outliers"
        once = partial(peeked, world, True)
        yield Condition(name, once, share, times, at_most(0.05))
        once = partial(peeked, world, False)
        yield Condition(f"{name}: were it not allowed for", once, share, times)


# ended by what was seen


def of_those_that_ended(found: Sequence[Stopped], at: int) -> Figure:
    """Of the intervals that ended a session after so many blocks, the share that holds."""
    held = [one for each in found if each.blocks == at for one in each.held]
    if not held:
        return Figure(math.nan, "none ended there")
    value = statistics.fmean(held)
    return Figure(value, f"{value:.1%}  ({len(held) / len(found):.0%} of sessions)")


def _ended() -> Iterator[Condition[Any]]:
    for within, first, cv, times in (
        *((0.1, 4, 0.02, 1000), (0.1, 4, 0.05, 1500), (0.1, 4, 0.08, 4000), (0.1, 4, 0.1, 7000)),
        *((0.2, 4, 0.08, 1000), (0.1, 9, 0.08, 1000)),
    ):
        said = held_given_end(within, first, cv)
        # `last` is one more, so that a session which is not known well enough is another
        once = partial(stopped, World(ONE_PAIR, truth, same(cv)), Looks(within, first, first + 1))
        figure = partial(of_those_that_ended, at=first)
        name = f"±{within:.0%}, {cv:.0%} CV, ended after {first} blocks, said {said:.0%}"
        limit = Promise("said beside it", said - SAID_WITHIN, said + SAID_WITHIN)
        yield Condition(name, once, figure, times, HOLD, limit)


# decided, as it was said before


def finds(world: Claimed, off: float, seed: int) -> bool:
    """Whether a session decides its first pair, whose true ratio is a factor of `off` away.

    The others are at the bound.
    """
    found = [
        replace(one, value=one.value * off)
        if one.value and one.levels["pair"] == 0 and one.levels["target"] == "async"
        else one
        for one in world.observations(random.Random(seed))
    ]
    judged = answered(found, ended=True).those(*FOR, *AGAINST)
    return any(one.pair.levels["pair"] == 0 for one in judged)


FOUR_IN_FIVE = Promise("77 to 85 %", 0.77, 0.85)


def _found() -> Iterator[Condition[Any]]:
    for asked, blocks, times in ((1, 4, 1500), (1, 8, 1500), (9, 4, 500), (9, 8, 300)):
        p = p_of_pair(asked, adaptive=False)
        off = math.exp(found_distance(blocks, pair_scatter(ORDINARY_CV), p))
        once = partial(finds, Claimed(asked, blocks, cv=ORDINARY_CV), off)
        name = f"{asked} pairs, {blocks} repeats, one off by {off:.3g}×"
        yield Condition(name, once, share, times, FOUR_IN_FIVE)
    off = math.exp(found_by_single_runs(ORDINARY_CV, p_of_pair(9, adaptive=False)))
    once = partial(finds, Claimed(9, cv=ORDINARY_CV), off)
    yield Condition(f"9 pairs, single runs, one off by {off:.3g}×", once, share, 1000, FOUR_IN_FIVE)


# decided with the repeats that a report asked for


@dataclass(frozen=True)
class Asked:
    """The repeats that a session asked for, and whether the least and the most of them decide."""

    needed: RepeatRange
    by_least: bool
    by_most: bool


def suggested(world: Claimed, seed: int) -> Asked | None:
    """One session, and those that follow what it asks for; None where it asks for none."""
    chance = random.Random(seed)
    needed = answered(world.observations(chance), ended=True).repeats_needed
    if needed is None:
        return None
    return Asked(needed, *(_decides(world, n, chance) for n in (needed.least, needed.most)))


def _decides(world: Claimed, blocks: int | None, chance: random.Random) -> bool:
    if blocks is None:
        return False
    answer = answered(replace(world, blocks=blocks).observations(chance), ended=True)
    return bool(answer.those(*FOR, *AGAINST))


def of_suggestions(found: Sequence[Asked | None]) -> Figure:
    """Of the sessions that name a most, how many decide with it; and how many with the least."""
    asked = [one for one in found if one is not None]
    named = [one for one in asked if one.needed.most is not None]
    if not named:
        return Figure(math.nan, "none names a most")
    most = statistics.fmean(one.by_most for one in named)
    least = statistics.fmean(one.by_least for one in named)
    open_ended = 1 - len(named) / len(asked)
    return Figure(most, f"{most:.0%}; least {least:.0%}  ({open_ended:.0%} without a most)")


def _suggested() -> Iterator[Condition[Any]]:
    for blocks, ratio, promise in (
        *((2, 2.6, at_least(0.8)), (3, 2.4, at_least(0.8)), (4, 2.4, at_least(0.8))),
    ):
        world = Claimed(1, blocks, cv=ORDINARY_CV, ratio=ratio)
        name = f"1 pair, {blocks} repeats, true ratio {ratio / AT_LEAST:.2g} of the bound"
        yield Condition(name, partial(suggested, world), of_suggestions, 1000, promise)


PARTS: Sequence[Part] = (
    Part("looked at after each block, ratios at the bound", "decided", tuple(_peeked())),
    Part("repeated until it is known", "intervals that end it hold the truth", tuple(_ended())),
    Part("said by `plan`, 8 % CV", "decided or indicated", tuple(_found())),
    Part("repeats asked for, 8 % CV", "decided with the most", tuple(_suggested())),
)
