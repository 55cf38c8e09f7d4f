"""How long a user of a mix thinks, and which route it asks for next. Pure."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rig.load.http.values import LANES, scattered, scatterings
from rig.model import LengthS

Distribution = Literal["constant", "uniform", "exponential"]
_THINKING, _CHOOSING = 0x7468696E6B, 0x6D6978
"""So that what a user thinks says nothing of what it asks."""


def _chances(kind: int, seed: int, user: int, first: int, step: int) -> Iterator[float]:
    """Numbers from 0 up to 1 that look like chance: a user's, of every so many turns from one on.

    The same for the same kind, seed, user and turn.
    """
    return (number / 2.0**64 for number in scatterings(scattered(kind + seed, user), first, step))


@dataclass(frozen=True)
class Think:
    """A pause between an answer and the next request."""

    distribution: Distribution = "constant"
    least_s: LengthS = 0.0
    """Of `uniform` the shortest; else the mean, which `constant` always has."""
    most_s: LengthS = 0.0
    """Of `uniform` the longest."""

    @property
    def mean_s(self) -> float:
        """How long a user thinks on average."""
        uniform = self.distribution == "uniform"
        return (self.least_s + self.most_s) / 2 if uniform else self.least_s

    def pauses_s(self, seed: int, user: int) -> Iterator[float]:
        """How long a user thinks after each of its requests, without end."""
        if self.distribution == "constant":
            return itertools.repeat(self.least_s)
        shares = _chances(_THINKING, seed, user, 0, 1)
        if self.distribution == "uniform":
            return (self.least_s + share * (self.most_s - self.least_s) for share in shares)
        return (-self.least_s * math.log1p(-share) for share in shares)


class Choice:
    """Which of several routes a user asks for, by their weights."""

    def __init__(self, weights: Sequence[int], seed: int) -> None:
        self._edges, self._seed = tuple(itertools.accumulate(weights)), seed

    def indices(self, user: int, first: int, step: int) -> Iterator[int]:
        """The routes of every so many of a user's requests from one on."""
        edges, most = self._edges, self._edges[-1]
        shares = _chances(_CHOOSING, self._seed, user, first, step)
        while True:  # many at a time cost less than each between two requests
            ahead = itertools.islice(shares, LANES)
            yield from [bisect.bisect_right(edges, share * most) for share in ahead]

    def index(self, user: int, turn: int) -> int:
        """The route of a user's request of that number."""
        return next(self.indices(user, turn, 1))
