"""Claims that two sides are equal within a margin: how often that is found, rightly and not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from analysis.inference import Bound, Judgement, judge_claim, pairs
from bench.truth.conditions import Condition, Part, at_least, at_most, share
from bench.truth.verdicts import Claimed

MARGIN = 0.25
BOUND = Bound("target", "async", "sync", equivalent_within=MARGIN)
EQUAL = Claimed(asked=1, blocks=8, cv=0.08, ratio=1.0)


def finds(world: Claimed, judgements: tuple[Judgement, ...], seed: int) -> bool:
    """Whether a session so judges some pair."""
    found = pairs(world.observations(random.Random(seed)), "target", "async", "sync")
    return any(one.judgement in judgements for one in judge_claim(found, BOUND).pairs)


def finds_all(world: Claimed, seed: int) -> bool:
    """Whether a session finds every pair equal."""
    found = pairs(world.observations(random.Random(seed)), "target", "async", "sync")
    return {one.judgement for one in judge_claim(found, BOUND).pairs} == {Judgement.EQUIVALENT}


def _equal() -> Iterator[Condition[Any]]:
    for asked, blocks, promise in (
        *((1, 8, at_least(0.8)), (9, 8, at_least(0.8))),
        *((1, 4, None), (1, 2, None)),
    ):
        world = replace(EQUAL, asked=asked, blocks=blocks)
        name = f"{asked} pair{'s' * (asked > 1)}, {blocks} blocks"
        yield Condition(name, partial(finds_all, world), share, 1000, promise)


def _at_the_margin() -> Iterator[Condition[Any]]:
    judgements = (Judgement.EQUIVALENT, Judgement.DIFFERENT)
    for asked, blocks in ((1, 2), (1, 8), (9, 8)):
        for heavy in (False, True):
            world = replace(EQUAL, asked=asked, blocks=blocks, ratio=1 + MARGIN, heavy=heavy)
            once = partial(finds, world, judgements)
            name = f"{asked} pair{'s' * (asked > 1)}, {blocks} blocks{', outliers' * heavy}"
            yield Condition(name, once, share, 1000, at_most(0.05))


PARTS = (
    Part("pairs that are equal, 8 % CV", "all found so, within 25 %", tuple(_equal())),
    Part("pairs at the margin", "called equal or different", tuple(_at_the_margin())),
)
