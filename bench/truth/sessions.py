"""Sessions simulated in memory, whose true ratios are known: intervals, effects, differences."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from analysis.inference import Effect, Observation, PairRatio, effects, pairs
from analysis.inference.effects import Step
from bench.truth.conditions import Figure
from rig.inference import CONFIDENCE, t_quantile, width
from rig.model import Level

FACTORS: Mapping[str, tuple[Level, ...]] = {
    "target": ("sync", "async"),
    "route": ("cpu", "io_create", "io_read"),
    "delay_ms": (0, 50, 100),
}
BLOCK_CV = 0.05
"""What moves all trials of a block together: the machine's mood."""

Scatter = Callable[[random.Random, Mapping[str, Level]], float]
"""Draws the trial-to-trial CV of a cell."""


def same(cv: float) -> Scatter:
    """Every cell scatters alike."""
    return lambda _chance, _cell: cv


_EVEN = same(0.03)


def uneven(chance: random.Random, _cell: Mapping[str, Level]) -> float:
    """One cell scatters by 0.5 %, another by 8 %."""
    return math.exp(chance.uniform(math.log(0.005), math.log(0.08)))


def by_route(_chance: random.Random, cell: Mapping[str, Level]) -> float:
    """`cpu` scatters by 1 %, what waits by 6 %."""
    return 0.01 if cell["route"] == "cpu" else 0.06


@dataclass(frozen=True)
class World:
    """What is true: each cell's log goodput and how its trials scatter about it."""

    factors: Mapping[str, Sequence[Level]] = field(default_factory=lambda: FACTORS)
    log_ratio: Callable[[Mapping[str, Level]], float] = lambda _: 0.0
    """async ÷ sync at the other levels, as a log."""
    scatter: Scatter = _EVEN
    heavy: bool = False
    """Now and then a trial goes wrong: Student's t of 5 degrees of freedom instead of a normal."""
    lost: float = 0.0
    """The share of trials that are not valid."""

    def cells(self) -> list[dict[str, Level]]:
        """One level of each factor."""
        found: list[dict[str, Level]] = [{}]
        for name, levels in self.factors.items():
            found = [{**cell, name: level} for cell in found for level in levels]
        return found

    def blocks(self, chance: random.Random) -> Iterator[list[Observation]]:
        """Blocks without end."""
        cells = self.cells()
        cvs = [self.scatter(chance, cell) for cell in cells]
        block = 0
        while True:
            block += 1
            shift = chance.gauss(0, BLOCK_CV)
            yield [
                self._trial(cell, cv, block, shift, chance)
                for cell, cv in zip(cells, cvs, strict=True)
            ]

    def _trial(
        self, cell: Mapping[str, Level], cv: float, block: int, shift: float, chance: random.Random
    ) -> Observation:
        log = 5.0 + shift + cv * self._noise(chance)
        if cell["target"] == "async":
            log += self.log_ratio(cell)
        return Observation(cell, block, math.exp(log), valid=chance.random() >= self.lost)

    def _noise(self, chance: random.Random) -> float:
        noise = chance.gauss(0, 1)
        if not self.heavy:
            return noise
        # scaled to a standard deviation of 1: a t of 5 df has a variance of 5 ÷ 3
        return noise / math.sqrt(chance.gammavariate(2.5, 2) / 5) / math.sqrt(5 / 3)


ONE_PAIR: Mapping[str, tuple[Level, ...]] = {"target": ("sync", "async"), "delay_ms": (0,)}


def truth(levels: Mapping[str, Level]) -> float:
    """Ratios from 0.9 to 12, growing with the delay where there is I/O."""
    delay_ms = levels.get("delay_ms", 0)
    assert isinstance(delay_ms, int)
    io = levels.get("route", "io_create") != "cpu"
    return math.log(0.9) + (math.log(13) * delay_ms / 100 if io else 0.0)


def measured(world: World, chance: random.Random, blocks: int) -> list[Observation]:
    """A session of a fixed number of blocks."""
    source = world.blocks(chance)
    return [one for _ in range(blocks) for one in next(source)]


@dataclass(frozen=True)
class Looks:
    """When a session looks at its ratios, and ends once all are known to ±`within`."""

    within: float
    first: int
    """The block after which it looks first."""
    last: int
    """Its last block."""
    allowed_for: bool = True
    """Whether its intervals allow for having been looked at."""


def until(world: World, looks: Looks, chance: random.Random) -> tuple[list[Observation], int]:
    """A session that ends by itself, and its blocks."""
    source, observations = world.blocks(chance), list[Observation]()
    for block in range(1, looks.last + 1):
        observations += next(source)
        if block < looks.first:
            continue
        widths = [width(pair) for pair in compared(observations, adaptive=looks.allowed_for)]
        if all(one is not None and one <= looks.within for one in widths):
            return observations, block
    return observations, looks.last


def compared(
    observations: Sequence[Observation], *, adaptive: bool = False
) -> tuple[PairRatio, ...]:
    """async ÷ sync."""
    return pairs(observations, "target", "async", "sync", adaptive=adaptive)


