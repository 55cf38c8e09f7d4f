"""Batch means: a window's stretches, joined until neighbours tell nothing of each other. Pure."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST, FEWEST_BATCHES, MOST_BATCHES = 5, 4, 20
"""Of stretches, and of the batches that they are joined to."""


@dataclass(frozen=True)
class Batches:
    """Sums of equally many stretches each, the last of the window."""

    sums: tuple[float, ...]
    left: float
    """The correlation that neighbours keep."""

    @property
    def variance(self) -> float:
        """Of a sum, as independent ones that tell as much would have it."""
        return statistics.variance(self.sums) * (1 + self.left) / (1 - self.left)

    @property
    def df(self) -> int:
        """Its degrees of freedom."""
        return len(self.sums) - 1


def batches_of(each: Sequence[float]) -> Batches | None:
    """From stretches about 1; None where the window is too short to tell.

    Batch means (Law, Simulation Modeling and Analysis, ch. 9). The more a stretch resembles the
    one before, the longer the batches: each as many stretches as are worth an independent one,
    (1 + r) / (1 - r) of a first-order autoregression, and 4 to 20 of them (Schmeiser 1982,
    Operations Research 30). Where fewer fit, the window does not tell by how much it is off.
    Stretches left over are the first.
    """
    if len(each) < FEWEST:
        return None
    likeness = _likeness(each)
    worth = math.ceil((1 + likeness) / (1 - likeness) - 1e-9)
    length = max(worth, -(-len(each) // MOST_BATCHES))
    batches = len(each) // length
    if batches < FEWEST_BATCHES:
        return None
    used = each[len(each) - batches * length :]
    sums = tuple(sum(used[at : at + length]) for at in range(0, len(used), length))
    return Batches(sums, _between_batches(likeness, length))


def _likeness(each: Sequence[float]) -> float:
    """The correlation of neighbouring stretches, 0 to 0.99, as high as it may well be.

    The sample's is too low by (1 + 4 r) / n on average (Marriott and Pope 1954, Biometrika
    41). Added is one standard error, as what is overlooked makes an interval too narrow.
    """
    n = len(each)
    away = [one - 1 for one in each]
    square = sum(one * one for one in away)
    if square <= 1e-12 * n:
        return 0.0
    found = sum(a * b for a, b in itertools.pairwise(away)) / square
    mended = (n * found + 1) / (n - 4)
    mended += math.sqrt(max(0.0, 1 - mended * mended) / n)
    return min(0.99, max(0.0, mended))


def _between_batches(likeness: float, length: int) -> float:
    """The correlation that neighbouring batches of a first-order autoregression keep."""
    faded = 1 - likeness**length
    variance = length * (1 - likeness**2) - 2 * likeness * faded
    return likeness * faded**2 / variance
