"""Intervals, effects and differences of whole sessions: what each has to come to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from bench.truth.conditions import (
    Condition,
    Part,
    at_least,
    at_most,
    between,
    share,
    share_of_all,
)
from bench.truth.sessions import (
    ONE_PAIR,
    Looks,
    World,
    by_route,
    by_routes,
    claimed,
    claims,
    claims_at_its_end,
    coverage,
    effects_held,
    finds,
    held,
    pooled,
    same,
    stopped,
    true_effects,
    truth,
    uneven,
)
from rig.model import Level

TIMES = 1000
HOLD = between(0.93, 0.97)
FALSELY = at_most(0.05)
UNTIL = Looks(0.1, 4, 8)


def _repeated() -> Iterator[Condition[Any]]:
    for name, world, blocks in (
        *((f"cells of 0.5 to 8 % CV, {n} blocks", UNEVEN, n) for n in (2, 3, 4, 8)),
        ("3 % CV, 6 blocks, 10 % of the trials lost", World(log_ratio=truth, lost=0.1), 6),
        ("3 % CV with outliers, 4 blocks", World(log_ratio=truth, heavy=True), 4),
    ):
        yield Condition(f"9 pairs, {name}", partial(held, world, blocks), share_of_all, TIMES, HOLD)
    once = partial(pooled, World(scatter=by_route), 4)
    name = "one scatter for all pairs: cpu 1 % CV, io_create and io_read 6 %"
    yield Condition(name, once, by_routes, TIMES)


def _until() -> Iterator[Condition[Any]]:
    careless = Looks(0.1, 4, 12, allowed_for=False)
    for name, world, looks in (
        *(
            (f"1 pair, {cv:.0%} CV", World(ONE_PAIR, truth, same(cv)), UNTIL)
            for cv in (0.02, 0.04, 0.05, 0.06, 0.08, 0.1, 0.2)
        ),
        ("1 pair, 10% CV, up to 12 blocks", World(ONE_PAIR, truth, same(0.1)), Looks(0.1, 4, 12)),
        ("the same, were it not allowed for", World(ONE_PAIR, truth, same(0.1)), careless),
        ("9 pairs, cells of 0.5 to 8 % CV", UNEVEN, UNTIL),
    ):
        promise = HOLD if looks.allowed_for else None
        yield Condition(name, partial(stopped, world, looks), coverage, TIMES, promise)


def _effects() -> Iterator[Condition[Any]]:
    for name, world in (
        ("cells of 0.5 to 8 % CV", UNEVEN),
        ("the same, 10 % of the trials lost", World(log_ratio=truth, scatter=uneven, lost=0.1)),
    ):
        once = partial(effects_held, world, true_effects(world), 4)
        yield Condition(f"18 cells, 4 blocks, {name}", once, share_of_all, TIMES, HOLD)


def _same_twice() -> Iterator[Condition[Any]]:
    for name, world, blocks in (
        *((f"9 pairs, 3 % CV, {n} blocks", World(scatter=same(0.03)), n) for n in (4, 8)),
        *(
            (f"9 pairs, cells of 0.5 to 8 % CV, {n} blocks", World(scatter=uneven), n)
            for n in (4, 8)
        ),
        ("1 pair, 3 % CV, 8 blocks", World(ONE_PAIR), 8),
    ):
        yield Condition(name, partial(claims, world, blocks), claimed, TIMES, FALSELY)
    for cv in (0.04, 0.08):
        once = partial(claims_at_its_end, World(ONE_PAIR, scatter=same(cv)), UNTIL)
        name = f"1 pair, {cv:.0%} CV, repeated until ±10 %"
        yield Condition(name, once, share, TIMES, FALSELY)


def _powers() -> Iterator[Condition[Any]]:
    at: Mapping[str, Level] = {"route": "io_read", "delay_ms": 50}
    one = World(ONE_PAIR, lambda _: math.log(1.1))
    alone = World(
        log_ratio=lambda levels: math.log(1.1) * all(levels[name] == at[name] for name in at)
    )
    for name, once in (
        ("1 pair", partial(finds, one, 8, {"delay_ms": 0})),
        ("9 pairs, in one of them alone", partial(finds, alone, 8, at)),
    ):
        yield Condition(name, once, share, TIMES, at_least(0.8))


UNEVEN = World(log_ratio=truth, scatter=uneven)

PARTS: Sequence[Part] = (
    Part("95 % intervals of async ÷ sync", "hold the true ratio", tuple(_repeated())),
    Part("the same, repeated until ±10 %, 4 to 8 blocks", "hold it; blocks", tuple(_until())),
    Part("95 % intervals of the effects", "hold the truth", tuple(_effects())),
    Part("the same measured twice", "claims a difference", tuple(_same_twice())),
    Part("a true difference of 10 %, 3 % CV, 8 blocks", "is found", tuple(_powers())),
)
