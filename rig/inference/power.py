"""What a number of repeats can decide. Pure.

Of a paired comparison in blocks: Student's t with n - 1 degrees of freedom, and under another
truth than the one tested the noncentral t (Cohen, Statistical Power Analysis, ch. 2).
"""

from __future__ import annotations

import bisect
import math

from rig.inference.ratios import ADAPTIVE_P, CONFIDENCE
from rig.inference.single_runs import single_run_reach
from rig.inference.student import t_quantile

POWER = 0.8
ORDINARY_CV = 0.08
"""How much trials of one cell are taken to differ before any was run."""
SCATTER_CONFIDENCE = 0.8
"""Of the range in which a scatter seen in few blocks is taken to lie."""
_Z_OF_POWER = 0.8416
"""The standard normal deviate with 80 % below it."""


def p_of_pair(family: int, *, adaptive: bool) -> float:
    """The p that decides a pair of a `family` judged together.

    Bonferroni's, which Holm asks of the clearest pair and of no other; smaller where the session
    ended by what it saw.
    """
    return (1 - CONFIDENCE) / family / (ADAPTIVE_P if adaptive else 1.0)


def pair_scatter(trial_cv: float) -> float:
    """How much the logs of ratios scatter between blocks, where trials do by `trial_cv`."""
    return math.sqrt(2) * trial_cv


def found_distance(blocks: int, scatter: float, p: float, power: float = POWER) -> float:
    """The smallest distance of a true log ratio from a bound that a share `power` of sessions find.

    `scatter`: of the logs of ratios between blocks, of which there are at least 2.
    """
    from scipy import special

    df = blocks - 1
    shift = float(special.nctdtrinc(df, 1 - power, t_quantile(1 - p, df)))
    return shift * scatter / math.sqrt(blocks)


def found_equal(blocks: int, scatter: float, p: float) -> float:
    """The smallest margin, in logs, within which four sessions in five find equal ones equal.

    Both ends of the margin have to be excluded, so that each may be missed half as often.
    """
    return found_distance(blocks, scatter, p, 1 - (1 - POWER) / 2)


def found_by_single_runs(trial_cv: float, p: float) -> float:
    """The same of one run a cell, which can only indicate."""
    return single_run_reach(p) + _Z_OF_POWER * pair_scatter(trial_cv)


def blocks_needed(distance: float, scatter: float, p: float, most: int) -> int | None:
    """The fewest blocks that find a distance in four sessions of five; None above `most`."""
    blocks = range(2, most + 1)
    at = bisect.bisect_left(blocks, -distance, key=lambda n: -found_distance(n, scatter, p))
    return blocks[at] if at < len(blocks) else None


def scatter_range(scatter: float, df: int) -> tuple[float, float]:
    """Where the true scatter lies with 80 %, if `scatter` was seen with `df` degrees of freedom.

    By chi-square: df · s² ÷ σ² (Box, Hunter and Hunter, Statistics for Experimenters, ch. 3).
    """
    from scipy import special

    tail = (1 - SCATTER_CONFIDENCE) / 2
    low, high = (math.sqrt(df / float(special.chdtri(df, q))) for q in (tail, 1 - tail))
    return scatter * low, scatter * high
