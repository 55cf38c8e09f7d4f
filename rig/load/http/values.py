"""What stands for a word in each request: which of some values, by the request's position.

Pure. The same positions get the same values in every load worker, trial and session.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Order = Literal["in_order", "random", "per_user"]
IN_ORDER: Order = "in_order"
RANDOM: Order = "random"
PER_USER: Order = "per_user"
ORDERS = (IN_ORDER, RANDOM, PER_USER)
VERIFYING = 0
"""The position of the request that verifies a route; a load begins with the next one."""


class RanOut(Exception):
    """There are no more values; its text says of which word, and what to do."""


@dataclass(frozen=True)
class Values:
    """The values of one word. `repeats`: whether it begins again after the last."""

    word: str
    items: tuple[str | int, ...] = ()
    span: tuple[int, int] | None = None
    """Instead of items: whole numbers, the first and the last."""
    query: str = ""
    """Instead of items: asked of the seeded database, which gives them (`with_rows`)."""
    order: Order = IN_ORDER
    seed: int = 1
    repeats: bool = True

    def __len__(self) -> int:
        return self.span[1] - self.span[0] + 1 if self.span else len(self.items)

    def at(self, position: int, user: int) -> str | int:
        """The value of a request, by its position among the route's, or of a user. RanOut."""
        found = next(self.drawn(user - 1 if self.order == PER_USER else position, 1), None)
        if found is None:
            raise self.ran_out()
        return found

    @property
    def ends(self) -> bool:
        """Whether there is no value beyond the last."""
        return self.order == PER_USER or (self.order == IN_ORDER and not self.repeats)

    def drawn(self, first: int, step: int) -> Iterator[str | int]:
        """The values at every so many positions from one on, or of every so many users from 0 on.

        Ends where they run out. For who asks for many: a request costs a part of `at`.
        """
        count = len(self)
        if self.order == RANDOM:
            indices = (number % count for number in scatterings(self.seed, first, step))
        elif self.ends:
            indices = (index for index in range(first, count, step))
        else:
            indices = (position % count for position in itertools.count(first, step))
        if self.span:
            return map(self.span[0].__add__, indices)
        return map(self.items.__getitem__, indices)

    def ran_out(self) -> RanOut:
        """Says that there are no more."""
        says = (
            f": there are {len(self)}, one for each user, and more users"
            if self.order == PER_USER
            else f" ran out after {len(self)}: give more, or say `repeat: true`"
        )
        return RanOut(f"values `{self.word}`{says}")


_A, _B, _C = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_MASK = (1 << 64) - 1


def scattered(seed: int, position: int) -> int:
    """A whole number below 2⁶⁴ that looks like chance, the same for the same two numbers."""
    z = (seed * _A + position * _B) & _MASK
    z = ((z ^ (z >> 30)) * _B) & _MASK
    z = ((z ^ (z >> 27)) * _C) & _MASK
    return z ^ (z >> 31)


LANES = 32
_ONES = sum(1 << 128 * lane for lane in range(LANES))
_STEPS = sum(lane << 128 * lane for lane in range(LANES))
_MASKS = _MASK * _ONES
_WORDS = struct.Struct(f"<{2 * LANES}Q")


def scatterings(seed: int, first: int, step: int) -> Iterator[int]:
    """What `scattered` gives for every so many positions from one on, for a tenth of its cost.

    Many at a time, side by side in one long number: each has 128 bits, as many as a product needs,
    of which the upper half is cleared whenever its neighbour was shifted into it.
    """
    begin = (seed * _A & _MASK) * _ONES
    while True:
        z = (begin + (first * _ONES + step * _STEPS) * _B) & _MASKS
        z = (((z ^ (z >> 30)) & _MASKS) * _B) & _MASKS
        z = (((z ^ (z >> 27)) & _MASKS) * _C) & _MASKS
        z ^= z >> 31
        yield from _WORDS.unpack(z.to_bytes(_WORDS.size, "little"))[::2]
        first += LANES * step
