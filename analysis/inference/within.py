"""How well one trial's own window determines its rate: batch means. Pure.

May not know files: the counts per second come from whoever read them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from rig.inference import WithinTrialError

FEWEST_BATCHES, MOST_BATCHES = 5, 10


def within(counts: Sequence[int]) -> WithinTrialError | None:
    """From correct answers in each whole second of the steady window, in order.

    Batch means (Law, Simulation Modeling and Analysis, ch. 9; the number of batches after
    Schmeiser 1982, Operations Research 30): the window is cut into 5 to 10 batches of equal
    length, whose means depend on each other far less than its seconds do, and their scatter
    gives the standard error. Seconds left over are left out at the front. None with fewer
    than 5 seconds, or without any answer.
    """
    if len(counts) < FEWEST_BATCHES or not sum(counts):
        return None
    length = -(-len(counts) // MOST_BATCHES)
    batches = len(counts) // length
    used = counts[len(counts) - batches * length :]
    sums = [sum(used[at : at + length]) for at in range(0, len(used), length)]
    mean = statistics.fmean(sums)
    if batches < FEWEST_BATCHES or mean == 0:
        return None
    relative = statistics.stdev(sums) / math.sqrt(batches) / mean
    return WithinTrialError(relative, batches - 1)
