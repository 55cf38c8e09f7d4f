"""Repeats until the claim's ratios are known well enough. Pure.

Whole blocks only, so that every comparison stays within a block; by the same intervals as the
report's (`rig.inference`), which allow for having been looked at after every block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rig.config.matrix import Until
from rig.design.blocks import RandomBlocks, Rows
from rig.design.observations import observations_of
from rig.inference import PairRatio, pairs, width
from rig.model import percent
from rig.plan import Trial
from rig.record import Record


@dataclass(frozen=True)
class SequentialBlocks:
    """Blocks that end early: `until.at_most` of them at most, `until.at_least` at least.

    They end after a block with which the interval of every ratio of the claim's two levels has
    that many blocks behind it, and reaches no further than `until.within` of it. Where there is
    nothing to compare they go on to the end.
    """

    blocks: RandomBlocks
    until: Until

    def next_block(
        self, scheduled: Sequence[Trial], records: Sequence[Record]
    ) -> tuple[Trial, ...]:
        """The next block, unless the ratios are known well enough."""
        whole, begun = divmod(len(scheduled), max(1, self.blocks.size))
        if not begun and whole >= self.until.at_least and self._narrow(scheduled, records):
            return ()
        return self.blocks.next_block(scheduled, records)

    def rebuild_trials(self, rows: Rows) -> tuple[Trial, ...]:
        """The first trials of the blocks, as many as there are rows."""
        return self.blocks.rebuild_trials(rows)

    @property
    def most_trials(self) -> int:
        """Cells times the most repeats."""
        return self.blocks.most_trials

    @property
    def adapts(self) -> str:
        """When it ends."""
        until = self.until
        return (
            f"ends after {until.at_least} to {until.at_most} repeats, once every ratio "
            f"is known to ±{percent(until.within)}"
        )

    @property
    def longer_s(self) -> float:
        """None."""
        return 0.0

    def _narrow(self, scheduled: Sequence[Trial], records: Sequence[Record]) -> bool:
        claim = self.until.claim
        found = pairs(
            observations_of(scheduled, records),
            claim.factor,
            claim.numerator,
            claim.denominator,
            adaptive=True,
        )
        judged = [pair for pair in found if not pair.extra]
        return bool(judged) and all(self._known(pair) for pair in judged)

    def _known(self, pair: PairRatio) -> bool:
        reach = width(pair)
        enough = pair.n_blocks >= self.until.at_least
        return enough and reach is not None and reach <= self.until.within
