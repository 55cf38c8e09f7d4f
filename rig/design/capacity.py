"""Searches for the highest rate at which each cell keeps the objective. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from rig.config.matrix import Capacity, Matrix, cells
from rig.design.blocks import Cpus, Rows, in_order, plan_of, rebuilt, varied
from rig.factors import FACTORS, slug_of
from rig.inference.capacity import Capacity as Found
from rig.inference.capacity import capacity_of, next_rate
from rig.model import SURGE, Level, percent, plain
from rig.plan import Cell, Open, Plan, Trial
from rig.record import Record

RECOVERS = "does it recover from a surge?"
SURGES, CALM = 2.0, 0.5
"""Times the upper end of a capacity's interval for the surge, and the lower end after it."""
SURGE_RAMP_S = 12.0
"""Three seconds of surge, and nine in which twice as much could be answered as it left behind."""


@dataclass(frozen=True)
class CapacitySearch:
    """A block holds one trial of each cell that is still searched, at the rate that `next_rate`
    chooses from the blocks before. The arrivals of every trial come by chance of their own.
    """

    matrix: Matrix
    capacity: Capacity
    chosen: tuple[Cell, ...] | None = None
    cpus: Cpus = field(default_factory=dict)

    def next_block(
        self, scheduled: Sequence[Trial], records: Sequence[Record]
    ) -> tuple[Trial, ...]:
        """One more trial of each cell whose search goes on."""
        block = scheduled[-1].block + 1 if scheduled else 1
        wanted = list(self._due(scheduled, records))
        return self._trials(in_order(self.matrix, wanted, block), block, scheduled)

    def rebuild_trials(self, rows: Rows) -> tuple[Trial, ...]:
        """Rebuilt from what the rows say; the rates that were searched stand nowhere else."""
        return rebuilt(rows, self._cell_of, self._trials)

    @property
    def most_trials(self) -> int:
        """So many of each cell."""
        return (self.capacity.spec.most + self.capacity.recovery) * len(self._cells)

    @property
    def adapts(self) -> str:
        """What it chooses."""
        low, high = self.capacity.spec.between
        surge = ", and one more after a surge" if self.capacity.recovery else ""
        return (
            f"searches the capacity of each cell between {low:g} and {high:g} /s, to "
            f"±{percent(self.capacity.spec.within)}: the results decide the rates, "
            f"{self.capacity.spec.most} trials at most for each{surge}"
        )

    @property
    def longer_s(self) -> float:
        """Of the trials after a surge, by their ramps."""
        longer_s = max(0.0, SURGE_RAMP_S - self.matrix.load.ramp_s)
        return self.capacity.recovery * longer_s * len(self._cells)

    @cached_property
    def _cells(self) -> tuple[Cell, ...]:
        return cells(self.matrix) if self.chosen is None else self.chosen

    def _due(self, scheduled: Sequence[Trial], records: Sequence[Record]) -> Iterator[Cell]:
        """Each cell whose search goes on, at its next rate; last of all after a surge."""
        last = {record.trial: record for record in records}
        for cell in self._cells:
            mine = [trial for trial in scheduled if _is_of(trial.cell, cell)]
            if any(trial.skip or trial.name not in last for trial in mine):
                continue
            calm = [trial for trial in mine if not trial.cell.levels[SURGE]]
            tried = [last[trial.name].tried_at(self._rate(trial)) for trial in calm]
            rate = next_rate(tried, self.capacity.spec)
            if rate is not None:
                yield self._at(cell, plain(rate))
            elif self.capacity.recovery and len(calm) == len(mine):
                yield from self._after_surge(cell, capacity_of(tried, self.capacity.spec))

    def _after_surge(self, cell: Cell, found: Found) -> Iterator[Cell]:
        """Well below a capacity that was found, after twice as much as it carries."""
        load, objective = self.matrix.load, self.matrix.objective
        if found.low_per_s is None or found.high_per_s is None or objective is None:
            return
        enough = objective.enough_requests / load.steady_s
        calm = max(CALM * found.low_per_s, enough)
        if calm < found.low_per_s:
            surge = plain(float(f"{SURGES * found.high_per_s:.4g}"))
            yield replace(self._at(cell, plain(float(f"{calm:.4g}")), surge), because=RECOVERS)

    def _rate(self, trial: Trial) -> float:
        return float(trial.cell.levels[self.capacity.factor])

    def _at(self, cell: Cell, rate: Level, surge: Level = 0) -> Cell:
        levels = {**cell.levels, self.capacity.factor: rate, SURGE: surge}
        return replace(cell, levels={name: levels[name] for name in FACTORS if name in levels})

    def _cell_of(self, row: Mapping[str, str]) -> Cell | None:
        for cell in self._cells:
            if all(str(level) == row[name] for name, level in cell.levels.items()):
                rate, surge = (plain(float(row[name])) for name in (self.capacity.factor, SURGE))
                there = self._at(cell, rate, surge)
                return replace(there, because=RECOVERS) if surge else there
        return None

    def _trials(self, of: Sequence[Cell], block: int, before: Sequence[Trial]) -> tuple[Trial, ...]:
        """Trials of some cells, after those `before`."""
        names = {*varied(self._cells), self.capacity.factor}
        made: list[Trial] = []
        seen = Counter(trial.cell.values for trial in before)
        for position, cell in enumerate(of, len(before) + 1):
            plan, skip = plan_of(self.matrix, cell, self.cpus)
            shown = {*names, SURGE} if cell.levels[SURGE] else names
            slug = "-".join(slug_of(name, cell.levels[name]) for name in FACTORS if name in shown)
            seen[cell.values] += 1
            own = _with_arrivals_of_its_own(plan, position)
            made.append(Trial(cell, own, seen[cell.values], block, position, slug, skip))
        return tuple(made)


def _is_of(cell: Cell, bare: Cell) -> bool:
    """Whether a cell is another one at a rate."""
    return all(cell.levels.get(name) == level for name, level in bare.levels.items())


def _with_arrivals_of_its_own(plan: Plan, position: int) -> Plan:
    """The same chance in every trial would be one of the target's, not of the load's. A surge
    has a ramp that it fits into."""
    match plan.load.model:
        case Open(arrivals):
            ramp_s = max(arrivals.ramp_s, SURGE_RAMP_S * bool(arrivals.surge_per_s))
            seeded = replace(arrivals, seed=arrivals.seed + position - 1, ramp_s=ramp_s)
            return replace(plan, load=replace(plan.load, model=Open(seeded)))
        case _:
            return plan
