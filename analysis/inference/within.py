"""How well one trial's own window determines its rate: batch means of its seconds. Pure.

May not know files: the answers come from whoever read them.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence

import numpy as np

from rig.inference import WithinTrialError
from rig.inference.goodput import FEW, Group, Progress, progress

FEWEST, FEWEST_BATCHES, MOST_BATCHES = 5, 4, 20
"""Of stretches, and of the batches that they are joined to."""

NOTICED_S = 0.01
"""An answer's time is known this well: the lateness from which `generator` may fail a trial."""


def within(groups: Iterable[Group], begin_s: float, end_s: float) -> WithinTrialError | None:
    """From the correct answers of a steady window; None where it is too short to tell.

    Batch means (Law, Simulation Modeling and Analysis, ch. 9) of the rates of its stretches:
    its gaps where the times of all answers are known, else (and of fewer than 5 gaps) its
    seconds, in which a share of an answer counts. The more a stretch resembles the one
    before, the longer the batches: each as many stretches as are worth an independent one,
    (1 + r) / (1 - r) of a first-order autoregression, and 4 to 20 of them (Schmeiser 1982,
    Operations Research 30). Where fewer fit, the window does not tell by how much it is off.
    Stretches left over are the first.
    """
    done = progress(groups, begin_s, end_s)
    each = _stretches(done, int(end_s - begin_s)) if done else []
    if done is None or len(each) < FEWEST:
        return None
    likeness = _likeness(each)
    worth = math.ceil((1 + likeness) / (1 - likeness) - 1e-9)
    length = max(worth, -(-len(each) // MOST_BATCHES))
    batches = len(each) // length
    if batches < FEWEST_BATCHES:
        return None
    used = each[len(each) - batches * length :]
    sums = [sum(used[at : at + length]) for at in range(0, len(used), length)]
    left = _between_batches(likeness, length)
    relative = statistics.stdev(sums) / math.sqrt(batches) / statistics.fmean(sums)
    log_se = math.hypot(relative * math.sqrt((1 + left) / (1 - left)), _floor(done))
    return WithinTrialError(log_se, batches - 1)


def _stretches(done: Progress, seconds: int) -> list[float]:
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


def _likeness(each: Sequence[float]) -> float:
    """The correlation of neighbouring stretches, 0 to 0.99, as high as it may well be.

    The sample's is too low by (1 + 4 r) / n on average (Marriott and Pope 1954, Biometrika
    41). Added is one standard error, as what is overlooked makes an interval too narrow.
    """
    n = len(each)
    away = [one - 1 for one in each]
    square = sum(one * one for one in away)
    if square <= 1e-12 * n:
        return 0.0
    found = sum(a * b for a, b in itertools.pairwise(away)) / square
    mended = (n * found + 1) / (n - 4)
    mended += math.sqrt(max(0.0, 1 - mended * mended) / n)
    return min(0.99, max(0.0, mended))


def _between_batches(likeness: float, length: int) -> float:
    """The correlation that neighbouring batches of a first-order autoregression keep."""
    faded = 1 - likeness**length
    variance = length * (1 - likeness**2) - 2 * likeness * faded
    return likeness * faded**2 / variance


def _floor(done: Progress) -> float:
    """The least relative standard error: what no regularity can take away.

    A count is off by less than a piece, by chance of where the window begins: a variance of
    1/6 on average. Few pieces are known by their gaps, to the time in which one is noticed.
    """
    if done.pieces >= FEW:
        return done.size / math.sqrt(6) / done.answers
    return NOTICED_S / math.sqrt(6) / (done.times_s[-1] - done.times_s[0])
