"""Published percentiles against simulated loads, whose requests are followed to their ends.

What is printed comes from the files of each load, by the code that reads a real session's.
"""

from __future__ import annotations

import math
import random
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from analysis.summaries.measures import PERCENTS, TrialMeasures, percentile_bounds_ms
from analysis.summaries.trials import measure, read_load
from bench.truth.conditions import Condition, Figure, Part, Promise, at_least
from bench.truth.queues import FIFO, LIFO, RANDOM, Served, record, simulate, truth_s
from rig.record import LoadFacts, Record

WITHIN = 0.05
BUCKET = 0.001
"""What a histogram rounds to."""


@dataclass(frozen=True)
class Judged:
    """What was published of one load, and whether it may be believed."""

    served: Served
    measures: TrialMeasures
    truths_ms: Mapping[int, float]

    @property
    def points(self) -> Mapping[int, float]:
        """The percentiles that were published as numbers, in ms."""
        bounds = {percent: percentile_bounds_ms(self.measures, percent) for percent in PERCENTS}
        return {
            percent: lower
            for percent, (lower, upper) in bounds.items()
            if lower is not None and lower == upper
        }

    @property
    def wrong(self) -> Mapping[int, float]:
        """The true value of each number more than 5 % off, and of each bound on its wrong side."""
        return {
            percent: true_ms
            for percent, true_ms in self.truths_ms.items()
            if not _fits(*percentile_bounds_ms(self.measures, percent), true_ms)
        }


def _fits(lower_ms: float | None, upper_ms: float | None, true_ms: float) -> bool:
    if lower_ms is None:
        return True
    if lower_ms == upper_ms:
        return math.isfinite(true_ms) and abs(lower_ms / true_ms - 1) <= WITHIN
    above = upper_ms is None or true_ms <= upper_ms * (1 + BUCKET)
    return lower_ms <= true_ms * (1 + BUCKET) and above


def judged(served: Served, seed: int) -> Judged:
    """Simulates a load, writes its files, reads them."""
    requests = simulate(served, random.Random(seed))
    with tempfile.TemporaryDirectory() as scratch:
        attempt = Path(scratch)
        record(requests, served, attempt / "load")
        load = LoadFacts(ramp_s=served.ramp_s, duration_s=served.end_s, complete=True)
        files, note = read_load(attempt, Record("", 1, "", {}, "", "", load=load))
        assert not note, note
        truths = {percent: 1000 * truth_s(requests, served, percent / 100) for percent in PERCENTS}
        return Judged(served, measure(files, load), truths)


def drawn(chance: random.Random) -> Served:
    """Any load: utilisation 0.3 to 1.5, window of 0.3 to 20 rounds, any discipline, a stall or not.

    A round: every user (or as many arrivals) served once.
    """
    users = round(math.exp(chance.uniform(math.log(5), math.log(150))))
    utilisation = chance.uniform(0.3, 1.5)
    rounds = math.exp(chance.uniform(math.log(0.3), math.log(20)))
    window_s = chance.uniform(4, 20)
    service_s = window_s / rounds / users
    is_open, saturated = chance.random() < 0.5, chance.random() < 0.5
    think_s = 0.0 if saturated else max(0.0, users * service_s / utilisation - service_s)
    ramp_s = float(chance.randint(1, 5))
    stalls = chance.random() < 0.5
    return Served(
        service_s=service_s,
        window_s=window_s,
        users=0 if is_open else users,
        think_s=0.0 if is_open else think_s,
        per_s=utilisation / service_s if is_open else 0.0,
        most_in_flight=chance.choice([users, 10 * users, 10**9]),
        discipline=chance.choice([FIFO, LIFO, RANDOM]),
        regular=chance.random() < 0.5,
        ramp_s=ramp_s,
        stall_at_s=ramp_s + chance.uniform(0, window_s) if stalls else math.inf,
        stall_s=chance.uniform(0.05, 0.5) * window_s if stalls else 0.0,
    )


@dataclass(frozen=True)
class Checked:
    """A load of any kind, and what of its published percentiles is right."""

    kinds: tuple[str, ...]
    """What it is: its model and discipline, a stall or not, the state of its response times."""
    points: int
    """Percentiles that were published as numbers."""
    off: int
    """Of these, those more than 5 % off."""
    wrong: tuple[str, ...]
    """What is wrong: numbers that are off, and bounds on their wrong side."""


