"""Goodput: correct answers per second of a steady window. The rule, once, for rig and analysis.

Seen as work: an answer ends work that began at the answer before it. Pure; times are seconds.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FEW = 100
"""Below so many answers (or clumps of them) the window's edges cost more than 1 %."""

APART = 5.0
"""Clumps are clumps where they are so many times farther apart than the widest is wide."""

OUTAGE = 2.0
"""A silence of so many gaps is no part of the rhythm."""


@dataclass(frozen=True)
class Group:
    """Correct answers that were counted together: how many, when the first and the last came."""

    count: int
    first_s: float
    last_s: float


@dataclass(frozen=True)
class WorkDone:
    """The work done in a window, in answers: straight lines between points.

    `times_s` ascends from the window's begin to its end; `done` is the work at each time.
    `pieces`: the answers, or the clumps that they came in. `size`: answers to a piece.
    `rhythm`: whether each piece has a point of its own, and neither edge is an outage.
    """

    times_s: tuple[float, ...]
    done: tuple[float, ...]
    pieces: int
    size: float
    rhythm: bool

    @property
    def answers(self) -> float:
        """The work of the whole window."""
        return self.done[-1] - self.done[0]


def goodput_of(groups: Iterable[Group], begin_s: float, end_s: float) -> tuple[float | None, str]:
    """Correct answers per second in a window, and the method: window or edges.

    Window: their number ÷ its length. Edges, of few: the work in it ÷ its length, see
    `progress`. None where the sample carries no rate.
    """
    kept = tuple(groups)
    successes, window_s = sum(group.count for group in kept), end_s - begin_s
    if successes < 2 or window_s <= 0:
        return None, ""
    found = progress(kept, begin_s, end_s)
    if found is None or found.pieces >= FEW:
        return successes / window_s, "window"
    return found.answers / window_s, "edges"


def progress(groups: Iterable[Group], begin_s: float, end_s: float) -> WorkDone | None:
    """The work done in a window, from its correct answers; None of fewer than two pieces.

    Between first and last answer it is their number. At either edge the silence counts as a
    share of the gap beside it, one at most (`_share`). For a regular train this is the rate
    of its gaps, (k - 1) ÷ (last - first), wherever the window begins; the gap that holds an
    edge is the renewal process's recurrence time (Cox, Renewal Theory, 1962, ch. 5). Each
    answer that is taken away lowers it by one, and raises a share by one at most: losing
    answers never raises it.
    """
    joined = _joined(sorted(groups, key=lambda group: group.first_s), 0.0)
    clumps = _clumps(joined)
    size = float(statistics.median_low([c.count for c in clumps])) if clumps else 1.0
    points = _of_clumps(clumps, size) if clumps else _of_answers(joined)
    if len(points) < 2:
        return None
    (first_s, first), (second_s, second) = points[:2]
    (before_s, before), (last_s, last) = points[-2:]
    start = _share(first_s - begin_s, (second_s - first_s) / (second - first) * size)
    end = _share(end_s - last_s, (last_s - before_s) / (last - before) * size)
    half = size / 2
    times_s, done = zip(*points, strict=True)
    return WorkDone(
        (begin_s, *times_s, end_s),
        (
            first - (half if start is None else size * start),
            *done,
            last + (half if end is None else size * end),
        ),
        len(clumps) if clumps else sum(group.count for group in joined),
        size,
        None not in (start, end) and (bool(clumps) or all(g.count <= 2 for g in joined)),
    )


def _share(silent_s: float, gap_s: float) -> float | None:
    """How much of a piece's work lies in the silence at an edge, told by the gap beside it.

    None of an outage, a silence of more than two gaps: it tells nothing of the rhythm.
    """
    if gap_s <= 0 or silent_s > OUTAGE * gap_s:
        return None
    return min(1.0, max(0.0, silent_s / gap_s))


def _joined(groups: Iterable[Group], gap_s: float) -> list[Group]:
    """Groups in time, those that are no farther apart than a gap as one."""
    found: list[Group] = []
    for group in groups:
        if found and group.first_s - found[-1].last_s <= gap_s:
            one = found.pop()
            last_s = max(one.last_s, group.last_s)
            group = Group(one.count + group.count, one.first_s, last_s)
        found.append(group)
    return found


def _width(groups: Iterable[Group]) -> float:
    return max((group.last_s - group.first_s for group in groups), default=0.0)


def _clumps(groups: Sequence[Group]) -> list[Group]:
    """The clumps that answers came in, far apart for their width; none where they are not so.

    The recorder counts by the second, so that a second's end may part a clump: what is no
    farther apart than the widest group is wide is one. Answers of which no second holds two
    are clumps of one.
    """
    found = _joined(groups, _width(groups))
    if len(found) < 2:
        return []
    apart_s = min(b.first_s - a.last_s for a, b in itertools.pairwise(found))
    return found if apart_s > APART * _width(found) else []


def _of_clumps(clumps: Sequence[Group], size: float) -> list[tuple[float, float]]:
    """(time, answers until then) at each clump's first, from the first whole one to the last.

    A clump of less than half the usual size is one that an edge has cut, or a stray. Of a last
    one that is cut by less, the work is done.
    """
    whole = [index for index, clump in enumerate(clumps) if 2 * clump.count >= size]
    used = clumps[whole[0] : whole[-1] + 1]
    counts = [*(clump.count for clump in used[:-1]), max(used[-1].count, size)]
    return list(zip((clump.first_s for clump in used), itertools.accumulate(counts), strict=True))


def _of_answers(groups: Iterable[Group]) -> list[tuple[float, float]]:
    """(time, answers until then) at each group's first and last answer."""
    points: list[tuple[float, float]] = []
    done = 0
    for group in groups:
        points.append((group.first_s, done + 1.0))
        done += group.count
        if group.count > 1:
            points.append((group.last_s, float(done)))
    return points
