"""What single runs may be taken to show, by an assumed scatter between runs. Pure.

Nothing in a single run tells how much runs differ.
"""

from __future__ import annotations

import math

from rig.inference import t_tail

TRIAL_CV = 0.15
"""How much trials of one cell are taken to scatter, as on a busy shared machine, where two of them
differed by a factor of up to 1.43."""

TRIAL_DF = 5
"""… as Student's t of so few degrees of freedom does: now and then a run goes wrong."""


def single_run_p(ratio: float, bound: float) -> float:
    """Two-sided p of a ratio of two single runs, were `bound` the true ratio.

    The logs of the two are taken to scatter by `TRIAL_CV` each, and their difference like a t of
    `TRIAL_DF`, scaled to that standard deviation: its tails are longer than those of a
    difference of two such.
    """
    deviation = math.sqrt(2) * TRIAL_CV
    scale = deviation * math.sqrt((TRIAL_DF - 2) / TRIAL_DF)
    return t_tail(math.log(ratio / bound) / scale, TRIAL_DF)
