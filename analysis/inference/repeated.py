"""How well the repeated trials of one cell determine their mean. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from rig.inference import CONFIDENCE, t_quantile


def geometric_mean_interval(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """A 95 % interval of trials' geometric mean, by Student's t on their logs.

    None below two trials: one trial says nothing of how much trials differ.
    """
    logs = [math.log(value) for value in values if value]
    if len(logs) < 2:
        return None, None
    mean = statistics.fmean(logs)
    reach = t_quantile(CONFIDENCE, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    reach = min(reach, 50.0)
    return math.exp(mean - reach), math.exp(mean + reach)
