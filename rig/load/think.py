"""How long a user of a mix thinks, and which route it asks for next. Pure."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rig.load.values import scattered
from rig.model import LengthS

Distribution = Literal["constant", "uniform", "exponential"]
_THINKING, _CHOOSING = 0x7468696E6B, 0x6D6978
"""So that what a user thinks says nothing of what it asks."""


def chance(kind: int, seed: int, user: int, turn: int) -> float:
    """A number from 0 up to 1 that looks like chance, and is the same for the same four."""
    return scattered(scattered(kind + seed, user), turn) / 2.0**64


@dataclass(frozen=True)
class Think:
    """A pause between an answer and the next request."""

    distribution: Distribution = "constant"
    least_s: LengthS = 0.0
    """Of `uniform` the shortest; else the mean, which `constant` always has."""
    most_s: LengthS = 0.0
    """Of `uniform` the longest."""

    def pause_s(self, seed: int, user: int, turn: int) -> float:
        """How long a user thinks after its request of that number."""
        if self.distribution == "constant":
            return self.least_s
        share = chance(_THINKING, seed, user, turn)
        if self.distribution == "uniform":
            return self.least_s + share * (self.most_s - self.least_s)
        return -self.least_s * math.log1p(-share)


class Choice:
    """Which of several routes a user asks for, by their weights."""

    def __init__(self, weights: Sequence[int], seed: int) -> None:
        self._edges, self._seed = tuple(itertools.accumulate(weights)), seed

    def index(self, user: int, turn: int) -> int:
        """The route of a user's request of that number."""
        share = chance(_CHOOSING, self._seed, user, turn)
        return bisect.bisect_right(self._edges, share * self._edges[-1])
