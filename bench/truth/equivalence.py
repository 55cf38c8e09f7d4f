"""Claims that two sides are equal within a margin, and where another run of a pair comes to lie."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from analysis.inference import Bound, Judgement, judge_claim, pairs
from bench.truth.conditions import Condition, Part, at_least, at_most, between, share
from bench.truth.verdicts import Claimed

MARGIN = 0.25
BOUND = Bound("target", "async", "sync", equivalent_within=MARGIN)
EQUAL = Claimed(1, 8, 0.08, 1.0)


def finds(world: Claimed, judgements: Sequence[Judgement], seed: int) -> bool:
    """Whether a session so judges some pair."""
    found = pairs(world.observations(random.Random(seed)), "target", "async", "sync")
    return any(one.judgement in judgements for one in judge_claim(found, BOUND).pairs)


def _equal() -> Iterator[Condition[Any]]:
    once = partial(finds, judgements=(Judgement.EQUIVALENT,))
    for blocks, promise in ((8, at_least(0.8)), (4, None), (2, None)):
        world = replace(EQUAL, blocks=blocks)
        yield Condition(f"1 pair, 8 % CV, {blocks} blocks", partial(once, world), share, 1000, promise)
