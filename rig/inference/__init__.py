"""From trials' numbers to what may be said of them. Pure.

Stands where both can import it: the designs that decide what to measure next, and the analysis
that reports it, so that an interval that ends a session is the interval in its report.
May not know plans, records or files.
"""

from rig.inference.ratios import (
    ADAPTIVE_CONFIDENCE,
    ADAPTIVE_P,
    CLAIMED,
    CONFIDENCE,
    MOST_FAILURES,
    Kind,
    Observation,
    PairRatio,
    WithinTrialError,
    pairs,
    width,
)
from rig.inference.student import holm, t_quantile, t_tail

__all__ = [
    "ADAPTIVE_CONFIDENCE",
    "ADAPTIVE_P",
    "CLAIMED",
    "CONFIDENCE",
    "MOST_FAILURES",
    "Kind",
    "Observation",
    "PairRatio",
    "WithinTrialError",
    "holm",
    "pairs",
    "t_quantile",
    "t_tail",
    "width",
]
