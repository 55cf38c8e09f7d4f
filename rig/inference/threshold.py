"""Where a response passes its limit along a scale, from trials that scatter. Pure.

May not know what the scale or the response is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FARTHEST = 1.0
"""A response counts up to so far from its limit; beyond that it tells the side alone."""

SLOPES = (1.5, 60.0)
"""Of the response over the scale: what it may be, alike on the log scale."""

SCATTERS = (0.009, 0.015, 0.025, 0.04, 0.06, 0.09)
"""Of the threshold between trials, as standard deviations: each as likely as the others."""

CHANCES = (0.5, 1.0, 2.0, 4.0)
"""Of the same by what a trial counts, as multiples of 1 ÷ √ of its count: alike likely, too."""

JUMP = 0.3
"""How likely it is beforehand, of either side, that the response is no line, but far at once."""

LAPSE = 0.02
"""The part of trials that something else disturbed, so that they say nothing."""

_LEVELS, _SLOPES, _ROUNDS = 61, 13, 3
_MARGIN = 0.6
_LEAST = 1e-4


@dataclass(frozen=True)
class Reading:
    """One trial: the response less its limit, `excess`, at a place `at` of the scale."""

    at: float
    excess: float
    counted: int | None = None
    """Events that it rests on, which come and last by chance; None: so many that they tell all."""


@dataclass(frozen=True)
class Threshold:
    """Its median, and the interval that holds it with 95 %."""

    at: float
    low: float
    high: float

    @property
    def reach(self) -> float:
        """Half of the interval's width."""
        return (self.high - self.low) / 2


def threshold(readings: Sequence[Reading], between: tuple[float, float]) -> Threshold:
    """The posterior of one group's threshold, which may lie a little beyond the ends.

    In each trial the response passes the limit at a threshold of the trial's own; these scatter
    about the one that is sought. On either side of it the response is a straight line, with a slope
    of that side's own, or is at once far from the limit. Slopes and scatter are not known and
    integrated out on a grid, as psychometric procedures do (Kontsevich and Tyler 1999, Vision
    Research 39), with their lapses (Wichmann and Hill 2001, Perception & Psychophysics 63). What
    lies beyond `FARTHEST` is censored (Tobin 1958, Econometrica 26).
    """
    import numpy as np

    first, last = between[0] - _MARGIN, between[1] + _MARGIN
    for turn in itertools.count(1):
        grid = np.linspace(first, last, _LEVELS)
        weights = _weights(readings, grid)
        if turn == _ROUNDS:
            break
        held = np.flatnonzero(weights > _LEAST * weights.max())
        step = float(grid[1] - grid[0])
        first, last = float(grid[held[0]]) - step, float(grid[held[-1]]) + step
    below = np.cumsum(weights) - weights / 2
    low, at, high = (float(np.interp(share, below, grid)) for share in (0.025, 0.5, 0.975))
    return Threshold(at, low, high)


def _weights(readings: Sequence[Reading], grid: Any) -> Any:
    """How likely each level of the grid is to be the threshold; their sum is 1."""
    import numpy as np

    logs = sum(
        _side([one for one in readings if (one.excess > 0) is above], grid)
        for above in (False, True)
    )
    weights = np.exp(logs - logs.max()).sum(axis=1)
    return weights / weights.sum()


def _side(readings: Sequence[Reading], grid: Any) -> Any:
    """The log of the likelihood of all readings on one side of the limit, by level and scatter."""
    import numpy as np

    spreads = len(SCATTERS) * len(CHANCES)
    line = np.full((len(grid), _SLOPES, spreads), math.log((1 - JUMP) / _SLOPES))
    jump = np.full((len(grid), 1, spreads), math.log(JUMP))
    for one in readings:
        away = one.at - grid[:, None, None]
        scatter = _scatter(one)
        line += _or_lapsed(one, _by_line(one, away, scatter))
        jump += _or_lapsed(one, _by_jump(one, away, scatter))
    return np.logaddexp.reduce(np.concatenate([line, jump], axis=1), axis=1)


def _scatter(one: Reading) -> Any:
    """Of the trial's own threshold: each scatter between trials with each one by chance."""
    import numpy as np

    by_chance = (
        np.array(CHANCES) / math.sqrt(one.counted) if one.counted else np.zeros(len(CHANCES))
    )
    return np.hypot(np.array(SCATTERS)[:, None], by_chance).reshape(1, 1, -1)


def _by_line(one: Reading, away: Any, scatter: Any) -> Any:
    """The log of the likelihood of a reading so far above each level, by slope and scatter."""
    import numpy as np
    from scipy.special import log_ndtr

    slope = np.geomspace(*SLOPES, _SLOPES)[None, :, None]
    spread = slope * scatter
    if abs(one.excess) >= FARTHEST:
        side = math.copysign(1.0, one.excess)
        return log_ndtr((side * slope * away - FARTHEST) / spread)
    off = (one.excess - slope * away) / spread
    return -(off**2) / 2 - np.log(spread * math.sqrt(2 * math.pi))


def _by_jump(one: Reading, away: Any, scatter: Any) -> Any:
    """The same, by scatter: of a response that is nowhere near its limit."""
    import numpy as np
    from scipy.special import log_ndtr

    if abs(one.excess) < FARTHEST:
        return -np.inf
    return log_ndtr(math.copysign(1.0, one.excess) * away / scatter)


def _or_lapsed(one: Reading, likely: Any) -> Any:
    """The same, where something else may have disturbed the trial."""
    import numpy as np

    by_chance = 1 / 3 if abs(one.excess) >= FARTHEST else 1 / 3 / (2 * FARTHEST)
    return np.logaddexp(math.log1p(-LAPSE) + likely, math.log(LAPSE * by_chance))
