"""What stands for a word in each request: which of some values, by the request's position.

Pure. The same positions get the same values in every load worker, trial and session.
"""

from __future__ import annotations

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
        count = len(self)
        if self.order == RANDOM:
            index = scattered(self.seed, position) % count
        else:
            index = user - 1 if self.order == PER_USER else position
            if index >= count:
                if self.order == PER_USER or not self.repeats:
                    raise RanOut(self._says())
                index %= count
        return self.span[0] + index if self.span else self.items[index]

    def _says(self) -> str:
        count = len(self)
        if self.order == PER_USER:
            return f"values `{self.word}`: there are {count}, one for each user, and more users"
        return f"values `{self.word}` ran out after {count}: give more, or say `repeat: true`"


def scattered(seed: int, position: int) -> int:
    """A whole number below 2⁶⁴ that looks like chance, the same for the same two numbers."""
    mask = (1 << 64) - 1
    z = (seed * 0x9E3779B97F4A7C15 + position * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)
