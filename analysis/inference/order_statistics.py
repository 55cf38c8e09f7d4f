"""Between which ranks a percentile lies, of answers that may resemble those before. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from analysis.inference.batches import batches_of
from rig.inference import CONFIDENCE, t_quantile

ANSWERS_LEAST = 10
"""Fewer do not show whether they resemble each other."""


class Second(NamedTuple):
    """The correct answers of one second, and how many of them took no longer than a percentile."""

    answers: int
    within: int


def ranks_around(share: float, requests: int, scatter: float) -> tuple[float, float] | None:
    """Shares of all requests between whose values the percentile lies, with 95 %.

    By order statistics: of independent requests, as many as a binomial count are below it (David
    and Nagaraja, Order Statistics, ch. 7). Requests that scatter more (`scatter_of`) tell as much
    as fewer independent ones. None where a rank is beyond their ends.
    """
    worth = math.floor(requests / max(1.0, scatter))
    low = _binomial_quantile((1 - CONFIDENCE) / 2, worth, share)
    high = _binomial_quantile((1 + CONFIDENCE) / 2, worth, share) + 1
    return (low / worth, high / worth) if low >= 1 and high <= worth else None


def scatter_of(share: float, seconds: Sequence[Second]) -> float | None:
    """The variance from second to second, as a multiple of what independent answers have.

    Batch means of the answers within the percentile of that share, less those expected of so many
    (Law, Simulation Modeling and Analysis, ch. 9; ratio estimator). It is of few batches, so that
    the normal quantile behind it has to become Student's. None where the window is too short.
    """
    answers = sum(second.answers for second in seconds)
    if answers < ANSWERS_LEAST or not 0 < share < 1:
        return None
    found = sum(second.within for second in seconds) / answers
    scale = math.sqrt(share * (1 - share) * answers / len(seconds))
    batches = batches_of([1 + (one.within - found * one.answers) / scale for one in seconds])
    if batches is None:
        return None
    length = len(seconds) // len(batches.sums)
    students = t_quantile(CONFIDENCE, batches.df) / t_quantile(CONFIDENCE, math.inf)
    return batches.variance / length * students**2


def _binomial_quantile(share: float, count: int, p: float) -> int:
    """The least number that a binomial count exceeds no more often than in 1 - `share`."""
    from scipy import special

    if count < 1:
        return 0
    found: int = math.ceil(special.bdtrik(share, count, p))
    return found - 1 if found and special.bdtr(found - 1, count, p) >= share else found
