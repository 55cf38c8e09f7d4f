"""Where one more block's ratio comes to lie: inside its prediction interval, and seldom inside the
confidence interval of the mean."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from bench.truth.conditions import Condition, Figure, Part, between
from bench.truth.sessions import ONE_PAIR, Looks, World, compared, measured, same, truth, until
from rig.inference import PairRatio

Held = tuple[bool, bool]
"""Whether the prediction interval holds the next block's ratio; whether the confidence
interval does."""


def following(world: World, blocks: int, seed: int) -> Held:
    """A session of so many blocks, and one more."""
    chance = random.Random(seed)
    every = measured(world, chance, blocks + 1)
    return _held(compared(every[: -len(world.cells())]), compared(every[-len(world.cells()) :]))


def following_looks(world: World, looks: Looks, seed: int) -> Held:
    """A session that ends by itself, and one block more."""
    chance = random.Random(seed)
    observations, _ = until(world, looks, chance)
    return _held(compared(observations, adaptive=True), compared(next(world.blocks(chance))))


def _held(known: Sequence[PairRatio], following: Sequence[PairRatio]) -> Held:
    (pair,), (one_more,) = known, following
    assert pair.next_block is not None
    assert pair.low is not None
    assert pair.high is not None
    assert one_more.ratio is not None
    low, high = pair.next_block
    return low <= one_more.ratio <= high, pair.low <= one_more.ratio <= pair.high


def coverage(found: Sequence[Held]) -> Figure:
    """Of prediction intervals; and of confidence intervals."""
    predicts, confides = (statistics.fmean(each) for each in zip(*found, strict=True))
    return Figure(predicts, f"{predicts:.1%}  (confidence interval: {confides:.1%})")


def _conditions() -> Iterator[Condition[Any]]:
    promise = between(0.93, 0.97)
    for blocks, cv, heavy in (
        *((2, 0.03, False), (4, 0.03, False), (8, 0.03, False)),
        *((4, 0.15, True), (8, 0.15, True)),
    ):
        once = partial(following, World(ONE_PAIR, truth, same(cv), heavy), blocks)
        name = f"{blocks} blocks, {cv:.0%} CV{', outliers' * heavy}"
        yield Condition(name, once, coverage, 2000, promise)
    for cv in (0.02, 0.08, 0.1, 0.2):
        once = partial(following_looks, World(ONE_PAIR, truth, same(cv)), Looks(0.1, 4, 12))
        yield Condition(f"until ±10 %, {cv:.0%} CV", once, coverage, 2000, promise)


PARTS = (Part("one more block of a pair", "in the prediction interval", tuple(_conditions())),)
