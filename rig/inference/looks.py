"""What is left of an interval that ended its session, given that it did. Pure."""

from __future__ import annotations

import math

from rig.inference.power import pair_scatter
from rig.inference.ratios import ADAPTIVE_CONFIDENCE
from rig.inference.student import t_quantile

ENOUGH = 0.93
"""The share of intervals that have to hold the truth."""
_STEPS = 200


def held_given_end(within: float, blocks: int, trial_cv: float) -> float:
    """The share of true ratios that intervals hold which end a session at its first look.

    That look is after so many `blocks`; the interval reaches no further than `within` (0.1 is 10 %)
    of the ratio. A mean is independent of the scatter s about it. So with a true scatter of S the
    interval holds the truth with 2 Φ(t s ÷ S) - 1, here averaged over the s that end a session.
    At later looks the share is higher: what scattered less had ended before.
    """
    from scipy import special

    df = blocks - 1
    t = t_quantile(ADAPTIVE_CONFIDENCE, df)
    most = math.log1p(within) * math.sqrt(blocks) / t / pair_scatter(trial_cv)
    ends = float(special.chdtr(df, df * most**2))
    below = [ends * (step + 0.5) / _STEPS for step in range(_STEPS)]
    scatters = [math.sqrt(float(special.chdtri(df, 1 - share)) / df) for share in below]
    return sum(math.erf(t * s / math.sqrt(2)) for s in scatters) / _STEPS


def first_look(within: float, trial_cv: float, most: int) -> int | None:
    """The first block from which such intervals hold `ENOUGH`; None where not up to `most`."""
    looks = range(2, most + 1)
    return next((n for n in looks if held_given_end(within, n, trial_cv) >= ENOUGH), None)
