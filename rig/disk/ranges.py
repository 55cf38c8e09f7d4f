"""Sets of sequence numbers as ranges: what they have in common is counted, never listed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

Edge = tuple[int, int]
"""A number, and one behind the last of those that follow it."""
Keep = Callable[[bool, bool], bool]
"""Whether a number is wanted that is, or is not, among ours and theirs."""


class Ranges:
    """Numbers of several load workers, by ranges that neither touch nor overlap."""

    def __init__(self, ranges: Iterable[tuple[str, int, int]] = ()) -> None:
        """Of (load worker, first, last), both ends in it; they may overlap."""
        found: dict[str, list[Edge]] = {}
        for worker, first, last in ranges:
            if first <= last:
                found.setdefault(worker, []).append((first, last + 1))
        self._edges = {worker: _joined(edges) for worker, edges in found.items()}

    def __and__(self, other: Ranges) -> Ranges:
        return self._with(other, lambda ours, theirs: ours and theirs)

    def __sub__(self, other: Ranges) -> Ranges:
        return self._with(other, lambda ours, theirs: ours and not theirs)

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return sum(end - begin for edges in self._edges.values() for begin, end in edges)

    def _with(self, other: Ranges, keep: Keep) -> Ranges:
        made = Ranges()
        for worker, edges in self._edges.items():
            made._edges[worker] = _merged(edges, other._edges.get(worker, []), keep)
        return made


def _joined(edges: list[Edge]) -> list[Edge]:
    joined: list[Edge] = []
    for begin, end in sorted(edges):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _merged(ours: list[Edge], theirs: list[Edge], keep: Keep) -> list[Edge]:
    """One walk over all ends of both: between two of them nothing changes."""
    ends = sorted(
        [(at, 0, step) for edge in ours for at, step in zip(edge, (1, -1), strict=True)]
        + [(at, 1, step) for edge in theirs for at, step in zip(edge, (1, -1), strict=True)]
    )
    within = [0, 0]
    found: list[Edge] = []
    for (at, side, step), (until, _, _) in pairwise([*ends, (0, 0, 0)]):
        within[side] += step
        if until > at and keep(within[0] > 0, within[1] > 0):
            found.append((at, until))
    return _joined(found)
