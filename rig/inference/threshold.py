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

JUMP = 0.3
"""How likely it is beforehand that the response is no line, and jumps to the other side."""

LAPSE = 0.02
"""The part of trials that something else disturbed, so that they say nothing."""

_LEVELS, _SLOPES, _ROUNDS = 61, 9, 3
_MARGIN = 0.3
_LEAST = 1e-4


@dataclass(frozen=True)
class Reading:
    """One trial: the response less its limit, `excess`, at a place `at` of the scale."""

    at: float
    excess: float


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

    In each trial the response is a straight line that passes the limit at a threshold of the
    trial's own, or jumps there from far below to far above; these thresholds scatter about the one
    that is sought. The slope and the scatter are not known and integrated out on a grid, as
    psychometric procedures do (Kontsevich and Tyler 1999, Vision Research 39), with their lapses
    (Wichmann and Hill 2001, Perception & Psychophysics 63). What lies beyond `FARTHEST` is censored
    (Tobin 1958, Econometrica 26).
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

    line = np.zeros((len(grid), _SLOPES, len(SCATTERS)))
    jump = np.zeros((len(grid), 1, len(SCATTERS)))
    for one in readings:
        away = one.at - grid[:, None, None]
        line += _or_lapsed(one, _by_line(one, away))
        jump += _or_lapsed(one, _by_jump(one, away))
    line += math.log((1 - JUMP) / _SLOPES)
    logs = np.concatenate([line, jump + math.log(JUMP)], axis=1)
    weights = np.exp(logs - logs.max()).sum(axis=(1, 2))
    return weights / weights.sum()


def _by_line(one: Reading, away: Any) -> Any:
    """The log of the likelihood of a reading so far above each level, by slope and scatter."""
    import numpy as np
    from scipy.special import log_ndtr

    slope = np.geomspace(*SLOPES, _SLOPES)[None, :, None]
    spread = slope * np.array(SCATTERS)[None, None, :]
    if abs(one.excess) >= FARTHEST:
        side = math.copysign(1.0, one.excess)
        return log_ndtr((side * slope * away - FARTHEST) / spread)
    off = (one.excess - slope * away) / spread
    return -(off**2) / 2 - np.log(spread * math.sqrt(2 * math.pi))


def _by_jump(one: Reading, away: Any) -> Any:
    """The same, by scatter: of a response that is nowhere near its limit."""
    import numpy as np
    from scipy.special import log_ndtr

    if abs(one.excess) < FARTHEST:
        return -np.inf
    return log_ndtr(math.copysign(1.0, one.excess) * away / np.array(SCATTERS)[None, None, :])


def _or_lapsed(one: Reading, likely: Any) -> Any:
    """The same, where something else may have disturbed the trial."""
    import numpy as np

    by_chance = 0.5 if abs(one.excess) >= FARTHEST else 0.5 / FARTHEST
    return np.logaddexp(math.log1p(-LAPSE) + likely, math.log(LAPSE * by_chance))
