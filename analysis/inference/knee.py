"""Where goodput stops growing with users: two lines with a hinge, by least squares. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 8
"""So many different numbers of users are needed to see a bend."""

LEAST_F = 16.0
"""By so much must the hinge be better than the straight line: the F statistic of its one more
slope. Far above an F test's 1 %, since the best of all places is taken; on straight ramps with
scatter in proportion at most 3 in 100 reach it, as the test simulates."""

FLATTER = 0.5
"""And its second line must rise less than this share as steeply as the first."""

_TINY = 1e-12


@dataclass(frozen=True)
class Knee:
    """The bend, in users, and the goodput there; `after` ÷ `before`: slopes in answers/s a user."""

    users: float
    rps: float
    before: float
    after: float


def knee(users: Sequence[float], rps: Sequence[float]) -> Knee | None:
    """The knee of goodput over users; None where there is none to see.

    A segmented regression with one unknown break (Hinkley 1969, Biometrika 56), its place found
    by trying every number of users seen.
    """
    places = sorted(set(users))
    if len(places) < FEWEST:
        return None
    x, y = np.array(users, dtype=float), np.array(rps, dtype=float)
    straight, _ = _fit(x, y, None)
    tried = [(*_fit(x, y, place), place) for place in places[2:-2]]
    error, line, place = min(tried, key=lambda one: one[0])
    base, before, more = line
    after = before + more
    f = (straight - error) / max(error, _TINY) * (len(users) - 3)
    if f < LEAST_F or before <= 0 or after > FLATTER * before:
        return None
    return Knee(place, base + before * place, before, after)


def _fit(
    x: np.ndarray[tuple[int], np.dtype[np.float64]],
    y: np.ndarray[tuple[int], np.dtype[np.float64]],
    place: float | None,
) -> tuple[float, list[float]]:
    columns = [np.ones_like(x), x]
    if place is not None:
        columns.append(np.maximum(0.0, x - place))
    design = np.column_stack(columns)
    found = np.linalg.lstsq(design, y, rcond=None)[0]
    error = float(((design @ found - y) ** 2).sum())
    return error, [float(value) for value in found]
