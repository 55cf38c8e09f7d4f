"""A test that takes nothing for normal: ranks of the blocks' ratios. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rig.inference import ADAPTIVE_P, Kind, PairRatio


def rank_p(pair: PairRatio, bound: float) -> float | None:
    """Two-sided p of the true ratio being `bound`, by Wilcoxon's signed ranks (1945, Biometrics
    Bulletin 1) of the blocks' log ratios; None but between trials."""
    if pair.kind is not Kind.BETWEEN_TRIALS:
        return None
    # equal is equal, whatever the last digits of a logarithm
    away = [round(log - math.log(bound), 12) for log in pair.block_logs]
    if not any(away):
        return 1.0
    # here, as it takes a second to load
    from scipy import stats

    p = float(stats.wilcoxon(away).pvalue)
    return min(1.0, p * (ADAPTIVE_P if pair.adaptive else 1.0))


def ranks_can_decide(pairs: Iterable[PairRatio], p: float) -> bool:
    """Whether so many blocks can reach a p at all: of n blocks the least is 2 ÷ 2ⁿ, and all pairs
    are asked together."""
    blocks = [pair.n_blocks for pair in pairs if pair.ratio is not None]
    return bool(blocks) and len(blocks) * 2.0 ** (1 - min(blocks)) * ADAPTIVE_P < p
