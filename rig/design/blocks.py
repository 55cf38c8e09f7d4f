"""Fixed designs: every cell once a block, in an order that a seed decides; nothing is read.

Pure. May not know YAML, sessions or backends.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeVar

from rig.config.matrix import Matrix, cells
from rig.factors import FACTORS, apply, bind, slug_of
from rig.plan import Cell, Draft, Plan, Trial
from rig.record import Record

T = TypeVar("T")
Cpus = Mapping[str, tuple[int, ...]]
Rows = Sequence[Mapping[str, str]]
"""Lines of a `schedule.csv`."""


class Design(Protocol):
    """What to measure next, told by what was scheduled and recorded so far."""

    def next_block(
        self, scheduled: Sequence[Trial], records: Sequence[Record]
    ) -> tuple[Trial, ...]:
        """The trials to schedule after `scheduled`; none when the design is done.

        Of `records`, those of trials that are not in `scheduled` do not count.
        """
        ...

    def rebuild_trials(self, rows: Rows) -> tuple[Trial, ...]:
        """The trials that a schedule's lines stand for; fewer where the design has no such."""
        ...

    @property
    def most_trials(self) -> int:
        """How many there can be in all."""
        ...

    @property
    def adapts(self) -> str:
        """What the results decide, in words; empty where they decide nothing."""
        ...

    @property
    def longer_s(self) -> float:
        """Seconds of load that later trials may have beyond those of the first block, in all."""
        ...


@dataclass(frozen=True)
class RandomBlocks:
    """Every cell once a block, `times` blocks, each in an order of its own.

    With order `as_listed`, every block keeps the cells' order. `chosen` holds the cells
    to run where not all are wanted; `cpus` the CPU set per role.
    """

    matrix: Matrix
    times: int
    chosen: tuple[Cell, ...] | None = None
    cpus: Cpus = field(default_factory=dict)

    def next_block(
        self,
        scheduled: Sequence[Trial],
        records: Sequence[Record],
    ) -> tuple[Trial, ...]:
        """The next block, or what is left of one that was scheduled in part."""
        if len(scheduled) >= self.most_trials:
            return ()
        done, begun = divmod(len(scheduled), self.size)
        return self.block(done + 1)[begun:]

    def rebuild_trials(self, rows: Rows) -> tuple[Trial, ...]:
        """The first trials of the design, as many as there are rows."""
        trials: list[Trial] = []
        while len(trials) < len(rows) and (block := self.next_block(trials, ())):
            trials += block
        return tuple(trials[: len(rows)])

    @property
    def most_trials(self) -> int:
        """Cells times repeats."""
        return self.size * self.times

    @property
    def longer_s(self) -> float:
        """None."""
        return 0.0

    @property
    def size(self) -> int:
        """How many trials a block has."""
        return len(self._cells)

    @property
    def adapts(self) -> str:
        """Nothing."""
        return ""

    def block(self, number: int) -> tuple[Trial, ...]:
        """All trials of a block, counted from 1; the same for the same matrix and seed."""
        order = in_order(self.matrix, self._resolved, number)
        before = (number - 1) * len(order)
        return tuple(
            Trial(cell, plan, number, number, position, slug, skip)
            for position, (cell, plan, slug, skip) in enumerate(order, before + 1)
        )

    @cached_property
    def _resolved(self) -> tuple[tuple[Cell, Plan, str, str], ...]:
        """Every cell with its plan, its slug and why it is skipped: the same in every block."""
        factors = varied(cells(self.matrix)) or ("target", "route")
        found = []
        for cell in self._cells:
            plan, skip = plan_of(self.matrix, cell, self.cpus)
            slug = "-".join(slug_of(name, cell.levels[name]) for name in factors)
            found.append((cell, plan, slug, skip))
        return tuple(found)

    @cached_property
    def _cells(self) -> tuple[Cell, ...]:
        return cells(self.matrix) if self.chosen is None else self.chosen


def plan_of(matrix: Matrix, cell: Cell, cpus: Cpus) -> tuple[Plan, str]:
    """The cell's plan, bound to its target and route, and why it cannot be served (or "")."""
    names = str(cell.levels["target"]), str(cell.levels["route"])
    # a factor at its default leaves a new draft as it is, and most factors are at theirs
    changed = {name: level for name, level in cell.levels.items() if level != FACTORS[name].default}
    draft = Draft(*names, load=matrix.load, data=matrix.data, objective=matrix.objective)
    return bind(apply(draft, changed), matrix.targets, cpus)


def varied(of: Sequence[Cell]) -> tuple[str, ...]:
    """The factors at more than one level among the cells, in the order of FACTORS."""
    return tuple(name for name in FACTORS if len({cell.levels.get(name) for cell in of}) > 1)


def in_order(matrix: Matrix, of: Iterable[T], block: int) -> list[T]:
    """What a block holds, in the order that the seed decides, or as listed."""
    order = list(of)
    if matrix.order == "random_blocks":
        random.Random(f"{matrix.seed}-{block}").shuffle(order)
    return order


def rebuilt(
    rows: Rows,
    cell_of: Callable[[Mapping[str, str]], Cell | None],
    trials_of: Callable[[Sequence[Cell], int, Sequence[Trial]], tuple[Trial, ...]],
) -> tuple[Trial, ...]:
    """The trials of a search from what its rows say, up to the first of no cell of the design."""
    trials: list[Trial] = []
    for row in rows:
        cell = cell_of(row)
        if cell is None:
            break
        trials += trials_of([cell], int(row["block"]), trials)
    return tuple(trials)
