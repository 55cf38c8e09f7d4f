"""Conditions that are simulated over and over, and what each has to come to.

A condition is simulated by the seed, so that it gives the same in any number of processes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Promise:
    """What a number has to be."""

    words: str
    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        """Whether it is."""
        return self.low <= value <= self.high


def between(low: float, high: float) -> Promise:
    """A share, of 1."""
    return Promise(f"{100 * low:g} to {100 * high:g} %", low, high)


def at_most(high: float) -> Promise:
    """A share, of 1."""
    return Promise(f"at most {100 * high:g} %", high=high)


def at_least(low: float) -> Promise:
    """A share, of 1."""
    return Promise(f"at least {100 * low:g} %", low)


@dataclass(frozen=True)
class Figure:
    """What came of a condition: the number that a promise is about, and all that is shown."""

    value: float
    shown: str
    more: Sequence[str] = ()
    """Lines of what it is made of."""


@dataclass(frozen=True)
class Condition(Generic[T]):
    """What is simulated `times` times, and the figure that comes of all of them."""

    name: str
    once: Callable[[int], T]
    """One simulation, by its seed. What it gives can be sent to another process."""
    figure: Callable[[Sequence[T]], Figure]
    times: int
    promise: Promise | None = None
    limit: Promise | None = None
    """Why the promise is not kept here, and how far it may be missed."""

    def chunks(self, share: float, most: int) -> list[range]:
        """The seeds of a share of the simulations, in about `most` parts."""
        times = max(1, round(share * self.times))
        size = -(-times // most)
        return [range(at, min(at + size, times)) for at in range(0, times, size)]

    def run(self, seeds: Iterable[int]) -> list[T]:
        """Simulates with each seed."""
        return [self.once(seed) for seed in seeds]


@dataclass(frozen=True)
class Part:
    """A table: conditions of one kind. `shown`: what their figures show."""

    name: str
    shown: str
    conditions: Sequence[Condition[Any]]


def share(found: Iterable[bool]) -> Figure:
    """Of all simulations."""
    value = statistics.fmean(found)
    return Figure(value, f"{value:.1%}")


def share_of_all(found: Iterable[Sequence[bool]]) -> Figure:
    """Of all that all simulations gave."""
    return share(one for each in found for one in each)
