"""How well one trial's own window determines its rate: batch means of its seconds. Pure.

May not know files: the answers come from whoever read them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

import numpy as np

from analysis.inference.batches import FEWEST, batches_of
from rig.inference import WithinTrialError
from rig.inference.goodput import FEW, Group, WorkDone, progress

NOTICED_S = 0.01
"""An answer's time is known this well: the lateness from which `generator` may fail a trial."""


def within(groups: Iterable[Group], begin_s: float, end_s: float) -> WithinTrialError | None:
    """From the correct answers of a steady window; None where it is too short to tell.

    Batch means (`batches_of`) of the rates of its stretches: its gaps where the times of all
    answers are known, else (and of fewer than 5 gaps) its seconds, in which a share of an answer
    counts.
    """
    done = progress(groups, begin_s, end_s)
    batches = batches_of(_stretches(done, int(end_s - begin_s))) if done else None
    if done is None or batches is None:
        return None
    relative = math.sqrt(batches.variance / len(batches.sums)) / statistics.fmean(batches.sums)
    return WithinTrialError(math.hypot(relative, _floor(done)), batches.df)


def _stretches(done: WorkDone, seconds: int) -> list[float]:
    """The rate of each stretch of the window, as a share of all of its.

    Of gaps by the ratio estimator's residuals (Cochran, Sampling Techniques, ch. 6): answers
    less those expected in the time, so that clumps of any size count.
    """
    if done.rhythm and len(done.times_s) - 3 >= FEWEST:
        took_s, work = np.diff(done.times_s[1:-1]), np.diff(done.done[1:-1])
        away = work - took_s * (work.sum() / took_s.sum())
        return [float(one) for one in 1 + away / work.mean()]
    at_s = np.linspace(done.times_s[0], done.times_s[-1], seconds + 1)
    work = np.diff(np.interp(at_s, done.times_s, done.done))
    return [float(one) for one in work / work.mean()]


def _floor(done: WorkDone) -> float:
    """The least relative standard error: what no regularity can take away.

    A count is off by less than a piece, by chance of where the window begins: a variance of
    1/6 on average. Few pieces are known by their gaps, to the time in which one is noticed.
    """
    if done.pieces >= FEW:
        return done.size / math.sqrt(6) / done.answers
    return NOTICED_S / math.sqrt(6) / (done.times_s[-1] - done.times_s[0])