def covered(found: Sequence[PairRatio], world: World) -> list[bool]:
    """Which intervals hold the true ratio."""
    held = []
    for pair in found:
        if pair.low is not None and pair.high is not None:
            held.append(pair.low <= math.exp(world.log_ratio(pair.levels)) <= pair.high)
    return held


def effects_of(observations: Sequence[Observation], world: World) -> tuple[Effect, ...]:
    """Main effects and interactions."""
    return effects(observations, world.factors)


def held(world: World, blocks: int, seed: int) -> list[bool]:
    """Which intervals of a session of so many blocks hold the truth."""
    return covered(compared(measured(world, random.Random(seed), blocks)), world)


@dataclass(frozen=True)
class Stopped:
    """Which intervals of a session that stopped by itself hold the truth, and its blocks."""

    held: tuple[bool, ...]
    blocks: int


def stopped(world: World, looks: Looks, seed: int) -> Stopped:
    """One session."""
    observations, blocks = until(world, looks, random.Random(seed))
    found = compared(observations, adaptive=looks.allowed_for)
    return Stopped(tuple(covered(found, world)), blocks)


def coverage(found: Sequence[Stopped]) -> Figure:
    """Of all intervals of all sessions, and the blocks that a session took."""
    value = statistics.fmean(one for each in found for one in each.held)
    blocks = statistics.fmean(each.blocks for each in found)
    return Figure(value, f"{value:.1%}  ({blocks:.1f} blocks)")


def pooled(world: World, blocks: int, seed: int) -> Mapping[str, list[bool]]:
    """By route, which intervals of one scatter for all pairs would hold the truth."""
    found = compared(measured(world, random.Random(seed), blocks))
    spread = math.sqrt(statistics.fmean((pair.log_se or 0.0) ** 2 for pair in found))
    reach = t_quantile(CONFIDENCE, len(found) * (blocks - 1)) * spread
    held: dict[str, list[bool]] = {}
    for pair in found:
        away = math.log(pair.ratio or 1.0) - world.log_ratio(pair.levels)
        held.setdefault(str(pair.levels["route"]), []).append(abs(away) <= reach)
    return held


def by_routes(found: Sequence[Mapping[str, list[bool]]]) -> Figure:
    """The share of all intervals of each route; the lowest counts."""
    shares = [statistics.fmean(one for each in found for one in each[of]) for of in found[0]]
    return Figure(min(shares), "  ".join(f"{share:.1%}" for share in shares))


@dataclass(frozen=True)
class Claims:
    """Whether a session claims a difference by a pair, and by an effect of target."""

    by_pair: bool
    by_effect: bool


def claims(world: World, blocks: int, seed: int) -> Claims:
    """Of one session."""
    observations = measured(world, random.Random(seed), blocks)
    by_effect = any(
        one.claimed for one in effects_of(observations, world) if one.steps[0][0] == "target"
    )
    return Claims(any(one.differs for one in compared(observations)), by_effect)


def claimed(found: Sequence[Claims]) -> Figure:
    """The share of sessions that claim a difference; those that do by a pair and by an effect."""
    either = statistics.fmean(one.by_pair or one.by_effect for one in found)
    by_pair = statistics.fmean(one.by_pair for one in found)
    by_effect = statistics.fmean(one.by_effect for one in found)
    return Figure(either, f"{either:.1%}  (pairs {by_pair:.1%}, effects {by_effect:.1%})")


def claims_at_its_end(world: World, looks: Looks, seed: int) -> bool:
    """Whether a session that ends by itself claims a difference by a pair."""
    observations, _ = until(world, looks, random.Random(seed))
    return any(one.differs for one in compared(observations, adaptive=looks.allowed_for))


def finds(world: World, blocks: int, at: Mapping[str, Level], seed: int) -> bool:
    """Whether a session claims the difference at one combination of levels."""
    every = compared(measured(world, random.Random(seed), blocks))
    return any(one.differs for one in every if dict(one.levels) == dict(at))


TrueEffects = Mapping[tuple[Step, ...], float | None]
"""The ratio of each effect, by its steps."""


def true_effects(world: World) -> TrueEffects:
    """Of a world without scatter."""
    cells = [Observation(cell, 1, math.exp(_expected(world, cell))) for cell in world.cells()]
    return {one.steps: one.ratio for one in effects_of(cells, world)}


def effects_held(world: World, true: TrueEffects, blocks: int, seed: int) -> list[bool]:
    """Which intervals of a session's effects hold the truth; of those that lack no cell."""
    found = []
    for one in effects_of(measured(world, random.Random(seed), blocks), world):
        expected = true[one.steps]
        if one.low is not None and one.high is not None and one.used == one.of:
            assert expected is not None
            found.append(one.low <= expected <= one.high)
    return found


def _expected(world: World, cell: Mapping[str, Level]) -> float:
    return 5.0 + (world.log_ratio(cell) if cell["target"] == "async" else 0.0)
