"""How many repeats would decide a comparison. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rig.inference import Kind, PairRatio
from rig.inference.power import blocks_needed, p_of_pair, scatter_range

MOST = 200
"""More than anybody repeats: the question is then not worth an answer."""


@dataclass(frozen=True)
class RepeatRange:
    """Blocks in all, from the lowest to the highest scatter that is likely."""

    least: int
    most: int | None
    """None: more than `MOST`."""


def repeats_needed(pair: PairRatio, bound: float, family: int = 1) -> RepeatRange | None:
    """Blocks in all with which `bound` would be excluded in four of five sessions.

    The true ratio is taken to be the one that was seen. The scatter is known from few blocks, so
    that it lies in a range (`scatter_range`). None where no scatter between trials was seen, or
    `MOST` are too few by the lowest scatter.
    """
    if pair.kind is not Kind.BETWEEN_TRIALS or pair.ratio is None or pair.log_se is None:
        return None
    distance = abs(math.log(pair.ratio) - math.log(bound))
    p = p_of_pair(family, adaptive=pair.adaptive)
    seen = pair.log_se * math.sqrt(pair.n_blocks)
    least, most = (
        blocks_needed(distance, scatter, p, MOST)
        for scatter in scatter_range(seen, pair.n_blocks - 1)
    )
    if least is None:
        return None
    more = pair.n_blocks + 1
    return RepeatRange(max(least, more), most and max(most, more))
