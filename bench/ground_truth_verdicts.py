"""What reports conclude, against ground truth: of simulated sessions, how many say something false.

Each function gives a share of sessions. `bench/ground_truth.py` prints them with the rest; alone:
.venv/bin/python -m bench.ground_truth_verdicts [SESSIONS]
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

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
from rig.inference.crossover import Crossover, Outcome, crossover, next_level
from rig.inference.ratio_line import Point
from rig.model import Level

BOUND = Bound("target", "async", "sync", at_least=2.0)
MOST = 0.05
"""Of sessions may say something false, in every condition named here; of searches where pairs of
trials scatter by 10 % CV each, 8 % do, which docs/method.md says."""


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


def says(world: Claimed, sessions: int, judgements: Sequence[str] = (*FOR, *AGAINST)) -> float:
    """The share of sessions in which some pair is so judged."""
    said = 0
    for seed in range(sessions):
        found = pairs(world.observations(random.Random(seed)), "target", "async", "sync")
        answer = judge_claim(found, BOUND)
        said += any(one.judgement in judgements for one in answer.pairs)
    return said / sessions


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


def compared(world: Versions, comparisons: int, word: str) -> float:
    """The share of comparisons that say `word` of some cell; of the first, where it changed."""
    said = [world.words(random.Random(seed)) for seed in range(comparisons)]
    return statistics.fmean(word in (one if world.change == 1 else one[:1]) for one in said)


# crossovers


@dataclass(frozen=True)
class Curve:
    """The log ratio along a factor from 0 to 20, and where it passes 1: once, or not at all.

    `truths`: outcomes that say nothing false where it does not pass once.
    """

    log_ratio: Callable[[float], float]
    passes_at: float | None = None
    truths: tuple[Outcome, ...] = ()

    def is_false(self, found: Crossover) -> bool:
        """Whether an answer says what is not so."""
        if self.passes_at is None:
            return found.outcome not in self.truths
        if found.outcome in (Outcome.FOUND, Outcome.BRACKET):
            assert found.low is not None
            assert found.high is not None
            return not found.low <= self.passes_at <= found.high
        if found.outcome is Outcome.NONE and found.low is not None and found.high is not None:
            return not found.low <= self.passes_at <= found.high
        return found.outcome in (Outcome.NONE, Outcome.SEVERAL)


BETWEEN = (0.0, 20.0)


def line(chance: random.Random) -> Curve:
    """A synchronous worker against something steady."""
    s0_ms, n, at = chance.uniform(1, 10), chance.choice([1, 2, 7, 8]), chance.uniform(0.3, 18)
    return Curve(lambda ms: math.log((s0_ms + n * ms) / (s0_ms + n * at)), at)


def step(chance: random.Random) -> Curve:
    """A threshold: up to it one is ahead by some factor, beyond it the other."""
    at, jump = chance.uniform(0.5, 19.5), math.log(chance.uniform(1.2, 2))
    return Curve(lambda ms: jump if ms > at else -jump, at)


def falling(chance: random.Random) -> Curve:
    """The inverse of a bent line: it grows up to some delay, and not from there on."""
    s0_ms, n, at = chance.uniform(1, 10), chance.choice([1, 2, 7, 8]), chance.uniform(1, 10)
    bend = at * chance.uniform(1.2, 2)
    return Curve(lambda ms: -math.log((s0_ms + n * min(ms, bend)) / (s0_ms + n * at)), at)


def equal(_chance: random.Random) -> Curve:
    """The same curve twice."""
    return Curve(lambda _: 0.0, None, (Outcome.OPEN,))


def hump(chance: random.Random) -> Curve:
    """One is ahead at both ends, the other about the middle."""
    sign = chance.choice([-1, 1])
    low, high = math.log(chance.uniform(1.3, 2)), math.log(chance.uniform(1.3, 2))
    wide = chance.uniform(6, 12)

    def log_ratio(ms: float) -> float:
        return sign * (high if abs(ms - 10) < wide / 2 else -low)

    return Curve(log_ratio, None, (Outcome.SEVERAL, Outcome.OPEN))


def ahead(chance: random.Random) -> Curve:
    """One is ahead throughout, by 1.3 to 3."""
    by, slope = chance.uniform(1.3, 3), chance.uniform(0, 0.5)
    return Curve(lambda ms: math.log(by + slope * ms), None, (Outcome.NONE, Outcome.OPEN))


CURVES: Mapping[str, Callable[[random.Random], Curve]] = {
    "straight lines": line,
    "bent lines": falling,
    "steps": step,
    "equal curves": equal,
    "humps": hump,
    "one ahead throughout": ahead,
}


def searched(curve: Curve, chance: random.Random, cv: float) -> Crossover:
    """The answer of one search; a pair of trials scatters by √2 of one."""
    points: tuple[Point, ...] = ()
    while (at := next_level(points, BETWEEN)) is not None:
        points += (Point(at, curve.log_ratio(at) + chance.gauss(0, cv * math.sqrt(2))),)
    return crossover(points, BETWEEN)


@dataclass(frozen=True)
class Searches:
    """Shares of searches."""

    false: float
    outcomes: Mapping[str, float]


def searches(kind: str, count: int, cv: float) -> Searches:
    """Of curves of one kind."""
    false, outcomes = 0, Counter[str]()
    for seed in range(count):
        chance = random.Random(seed)
        curve = CURVES[kind](chance)
        found = searched(curve, chance, cv)
        false += curve.is_false(found)
        outcomes[found.outcome.value] += 1
    return Searches(false / count, {word: n / count for word, n in outcomes.most_common()})


def _say(what: str, value: str) -> None:
    print(f"{what:<72} {value}", flush=True)


def _claims(sessions: int) -> None:
    print("sessions that call a pair decided or indicated whose ratio is the bound itself")
    worlds = {
        f"{asked} pairs, {blocks} run{'s' * (blocks > 1)}, {cv:.0%} CV{heavy * ', outliers'}":
            Claimed(asked, blocks, cv, heavy=heavy)
        for asked, blocks in ((1, 1), (9, 1), (27, 1), (9, 2), (9, 4))
        for cv, heavy in ((0.05, False), (0.15, False), (0.15, True))
    }  # fmt: skip
    for what, world in worlds.items():
        _say(f"  {what}", f"{says(world, sessions):.1%}")
    print("sessions that find a pair beyond the bound, 4 repeats, 5 % CV, true ratio 10")
    world = Claimed(9, 4, 0.05, 10.0)
    for failed in (0.0, 0.04, 0.06, 0.9):
        found = says(replace(world, async_failed=failed), sessions, FOR)
        _say(f"  9 pairs, async fails {failed:.0%} of its answers", f"{found:.1%}")


def _versions(comparisons: int) -> None:
    print("comparisons that call a cell slower though none is; no regression though it is ÷ 1.6")
    for sessions, blocks in ((1, 1), (1, 8), (2, 4), (3, 4), (4, 8)):
        for heavy in (False, True):
            for cv in (0.03, 0.15):
                world = Versions(sessions, blocks, cv=cv, heavy=heavy)
                slower = compared(world, comparisons, SLOWER)
                missed = compared(replace(world, change=1 / 1.6), comparisons, NO_REGRESSION)
                what = f"{sessions} × {blocks}, {cv:.0%} CV{', outliers' * heavy}"
                _say(f"  sessions × blocks {what}", f"{slower:.1%}  {missed:.1%}")
    print("comparisons that find every cell without a regression, and one of 3 times slower")
    for sessions in (1, 2, 3, 4):
        same, third = Versions(sessions, 4), Versions(sessions, 4, change=1 / 3)
        fine = statistics.fmean(
            set(same.words(random.Random(seed))) <= {NO_REGRESSION, "faster"}
            for seed in range(comparisons)
        )
        _say(f"  {sessions} sessions of 4 blocks, 3 % CV",
             f"{fine:.1%}  {compared(third, comparisons, SLOWER):.1%}")  # fmt: skip


def _crossovers(count: int) -> None:
    print("searches that say something false; what they say")
    for kind in CURVES:
        for cv in (0.03, 0.05, 0.1):
            found = searches(kind, count, cv)
            said = ", ".join(f"{word} {share:.0%}" for word, share in found.outcomes.items())
            _say(f"  {kind}, {cv:.0%} CV", f"{found.false:.1%}   {said}")


def verdicts(sessions: int) -> None:
    """Prints every figure, of half to a fifth of as many sessions."""
    _claims(sessions // 2)
    _versions(sessions // 5)
    _crossovers(sessions // 4)


if __name__ == "__main__":
    began_s = time.monotonic()
    verdicts(int(sys.argv[1]) if sys.argv[1:] else 1000)
    print(f"took {time.monotonic() - began_s:.0f} s")
