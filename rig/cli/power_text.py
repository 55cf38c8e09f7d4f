"""What a design can decide, in the words of `runner.py plan`. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rig.config import Matrix, Repeats, Until
from rig.config.matrix import MOST_LOOKED_AT, Claim
from rig.inference.looks import ENOUGH, first_look, held_given_end
from rig.inference.power import (
    ORDINARY_CV,
    found_by_single_runs,
    found_distance,
    found_equal,
    p_of_pair,
    pair_scatter,
)
from rig.model import percent
from rig.plan import Trial

ENOUGH_REPEATS = 4
"""Fewer are told what this many would decide."""
NONE_BEYOND = math.log(100)
"""A distance from the bound, in logs, that no pair is expected to have."""


def power_lines(matrix: Matrix, block: Sequence[Trial]) -> list[str]:
    """What repeats of a block's pairs would decide of the claim; nothing without a claim."""
    claim, pair_count = matrix.claim, _pairs(matrix.claim, block)
    if claim is None or claim.at_least == 0 or not pair_count:
        return []
    match matrix.design:
        case Repeats(times):
            decides = list(_repeated(claim, times, pair_count))
        case Until() as until:
            decides = list(_until(claim, until, pair_count))
        case _:
            return []
    pairs = f"{pair_count} pairs" if pair_count > 1 else "1 pair"
    cv = percent(ORDINARY_CV)
    return [
        f"the claim asks {pairs}; runs of a cell are taken to differ by {cv}:",
        *(f"  {line}" for line in decides),
    ]


def _pairs(claim: Claim | None, block: Sequence[Trial]) -> int:
    """How many pairs of cells of a block the claim compares."""
    if claim is None:
        return 0
    sides: dict[frozenset[tuple[str, object]], set[object]] = {}
    for trial in block:
        levels = dict(trial.cell.levels)
        level = levels.pop(claim.factor, None)
        if not trial.skip and not trial.cell.because:
            sides.setdefault(frozenset(levels.items()), set()).add(level)
    return sum({claim.numerator, claim.denominator} <= levels for levels in sides.values())


def _repeated(claim: Claim, times: int, pair_count: int) -> Iterator[str]:
    if times == 1 and claim.at_least is None:
        yield "1 run of each decides nothing"
    elif times == 1:
        distance = found_by_single_runs(ORDINARY_CV, p_of_pair(pair_count, adaptive=False))
        yield f"1 run of each decides nothing, but would indicate {_ratios(claim, distance)}"
    else:
        yield _decides(claim, times, pair_count, adaptive=False)
    if times < ENOUGH_REPEATS:
        yield _decides(claim, ENOUGH_REPEATS, pair_count, adaptive=False)


def _until(claim: Claim, until: Until, pair_count: int) -> Iterator[str]:
    for times in dict.fromkeys((until.at_least, until.at_most)):
        yield _decides(claim, times, pair_count, adaptive=True)
    held = held_given_end(until.within, until.at_least, ORDINARY_CV)
    if held < ENOUGH:
        later = first_look(until.within, ORDINARY_CV, MOST_LOOKED_AT)
        advice = f"; `at_least: {later}` makes that {percent(ENOUGH)} or more" if later else ""
        yield (
            f"intervals that end it after {until.at_least} repeats hold the true ratio in "
            f"{percent(round(held, 2))} only{advice}"
        )


def _decides(claim: Claim, times: int, pair_count: int, *, adaptive: bool) -> str:
    p = p_of_pair(pair_count, adaptive=adaptive)
    scatter = pair_scatter(ORDINARY_CV)
    if claim.at_least is None:
        margin = math.expm1(min(found_equal(times, scatter, p), NONE_BEYOND))
        return f"{times} repeats would find equal ones equal within {percent(round(margin, 2))}"
    distance = found_distance(times, scatter, p)
    if distance > NONE_BEYOND:
        return f"{times} repeats can decide none of {pair_count} pairs"
    return f"{times} repeats would decide {_ratios(claim, distance)}"


def _ratios(claim: Claim, distance: float) -> str:
    """The true ratios so far from the bound, or farther."""
    assert claim.at_least is not None
    above, below = (claim.at_least * math.exp(sign * distance) for sign in (1, -1))
    return f"a ratio of {above:.3g} or more, or {below:.3g} or less, in four sessions of five"
