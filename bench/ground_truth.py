"""The statistics against ground truth: sessions simulated in memory, whose true ratios are known.

.venv/bin/python bench/ground_truth.py [SESSIONS]     (default 1000 a line; some minutes)

Not `statistics.py`: a script's own folder comes first on its path, so that would hide the
standard library's module from every bench here.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.inference import Effect, Observation, PairRatio, effects, pairs
from bench import ground_truth_goodput
from bench.ground_truth_verdicts import verdicts
from bench.percentile_truth import say_percentiles
from rig.inference import CLAIMED, CONFIDENCE, t_quantile, width
from rig.inference.crossover import crossover, next_level
from rig.inference.ratio_line import Point
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


def until(
    world: World,
    chance: random.Random,
    within: float,
    at_least: int,
    at_most: int,
    *,
    allowed_for: bool = True,
) -> tuple[list[Observation], int]:
    """A session that stops once all its ratios are known to ±`within`; and its blocks."""
    source, observations = world.blocks(chance), list[Observation]()
    for block in range(1, at_most + 1):
        observations += next(source)
        if block < at_least:
            continue
        widths = [width(pair) for pair in compared(observations, adaptive=allowed_for)]
        if all(one is not None and one <= within for one in widths):
            return observations, block
    return observations, at_most


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


@dataclass(frozen=True)
class Coverage:
    """Of all intervals of all sessions, and the blocks a session took."""

    share: float
    blocks: float


def coverage(
    world: World,
    sessions: int,
    blocks: int = 0,
    adaptive: tuple[float, int, int] | None = None,
    *,
    allowed_for: bool = True,
) -> Coverage:
    """How often the intervals hold the truth: fixed `blocks`, or (within, at_least, at_most).

    `allowed_for`: whether adaptive sessions' intervals allow for having been looked at.
    """
    held: list[bool] = []
    took: list[int] = []
    for seed in range(sessions):
        chance = random.Random(seed)
        if adaptive is None:
            observations, used = measured(world, chance, blocks), blocks
        else:
            observations, used = until(world, chance, *adaptive, allowed_for=allowed_for)
        wider = adaptive is not None and allowed_for
        held += covered(compared(observations, adaptive=wider), world)
        took.append(used)
    return Coverage(statistics.fmean(held), statistics.fmean(took))


def pooled(world: World, sessions: int, blocks: int) -> Mapping[str, float]:
    """By route, how often intervals of one scatter for all pairs would hold the truth."""
    held: dict[str, list[bool]] = {}
    for seed in range(sessions):
        found = compared(measured(world, random.Random(seed), blocks))
        spread = math.sqrt(statistics.fmean((pair.log_se or 0.0) ** 2 for pair in found))
        reach = t_quantile(CONFIDENCE, len(found) * (blocks - 1)) * spread
        for pair in found:
            away = math.log(pair.ratio or 1.0) - world.log_ratio(pair.levels)
            held.setdefault(str(pair.levels["route"]), []).append(abs(away) <= reach)
    return {route: statistics.fmean(each) for route, each in held.items()}


def claims(
    world: World, sessions: int, blocks: int, *, with_effects: bool
) -> tuple[float, float, float]:
    """Shares of sessions that claim a difference by a pair, by an effect of target, by either."""
    by_pair, by_effect, by_any = 0, 0, 0
    for seed in range(sessions):
        observations = measured(world, random.Random(seed), blocks)
        pair = any(one.differs for one in compared(observations))
        found = effects_of(observations, world) if with_effects else ()
        effect = any(one.claimed for one in found if one.steps[0][0] == "target")
        by_pair, by_effect, by_any = by_pair + pair, by_effect + effect, by_any + (pair or effect)
    return by_pair / sessions, by_effect / sessions, by_any / sessions


def adaptive_claims(world: World, sessions: int) -> float:
    """The share of sessions, repeated until ±10 %, that claim a difference by a pair."""
    claimed = 0
    for seed in range(sessions):
        observations, _ = until(world, random.Random(seed), 0.1, 4, 8)
        claimed += any(one.differs for one in compared(observations, adaptive=True))
    return claimed / sessions


def power(world: World, sessions: int, blocks: int, at: Mapping[str, Level]) -> float:
    """The share of sessions that claim the difference at one combination of levels."""
    found = 0
    for seed in range(sessions):
        every = compared(measured(world, random.Random(seed), blocks))
        found += any(one.differs for one in every if dict(one.levels) == dict(at))
    return found / sessions


def effect_coverage(world: World, sessions: int, blocks: int) -> float:
    """How often the intervals of the effects hold the truth."""
    cells = [Observation(cell, 1, math.exp(_expected(world, cell))) for cell in world.cells()]
    true = {one.steps: one.ratio for one in effects_of(cells, world)}
    held = []
    for seed in range(sessions):
        for one in effects_of(measured(world, random.Random(seed), blocks), world):
            expected = true[one.steps]
            if one.low is not None and one.high is not None and one.used == one.of:
                assert expected is not None
                held.append(one.low <= expected <= one.high)
    return statistics.fmean(held)


def _expected(world: World, cell: Mapping[str, Level]) -> float:
    return 5.0 + (world.log_ratio(cell) if cell["target"] == "async" else 0.0)


@dataclass(frozen=True)
class Rivals:
    """A sync worker of 1 ÷ (s0 + n · delay), and an async one that its CPU and users limit."""

    s0_ms: float
    n: float
    cpu_ms: float
    client_n: float
    users: int

    def log_ratio(self, delay_ms: float) -> float:
        """async ÷ sync."""
        sync = self.s0_ms + self.n * delay_ms
        waiting = (self.cpu_ms + self.client_n * delay_ms) / self.users
        return math.log(sync / max(self.cpu_ms, waiting))

    def crossover_ms(self, high_ms: float) -> float:
        """Where they are equal, by bisection."""
        low_ms = 0.0
        for _ in range(60):
            middle_ms = (low_ms + high_ms) / 2
            if self.log_ratio(middle_ms) < 0:
                low_ms = middle_ms
            else:
                high_ms = middle_ms
        return low_ms


def rivals(chance: random.Random, users: int) -> Rivals:
    """A pair whose crossover lies between 0.3 and 18 ms."""
    s0_ms, n = chance.uniform(1, 10), chance.choice([1, 2, 7, 8])
    cpu_ms = s0_ms + n * chance.uniform(0.3, 18)
    return Rivals(s0_ms, n, cpu_ms, chance.choice([1, 2, 8]), users)


@dataclass(frozen=True)
class Search:
    """How searches went: shares of them, and the trials that each took on average."""

    within: float
    """Within the larger of 10 % and 0.5 ms of the truth."""
    covered: float
    trials: float


def searches(sessions: int, cv: float, users: int, between: tuple[float, float]) -> Search:
    """Simulated searches for crossovers that are there."""
    near, held, trials = [], [], []
    for seed in range(sessions):
        chance = random.Random(seed)
        them = rivals(chance, users)
        true_ms = them.crossover_ms(between[1])
        points = searched(them.log_ratio, chance, cv, between)
        found = crossover(points, between)
        error_ms = math.inf if found.at is None else abs(found.at - true_ms)
        near.append(error_ms <= max(0.1 * true_ms, 0.5))
        trials.append(2 * len(points))
        if found.low is not None and found.high is not None:
            held.append(found.low <= true_ms <= found.high)
    return Search(statistics.fmean(near), statistics.fmean(held), statistics.fmean(trials))


def searched(
    log_ratio: Callable[[float], float],
    chance: random.Random,
    cv: float,
    between: tuple[float, float],
) -> tuple[Point, ...]:
    """The points of one search; a pair of trials scatters by √2 of one."""
    points: tuple[Point, ...] = ()
    while (at := next_level(points, between)) is not None:
        points += (Point(at, log_ratio(at) + chance.gauss(0, cv * math.sqrt(2))),)
    return points


def nothing_there(sessions: int, cv: float, between: tuple[float, float]) -> float:
    """How often a search says rightly that there is none: async ahead by 1.3 to 3 throughout."""
    right = 0
    for seed in range(sessions):
        chance = random.Random(seed)
        ahead, slope = chance.uniform(1.3, 3), chance.uniform(0, 0.5)
        points = searched(lambda at, a=ahead, s=slope: math.log(a + s * at), chance, cv, between)  # type: ignore[misc]
        right += crossover(points, between).at is None
    return right / sessions


def _say(what: str, value: str) -> None:
    print(f"{what:<72} {value}", flush=True)


def _intervals(sessions: int) -> None:
    print("95 % intervals of async ÷ sync hold the true ratio in")
    for blocks in (2, 3, 4, 8):
        found = coverage(World(log_ratio=truth, scatter=uneven), sessions, blocks)
        _say(f"  9 pairs, cells of 0.5 to 8 % CV, {blocks} blocks", f"{found.share:.1%}")
    found = coverage(World(log_ratio=truth, lost=0.1), sessions, 6)
    _say("  9 pairs, 3 % CV, 6 blocks, 10 % of the trials lost", f"{found.share:.1%}")
    found = coverage(World(log_ratio=truth, heavy=True), sessions, 4)
    _say("  9 pairs, 3 % CV with outliers, 4 blocks", f"{found.share:.1%}")
    print("the same with one scatter for all: cpu 1 %, io_create 6 %, io_read 6 %, 4 blocks")
    shares = pooled(World(scatter=by_route), sessions, 4)
    _say("  9 pairs", "  ".join(f"{share:.1%}" for share in shares.values()))
    print("the same, repeated until ±10 %, 4 to 8 blocks")
    for cv in (0.02, 0.04, 0.05, 0.06, 0.08, 0.1, 0.2):
        world = World(ONE_PAIR, truth, same(cv))
        found = coverage(world, sessions, adaptive=(0.1, 4, 8))
        _say(f"  1 pair, {cv:.0%} CV", f"{found.share:.1%}   ({found.blocks:.1f} blocks)")
    world = World(ONE_PAIR, truth, same(0.1))
    found = coverage(world, sessions, adaptive=(0.1, 4, 12))
    _say("  1 pair, 10% CV, up to 12 blocks", f"{found.share:.1%}   ({found.blocks:.1f} blocks)")
    found = coverage(world, sessions, adaptive=(0.1, 4, 12), allowed_for=False)
    _say("  the same, were it not allowed for", f"{found.share:.1%}")
    world = World(log_ratio=truth, scatter=uneven)
    found = coverage(world, sessions, adaptive=(0.1, 4, 8))
    _say("  9 pairs, cells of 0.5 to 8 % CV", f"{found.share:.1%}   ({found.blocks:.1f} blocks)")
    print("95 % intervals of the effects hold the truth in")
    for what, world in (
        ("cells of 0.5 to 8 % CV", World(log_ratio=truth, scatter=uneven)),
        ("the same, 10 % of the trials lost", World(log_ratio=truth, scatter=uneven, lost=0.1)),
    ):
        _say(f"  18 cells, 4 blocks, {what}", f"{effect_coverage(world, sessions, 4):.1%}")


def _differences(sessions: int) -> None:
    print("A/A sessions that claim a difference by a pair, by an effect, by either")
    for what, scatter in (("3 % CV", same(0.03)), ("cells of 0.5 to 8 % CV", uneven)):
        for blocks in (4, 8):
            shares = claims(World(scatter=scatter), sessions, blocks, with_effects=True)
            said = "  ".join(f"{share:.1%}" for share in shares)
            _say(f"  9 pairs, {what}, {blocks} blocks", said)
    shares = claims(World(ONE_PAIR), sessions, 8, with_effects=True)
    _say("  1 pair, 3 % CV, 8 blocks", "  ".join(f"{share:.1%}" for share in shares))
    for cv in (0.04, 0.08):
        share = adaptive_claims(World(ONE_PAIR, scatter=same(cv)), sessions)
        _say(f"  1 pair, {cv:.0%} CV, repeated until ±10 %", f"{share:.1%}")
    print("a true difference of 10 % at 3 % CV, 8 blocks, is found in")
    one = World(ONE_PAIR, lambda _: math.log(1.1))
    _say("  1 pair", f"{power(one, sessions, 8, {'delay_ms': 0}):.1%}")
    at: Mapping[str, Level] = {"route": "io_read", "delay_ms": 50}
    alone = World(
        log_ratio=lambda levels: math.log(1.1) * all(levels[k] == at[k] for k in at),
    )
    _say("  9 pairs, in one of them alone", f"{power(alone, sessions, 8, at):.1%}")


def _crossovers(sessions: int) -> None:
    print("crossovers between 0 and 20 ms: within max(10 %, 0.5 ms), interval holds, trials")
    for users in (150, 10):
        for cv in (0.02, 0.03, 0.05):
            found = searches(sessions, cv, users, (0.0, 20.0))
            said = f"{found.within:.1%}  {found.covered:.1%}  {found.trials:.1f}"
            _say(f"  {cv:.0%} CV, {users} users", said)
    _say("  none there, 3 % CV: said so in", f"{nothing_there(sessions, 0.03, (0.0, 20.0)):.1%}")


def main() -> None:
    """Prints every figure."""
    sessions = int(sys.argv[1]) if sys.argv[1:] else 1000
    began_s = time.monotonic()
    print(f"{sessions} simulated sessions a line; claims at {CLAIMED:.1%}")
    _intervals(sessions)
    _differences(sessions)
    _crossovers(sessions)
    for what, value in ground_truth_goodput.lines(sessions):
        _say(what, value)
    say_percentiles(2 * sessions)
    verdicts(sessions)
    print(f"took {time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    main()
