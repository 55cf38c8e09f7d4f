"""Response times where some requests have no answer yet: Kaplan-Meier.

Pure numbers in, numbers out; times in whatever unit they are given.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Survival:
    """The share of requests that take longer than each of `times`, ascending.

    Kaplan and Meier 1958, J. Am. Stat. Assoc. 53. It holds where requests without an answer will
    take as long as those that had waited equally long and then had one.
    """

    times: Sequence[float] = ()
    shares: Sequence[float] = ()
    variances: Sequence[float] = ()
    """Of the difference to the share that will be seen once all have their answers."""
    longest: float = 0.0
    """The longest time that anything took, or waited."""

    def quantile(self, share: float) -> float | None:
        """The first time at which `share` have their answer; None where that is not known."""
        index = bisect.bisect_left(self.shares, share - 1 - 1e-12, key=lambda left: -left)
        return self.times[index] if share <= 1 and index < len(self.times) else None

    def around(self, share: float, deviations: float) -> tuple[float | None, float | None]:
        """The quantile, `deviations` standard deviations of its share below and above."""
        index = bisect.bisect_left(self.shares, share - 1 - 1e-12, key=lambda left: -left)
        if index == len(self.times):
            return None, None
        reach = deviations * math.sqrt(max(self.variances[max(0, index - 1) : index + 1]))
        return self.quantile(max(0.0, share - reach)), self.quantile(share + reach)

    @property
    def mean(self) -> float:
        """Up to the longest time: too little where some last longer."""
        starts = (0.0, *self.times)
        ends = (*self.times, self.longest)
        left = (1.0, *self.shares)
        return sum(s * (e - b) for s, b, e in zip(left, starts, ends, strict=True))


def kaplan_meier(ended: Iterable[tuple[float, int]], waiting: Sequence[float]) -> Survival:
    """From times and how many took them, and the ages of those still under way, both ascending.

    The variance is Greenwood's (1926) less the binomial one, which all answers together would
    have, too: what is estimated is not what another window gives, but what this one will have.
    """
    counts = list(ended)
    total = at_risk = sum(count for _, count in counts) + len(waiting)
    share, greenwood, gone = 1.0, 0.0, 0
    times, shares, variances = [], [], []
    for time, count in counts:
        while gone < len(waiting) and waiting[gone] < time:
            gone, at_risk = gone + 1, at_risk - 1
        left = at_risk - count
        share *= left / at_risk
        greenwood += count / (at_risk * left) if left else 0.0
        times.append(time)
        shares.append(share)
        unknown = share * share * greenwood - share * (1 - share) / total
        variances.append(max(0.0, unknown) if gone else 0.0)
        at_risk = left
    longest = max(counts[-1][0] if counts else 0.0, waiting[-1] if waiting else 0.0)
    return Survival(tuple(times), tuple(shares), tuple(variances), longest)
