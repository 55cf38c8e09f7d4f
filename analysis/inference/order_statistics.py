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


def ranks_around(
    share: float, requests: int, seconds: Sequence[Second]
) -> tuple[float, float] | None:
    """Shares of all requests between whose values the percentile lies, with 95 %.

    By order statistics: of independent requests, as many as a binomial count are below it (David
    and Nagaraja, Order Statistics, ch. 7). Here as many are independent as the scatter from second
    to second says (`_worth`). None where the window is too short to tell, or a rank is beyond its
    ends.
    """
    worth = _worth(share, requests, seconds)
    if worth is None:
        return None
    low = _binomial_quantile((1 - CONFIDENCE) / 2, worth, share)
    high = _binomial_quantile((1 + CONFIDENCE) / 2, worth, share) + 1
    return (low / worth, high / worth) if low >= 1 and high <= worth else None


def _worth(share: float, requests: int, seconds: Sequence[Second]) -> int | None:
    """How many independent requests tell as much, never more than there are.

    Batch means of the answers within the percentile, less those expected of so many (Law,
    Simulation Modeling and Analysis, ch. 9; ratio estimator). Their variance is of few batches:
    the normal quantile in the binomial stands for Student's.
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
    return math.floor(requests / max(1.0, batches.variance / length * students**2))


def _binomial_quantile(share: float, count: int, p: float) -> int:
    """The first number of `count` that a binomial one does not exceed with that share."""
    from scipy import special

    if count < 1:
        return 0
    found: int = math.ceil(special.bdtrik(share, count, p))
    return found - 1 if found and special.bdtr(found - 1, count, p) >= share else found
