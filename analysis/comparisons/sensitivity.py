"""Whether a session's answer hangs on a choice that could have been made otherwise.

May not know how that is shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from analysis.comparisons.ratios import answer, answer_by
from analysis.inference import (
    AGAINST,
    DECIDED,
    FOR,
    ClaimResult,
    JudgedClaim,
    Observation,
    rank_p,
    ranks_can_decide,
    within,
)
from analysis.reading.session import Session
from analysis.summaries.trials import TrialResult
from rig.inference.goodput import goodput_of

FEWEST_BLOCKS = 4
"""Of fewer, one less leaves two at most, which next to nothing can be told from (t = 12.7)."""


@dataclass(frozen=True)
class Turn:
    """Another way of judging the same session, by which the verdict is another one."""

    by: str
    verdict: ClaimResult


def turns(
    session: Session,
    results: Sequence[TrialResult],
    found: Sequence[Observation],
    judged: JudgedClaim,
) -> tuple[Turn, ...]:
    """Of half the window, all blocks but one, and ranks in place of Student's t, those that turn.

    `found`: the observation of each result. What cannot be computed turns nothing.
    """
    others = (
        *_by_half(session, results, found),
        *_without_a_block(session, found, judged),
        *_by_ranks(session, found, judged),
    )
    return tuple(
        Turn(by, other.verdict) for by, other in others if other and _gist(other) != _gist(judged)
    )


def _gist(judged: JudgedClaim) -> tuple[ClaimResult, bool, bool]:
    return judged.verdict, bool(judged.those(*FOR)), bool(judged.those(*AGAINST))


Other = tuple[str, JudgedClaim | None]


def _by_half(
    session: Session, results: Sequence[TrialResult], found: Sequence[Observation]
) -> Iterator[Other]:
    """Of goodput, where the second half of every usable trial still has a rate."""
    if session.claim is None or session.claim.of != "goodput_rps":
        return
    halves = [second_half(*both) for both in zip(results, found, strict=True)]
    if all(half.usable or not one.usable for half, one in zip(halves, found, strict=True)):
        yield "by the window's second half", answer(session, halves, ended=True)


def second_half(result: TrialResult, one: Observation) -> Observation:
    """A trial's goodput from the completions of the second half of its steady window, which begins
    with a whole second."""
    if result.record is None or not one.usable:
        return one
    load = result.record.load
    begin_s = float(math.ceil((load.ramp_s + load.duration_s) / 2))
    answers = [group for group in result.answers if group.first_s >= begin_s]
    return replace(
        one,
        value=goodput_of(answers, begin_s, load.duration_s)[0],
        within=within(answers, begin_s, load.duration_s),
        answers=sum(group.count for group in answers),
    )


def _without_a_block(
    session: Session, found: Sequence[Observation], judged: JudgedClaim
) -> Iterator[Other]:
    """The first block without which the answer is another."""
    blocks = sorted({one.block for one in found if one.usable})
    if session.search or len(blocks) < FEWEST_BLOCKS:  # a search's blocks are of other levels
        return
    for block in blocks:
        other = answer(session, [one for one in found if one.block != block], ended=True)
        if other and _gist(other) != _gist(judged):
            yield f"without block {block}", other
            return


def _by_ranks(
    session: Session, found: Sequence[Observation], judged: JudgedClaim
) -> Iterator[Other]:
    """Where so many blocks can decide anything by their ranks."""
    if ranks_can_decide((one.pair for one in judged.pairs), DECIDED):
        yield "by ranks, not Student's t", answer_by(session, found, rank_p, ended=True)
