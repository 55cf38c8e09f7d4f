"""Two versions in sessions of their own: what a whole session shares is scatter, too. Pure.

The unit is the session: all its trials share a host, its neighbours and its hour.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rig.inference import CONFIDENCE, Kind, Observation, PairRatio, holm, pairs, t_quantile, t_tail
from rig.inference.single_runs import single_run_p
from rig.model import Level

ALONE = 0.05
"""Below this p, Holm's over all cells, a fall between one session each is more than sessions and
runs are taken to scatter."""


def session_ratios(
    sessions: Iterable[tuple[int, Observation]], factor: str, numerator: Level, denominator: Level
) -> tuple[PairRatio, ...]:
    """numerator ÷ denominator of each cell, from trials with the number of their session.

    A session's value is the geometric mean of a cell's usable trials. The ratio is that of the
    sides' geometric means over sessions. Its interval and p are Student's of two groups with one
    scatter (n - 2 degrees of freedom for n sessions in all); None below three sessions.
    """
    known = list(sessions)
    # no block is shared by two sessions
    apart = [replace(one, block=index) for index, (_, one) in enumerate(known)]
    found = [
        _bounded(pair, *_by_session(known, pair.levels, factor, numerator, denominator))
        for pair in pairs(apart, factor, numerator, denominator)
    ]
    adjusted = iter(holm([pair.p for pair in found if pair.p is not None]))
    return tuple(pair if pair.p is None else replace(pair, p_holm=next(adjusted)) for pair in found)


def _by_session(
    known: Sequence[tuple[int, Observation]],
    levels: Mapping[str, Level],
    factor: str,
    numerator: Level,
    denominator: Level,
) -> tuple[list[list[Observation]], list[list[Observation]]]:
    """The usable trials of both sides of a cell, those of each session together."""
    sides: list[list[list[Observation]]] = []
    for level in (numerator, denominator):
        wanted = {**levels, factor: level}
        of_session: dict[int, list[Observation]] = {}
        for session, one in known:
            if one.usable and one.levels == wanted:
                of_session.setdefault(session, []).append(one)
        sides.append(list(of_session.values()))
    return sides[0], sides[1]


def _bounded(
    pair: PairRatio, over: Sequence[Sequence[Observation]], under: Sequence[Sequence[Observation]]
) -> PairRatio:
    """With its interval and p."""
    blank = replace(pair, low=None, high=None, kind=Kind.NONE, n_blocks=min(len(over), len(under)),
                    log_se=None, df=None, p=None, p_holm=None)  # fmt: skip
    if pair.ratio is None:
        return blank
    means = [[statistics.fmean(one.log for one in of) for of in side] for side in (over, under)]
    away = statistics.fmean(means[0]) - statistics.fmean(means[1])
    ratio = math.exp(away)
    df = len(means[0]) + len(means[1]) - 2
    if df < 1:
        return replace(blank, ratio=ratio)
    squares = [(one - statistics.fmean(side)) ** 2 for side in means for one in side]
    parts = sum(1 / len(side) for side in means)
    log_se = max(math.sqrt(math.fsum(squares) / df * parts), _grain(over, under))
    factor = math.exp(min(700.0, t_quantile(CONFIDENCE, df) * log_se))
    p = t_tail(away / log_se, df) if log_se else float(away == 0)
    return replace(blank, ratio=ratio, low=ratio / factor, high=ratio * factor,
                   kind=Kind.BETWEEN_SESSIONS, log_se=log_se, df=df, p=p)  # fmt: skip


def _grain(*sides: Sequence[Sequence[Observation]]) -> float:
    """What counting whole answers leaves at least, as of trials: 1 ÷ (k √12) of a count of k."""
    return math.sqrt(
        sum(
            sum(1 / (12 * one.answers**2) for one in of if one.answers) / (len(of) * len(side)) ** 2
            for side in sides
            for of in side
        )
    )


def falls_alone(found: Sequence[PairRatio]) -> tuple[bool, ...]:
    """Of each ratio between one session each: whether it fell by more than anything that is taken
    to scatter there, all cells asked about together."""
    p_values = [1.0 if pair.ratio is None else single_run_p(pair.ratio, 1.0) for pair in found]
    return tuple(
        p < ALONE and pair.ratio is not None and pair.ratio < 1
        for pair, p in zip(found, holm(p_values), strict=True)
    )
