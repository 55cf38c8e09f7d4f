"""Searches for where one level of a factor overtakes another along a second factor. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rig.config.matrix import Matrix, Search, cells
from rig.design.blocks import Cpus, Rows, in_order, plan_of, rebuilt, varied
from rig.design.observations import observations_of
from rig.factors import FACTORS, slug_of
from rig.inference.crossover import MOST_PAIRS, next_level, points_of
from rig.model import Level, plain
from rig.plan import Cell, Trial
from rig.record import Record

Key = frozenset[tuple[str, Level]]


@dataclass(frozen=True)
class CrossoverSearch:
    """For every combination of the other factors, `MOST_PAIRS` pairs of trials at most.

    A block holds one pair of each combination that is still searched: the claim's two levels,
    both at the level of the searched factor that `next_level` chooses from the blocks before.
    """

    matrix: Matrix
    search: Search
    chosen: tuple[Cell, ...] | None = None
    cpus: Cpus = field(default_factory=dict)

    def next_block(
        self, scheduled: Sequence[Trial], records: Sequence[Record]
    ) -> tuple[Trial, ...]:
        """One more pair of each combination; first what is left of a block scheduled in part."""
        if left := self._half_pairs(scheduled):
            return self._trials(left, scheduled[-1].block, scheduled)
        block = scheduled[-1].block + 1 if scheduled else 1
        wanted = [
            self._at(cell, level) for pair, level in self._due(scheduled, records) for cell in pair
        ]
        return self._trials(in_order(self.matrix, wanted, block), block, scheduled)

    def rebuild_trials(self, rows: Rows) -> tuple[Trial, ...]:
        """Rebuilt from what the rows say; the levels that were searched stand nowhere else."""
        return rebuilt(rows, self._cell_of, self._trials)

    @property
    def most_trials(self) -> int:
        """Two for each pair."""
        return 2 * MOST_PAIRS * len(self._pairs)

    @property
    def adapts(self) -> str:
        """What it chooses."""
        low, high = self.search.between
        return (
            f"searches {self.search.factor} between {low:g} and {high:g}: the results decide "
            f"the levels, {2 * MOST_PAIRS} trials at most for each crossover"
        )

    @property
    def longer_s(self) -> float:
        """None."""
        return 0.0

    @property
    def _pairs(self) -> Mapping[Key, tuple[Cell, Cell]]:
        """The claim's two cells, by the levels that they share."""
        claim = self.search.claim
        sides: dict[Key, dict[Level, Cell]] = {}
        for cell in cells(self.matrix) if self.chosen is None else self.chosen:
            sides.setdefault(self._key(cell), {})[cell.levels[claim.factor]] = cell
        return {
            key: (at[claim.numerator], at[claim.denominator])
            for key, at in sides.items()
            if claim.numerator in at and claim.denominator in at
        }

    def _key(self, cell: Cell) -> Key:
        aside = (self.search.claim.factor, self.search.factor)
        return frozenset((name, at) for name, at in cell.levels.items() if name not in aside)

    def _due(
        self, scheduled: Sequence[Trial], records: Sequence[Record]
    ) -> Iterator[tuple[tuple[Cell, Cell], Level]]:
        """Each pair still searched, and its next level."""
        claim, search = self.search.claim, self.search
        found = points_of(
            observations_of(scheduled, records),
            claim.factor,
            claim.numerator,
            claim.denominator,
            search.factor,
        )
        points = {frozenset(levels.items()): of for levels, of in found}
        for key, pair in self._pairs.items():
            mine = [trial for trial in scheduled if self._key(trial.cell) == key]
            if len(mine) >= 2 * MOST_PAIRS or any(trial.skip for trial in mine):
                continue
            level = next_level(points.get(key, ()), search.between)
            if level is not None:
                yield pair, plain(level)

    def _half_pairs(self, scheduled: Sequence[Trial]) -> list[Cell]:
        """Cells of the last block whose counterpart an interruption kept from the schedule."""
        if not scheduled:
            return []
        along, last = self.search.factor, scheduled[-1].block
        block = [trial.cell for trial in scheduled if trial.block == last]
        there = {cell.values for cell in block}
        pairs = self._pairs
        both = [
            self._at(side, cell.levels[along])
            for cell in block
            for side in pairs.get(self._key(cell), ())
        ]
        return list({cell.values: cell for cell in both if cell.values not in there}.values())

    def _at(self, cell: Cell, level: Level) -> Cell:
        return replace(cell, levels={**cell.levels, self.search.factor: level})

    def _cell_of(self, row: Mapping[str, str]) -> Cell | None:
        along = self.search.factor
        for pair in self._pairs.values():
            for cell in pair:
                fixed = [name for name in cell.levels if name != along]
                if all(str(cell.levels[name]) == row[name] for name in fixed):
                    return self._at(cell, plain(float(row[along])))
        return None

    def _trials(self, of: Sequence[Cell], block: int, before: Sequence[Trial]) -> tuple[Trial, ...]:
        """Trials of some cells, after those `before`."""
        names = {*varied(cells(self.matrix)), self.search.factor}
        factors = [name for name in FACTORS if name in names]
        made: list[Trial] = []
        seen = Counter(trial.cell.values for trial in before)
        for position, cell in enumerate(of, len(before) + 1):
            plan, skip = plan_of(self.matrix, cell, self.cpus)
            slug = "-".join(slug_of(name, cell.levels[name]) for name in factors)
            seen[cell.values] += 1
            times = seen[cell.values]
            made.append(Trial(cell, plan, times, block, position, slug, skip))
        return tuple(made)
