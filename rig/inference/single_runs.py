"""What single runs may be taken to show, by an assumed scatter between runs. Pure.

Nothing in a single run tells how much runs differ.
"""

from __future__ import annotations

import math

from rig.inference.student import t_quantile, t_tail

TRIAL_CV = 0.15
"""How much trials of one cell are taken to scatter, as on a busy shared machine, where two of them
differed by a factor of up to 1.43."""

RATIO_SD = 0.22
"""Of the log of a ratio of two such: √2 as much, and a little more, so that outliers claim nothing
falsely more often either …"""

TRIAL_DF = 5
"""… as Student's t of so few degrees of freedom does: now and then a run goes wrong."""

_SCALE = RATIO_SD * math.sqrt((TRIAL_DF - 2) / TRIAL_DF)
"""Of that t, so that its standard deviation is `RATIO_SD`."""


def single_run_factor(p: float) -> float:
    """How far, as a factor up or down, one run may be from a bound that it has this `p` of."""
    return math.exp(t_quantile(1 - p, TRIAL_DF) * TRIAL_CV * math.sqrt((TRIAL_DF - 2) / TRIAL_DF))


def single_run_p(ratio: float, bound: float) -> float:
    """Two-sided p of a ratio of two single runs, were `bound` the true ratio."""
    return t_tail(math.log(ratio / bound) / _SCALE, TRIAL_DF)


def single_run_reach(p: float) -> float:
    """How far, in logs, a ratio of two single runs is from a bound that it has this `p` of."""
    return t_quantile(1 - p, TRIAL_DF) * _SCALE
