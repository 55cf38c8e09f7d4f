"""How many repeats would decide a comparison. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left

from rig.inference import ADAPTIVE_P, CONFIDENCE, Kind, PairRatio, t_quantile

POWER = 0.8
MOST = 200
"""More than anybody repeats: the question is then not worth an answer."""


def repeats_needed(pair: PairRatio, bound: float, family: int = 1) -> int | None:
    """Blocks in all with which `bound` would be excluded in four of five sessions.

    The smallest n with (t[1 - p ÷ 2] + t[0.8]) · s ÷ √n at most the distance of the logs, n - 1
    degrees of freedom, s the scatter seen so far (Cohen, Statistical Power Analysis, ch. 2, for
    paired samples). p is 5 % ÷ `family`, the pairs judged together: Bonferroni's, which Holm asks
    of the clearest pair and of no other, so that n is rather too large. In adaptive sessions it
    is `ADAPTIVE_P` times smaller. None where no scatter between trials was seen, or more than
    `MOST`.
    """
    if pair.kind is not Kind.BETWEEN_TRIALS or pair.ratio is None or pair.log_se is None:
        return None
    scatter = pair.log_se * math.sqrt(pair.n_blocks)
    distance = abs(math.log(pair.ratio) - math.log(bound))
    looked_at = ADAPTIVE_P if pair.adaptive else 1.0
    confidence = 1 - (1 - CONFIDENCE) / (family * looked_at)

    def enough(blocks: int) -> bool:
        df = blocks - 1
        # the quantile with 80 % below is the one that ±60 % lies within
        reach = t_quantile(confidence, df) + t_quantile(2 * POWER - 1, df)
        return reach * scatter / math.sqrt(blocks) <= distance

    fewest = 2 + bisect_left(range(2, MOST + 1), True, key=enough)
    return max(fewest, pair.n_blocks + 1) if fewest <= MOST else None
