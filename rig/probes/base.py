"""What every probe is to the sampler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

Cell = float | int | str | None
Row = Sequence[Cell]
OnSample = Callable[[str, Sequence[Row]], None]
"""Who looks on: is told a probe's name and the rows of one moment, in that probe's thread.

Returns at once, and raises nothing.
"""


def to_nobody(_probe: str, _rows: Sequence[Row]) -> None:
    """An `OnSample`: nobody looks on."""


class Probe(Protocol):
    """Looks at one thing. `rig.evidence.probes.COLUMNS` has the columns of the file `name`."""

    name: str

    def sample(self, at_s: float) -> Iterable[Row]:
        """The rows of one moment, on CLOCK_MONOTONIC. Any exception is a sample that failed."""
        ...

    def rest(self) -> Iterable[Row]:
        """Rows that can only be told at the end."""
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...


class Simple:
    """A probe that tells everything at once and holds nothing."""

    def rest(self) -> Iterable[Row]:
        """None."""
        return ()

    def close(self) -> None:
        """Holds nothing."""