def checked(seed: int) -> Checked:
    """Any load, by its seed."""
    one = judged(drawn(random.Random(seed)), seed)
    served, state = one.served, one.measures.response_state
    kind = f"{'closed' if served.users else 'open'}, {served.discipline}"
    wrong = (f"p{p} {'number' if p in one.points else 'bound'}, {kind}" for p in one.wrong)
    return Checked(
        (kind, "with a stall" if served.stall_s else "without", f"state {state}"),
        len(one.points),
        sum(percent in one.wrong for percent in one.points),
        tuple(wrong),
    )


def right(found: Sequence[Checked]) -> Figure:
    """The share of loads of which nothing is wrong; how many percentiles are numbers."""
    shown = f"{_right(found):.2%}  numbers {_points(found):.0%}  off {_off(found):.2%}"
    return Figure(_right(found), shown, tuple(_by_kind(found)))


def _by_kind(found: Sequence[Checked]) -> Iterator[str]:
    for kind in sorted({kind for one in found for kind in one.kinds}):
        those = [one for one in found if kind in one.kinds]
        right = f"{_right(those):.2%} right, {_points(those):.0%} numbers"
        yield f"{kind:<18} {len(those):>5} loads, {right}"
    for what, count in Counter(what for one in found for what in one.wrong).most_common():
        yield f"{count} × {what}"


def _right(found: Sequence[Checked]) -> float:
    return statistics.fmean(not one.wrong for one in found)


def _points(found: Sequence[Checked]) -> float:
    return sum(one.points for one in found) / len(found) / len(PERCENTS)


def _off(found: Sequence[Checked]) -> float:
    return sum(one.off for one in found) / max(1, sum(one.points for one in found))


AUDITED: Mapping[str, Served] = {
    **{
        f"closed, 150 users, 12 s, FIFO, {ms} ms": Served(
            ms / 1000, 12.0, users=150, ramp_s=3.0, regular=True
        )
        for ms in (20, 60, 80, 105)
    },
    "closed, 150 users, 12 s, LIFO, 60 ms": Served(0.06, 12.0, users=150, discipline=LIFO),
    "closed, 150 users, 12 s, random, 20 ms": Served(0.02, 12.0, users=150, discipline=RANDOM),
    "open, load 0.6, a stall of 3 s, some dropped": Served(
        0.006, 30.0, per_s=100.0, most_in_flight=190, stall_at_s=12.0, stall_s=3.0
    ),
    "open, load 1.2": Served(0.01, 12.0, per_s=120.0),
    "open, load 1.2, as many in flight as may be": Served(
        0.01, 12.0, per_s=120.0, most_in_flight=40
    ),
}
"""The loads of which an audit found wrong numbers, and their neighbours."""


def _published(measures: TrialMeasures, percent: int) -> str:
    lower, upper = percentile_bounds_ms(measures, percent)
    if lower is None:
        return "none"
    return f"{lower:.0f}" if lower == upper else f"> {lower:.0f}"


@dataclass(frozen=True)
class Audited:
    """How many of its percentiles are wrong; and all, in words."""

    wrong: int
    shown: str


def audited(name: str, seed: int) -> Audited:
    """One of the audit's loads."""
    one = judged(AUDITED[name], seed + 1)
    said = " ".join(_published(one.measures, percent) for percent in PERCENTS)
    true = " ".join(f"{true_ms:.0f}" for true_ms in one.truths_ms.values())
    return Audited(len(one.wrong), f"{said}  true {true}  {one.measures.response_state}")


def as_audited(found: Sequence[Audited]) -> Figure:
    """Of one load."""
    (one,) = found
    return Figure(one.wrong, one.shown)


NOTHING = Promise("none wrong", high=0)

PARTS: Sequence[Part] = (
    Part(
        "p50, p95, p99 in ms",
        "published; true; state",
        tuple(Condition(name, partial(audited, name), as_audited, 1, NOTHING) for name in AUDITED),
    ),
    Part(
        "percentiles of 2,000 loads of any kind: numbers within 5 %, bounds on their side",
        "nothing wrong",
        (
            Condition(
                "utilisation 0.3 to 1.5, 0.3 to 20 rounds", checked, right, 2000, at_least(0.99)
            ),
        ),
    ),
)
