"""What reports conclude of claims and of two versions: of simulated sessions, how many err."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from analysis.comparisons.versions import AFTER, BEFORE, NO_REGRESSION, SLOWER, VERSION, judged
from analysis.inference import (
    AGAINST,
    FOR,
    Bound,
    Observation,
    falls_alone,
    judge_claim,
    pairs,
    session_ratios,
)
from bench.truth.conditions import Condition, Part, Promise, at_least, at_most, share
from rig.model import Level

BOUND = Bound("target", "async", "sync", at_least=2.0)


def noise(chance: random.Random, *, heavy: bool) -> float:
    """Of variance 1; `heavy`: Student's t of 5 degrees of freedom."""
    one = chance.gauss(0, 1)
    if not heavy:
        return one
    return one / math.sqrt(chance.gammavariate(2.5, 2) / 5) / math.sqrt(5 / 3)


# the claim


@dataclass(frozen=True)
class Claimed:
    """Sessions of `asked` pairs, each measured in `blocks`, whose true ratio is `ratio`."""

    asked: int
    blocks: int = 1
    cv: float = 0.15
    ratio: float = 2.0
    heavy: bool = False
    async_failed: float = 0.0

    def observations(self, chance: random.Random) -> list[Observation]:
        """Of one session."""
        found = []
        for pair in range(self.asked):
            for block in range(self.blocks):
                for target in ("sync", "async"):
                    is_async = target == "async"
                    log = math.log(self.ratio) * is_async + self.cv * noise(
                        chance, heavy=self.heavy
                    )
                    levels: dict[str, Level] = {"target": target, "pair": pair}
                    failed = self.async_failed if is_async else 0.0
                    found.append(
                        Observation(levels, block, 100 * math.exp(log), failure_share=failed)
                    )
        return found


def says(world: Claimed, judgements: Sequence[str], seed: int) -> bool:
    """Whether a session so judges some pair."""
    found = pairs(world.observations(random.Random(seed)), "target", "async", "sync")
    return any(one.judgement in judgements for one in judge_claim(found, BOUND).pairs)


# two versions


@dataclass(frozen=True)
class Versions:
    """Two versions of 9 cells, each measured in some sessions of some blocks.

    `session_cv`: of what a session shares; half of its variance is each cell's own. `change`: the
    later version's true rate over the earlier's, in the first cell.
    """

    sessions: int
    blocks: int
    session_cv: float = 0.05
    cv: float = 0.03
    change: float = 1.0
    heavy: bool = False
    cells: int = 9

    def words(self, chance: random.Random) -> list[str]:
        """On each cell of one comparison, the first first."""
        trials: list[tuple[int, Observation]] = []
        for number in range(2 * self.sessions):
            version = BEFORE if number < self.sessions else AFTER
            shared = self._of_session(chance)
            for cell in range(self.cells):
                at = shared + self._of_session(chance)
                if cell == 0 and version == AFTER:
                    at += math.log(self.change)
                levels: dict[str, Level] = {VERSION: version, "cell": cell}
                for block in range(self.blocks):
                    log = at + self.cv * noise(chance, heavy=self.heavy)
                    trials.append((number, Observation(levels, block, 100 * math.exp(log))))
        found = session_ratios(trials, VERSION, AFTER, BEFORE)
        falls = falls_alone(found)
        return [judged(p, falls_alone=fell) for p, fell in zip(found, falls, strict=True)]

    def _of_session(self, chance: random.Random) -> float:
        return self.session_cv / math.sqrt(2) * noise(chance, heavy=self.heavy)


def calls(world: Versions, word: str, seed: int) -> bool:
    """Whether a comparison says `word` of some cell; of the first, where it changed."""
    words = world.words(random.Random(seed))
    return word in (words if world.change == 1 else words[:1])


def is_fine(world: Versions, seed: int) -> bool:
    """Whether a comparison finds every cell without a regression."""
    return set(world.words(random.Random(seed))) <= {NO_REGRESSION, "faster"}


FALSELY = at_most(0.05)
BY_DESIGN = Promise(
    "Holm's correction allows just 5 %, give or take 2 % of 500 sessions", high=0.07
)


def _claims() -> Iterator[Condition[Any]]:
    for asked, blocks in ((1, 1), (9, 1), (27, 1), (9, 2), (9, 4)):
        for cv, heavy in ((0.05, False), (0.15, False), (0.15, True)):
            world = Claimed(asked, blocks, cv, heavy=heavy)
            name = f"{asked} pair{'s' * (asked > 1)}, {blocks} run{'s' * (blocks > 1)}, {cv:.0%} CV"
            once = partial(says, world, (*FOR, *AGAINST))
            times, limit = (500, BY_DESIGN) if blocks > 1 else (5000 if asked == 1 else 500, None)
            yield Condition(name + ", outliers" * heavy, once, share, times, FALSELY, limit)


def _failures() -> Iterator[Condition[Any]]:
    for failed, promise in (
        *((0.0, at_least(0.99)), (0.04, at_least(0.99))),
        *((0.06, at_most(0.0)), (0.9, at_most(0.0))),
    ):
        once = partial(says, Claimed(9, 4, 0.05, 10.0, async_failed=failed), FOR)
        name = f"9 pairs, 4 repeats, async fails {failed:.0%} of its answers"
        yield Condition(name, once, share, 500, promise)


SESSIONS = ((1, 1), (1, 8), (2, 4), (3, 4), (4, 8))


def _versions(word: str, change: float) -> Iterator[Condition[Any]]:
    for sessions, blocks in SESSIONS:
        for heavy in (False, True):
            for cv in (0.03, 0.15):
                world = Versions(sessions, blocks, cv=cv, heavy=heavy, change=change)
                name = f"{sessions} × {blocks} blocks, {cv:.0%} CV{', outliers' * heavy}"
                yield Condition(name, partial(calls, world, word), share, 200, FALSELY)


def _found() -> Iterator[Condition[Any]]:
    for sessions in (1, 2, 3, 4):
        same = Versions(sessions, 4)
        name = f"{sessions} × 4 blocks"
        yield Condition(f"{name}: none changed", partial(is_fine, same), share, 200)
        third = partial(calls, replace(same, change=1 / 3), SLOWER)
        yield Condition(f"{name}: one at a third", third, share, 200, at_least(0.8))


PARTS: Sequence[Part] = (
    Part("pairs whose ratio is the bound itself", "decided or indicated", tuple(_claims())),
    Part("a true ratio five times the bound", "found beyond it", tuple(_failures())),
    Part(
        "two versions (sessions of each × blocks), nothing changed",
        "slower",
        tuple(_versions(SLOWER, 1.0)),
    ),
    Part(
        "two versions, one cell at a 1.6th",
        "no regression",
        tuple(_versions(NO_REGRESSION, 1 / 1.6)),
    ),
    Part("two versions, 3 % CV", "no regression anywhere; slower", tuple(_found())),
)
