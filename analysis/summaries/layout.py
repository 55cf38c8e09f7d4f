"""How a session's cells are laid out: which factor parts panels, which runs along x, what is left.

Table and figures share it, so that a cell has one name everywhere. Pure; may not know numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.reading.session import Factor, Scheduled, Session
from rig.model import SURGE, Level

PANEL, X, COLOUR = "route", "delay_ms", "target"


@dataclass(frozen=True)
class Layout:
    """Each factor's part in a layout. `rest`: those that vary and have no part of their own."""

    panel: Factor | None
    x: Factor | None
    """A factor with numbers for levels; None where none varies among the cells of `vary`."""
    colour: Factor | None
    rest: tuple[Factor, ...]
    base: Mapping[str, tuple[Level, ...]]
    """The levels that the cells of `vary` have, by factor."""
    fixed: tuple[tuple[Factor, Level], ...]

    def series(self, levels: Mapping[str, Level]) -> str:
        """What tells a cell from others in its panel at its x: `async, pgbouncer`."""
        parts = [str(levels[self.colour.name])] if self.colour else []
        return ", ".join(parts + self.differs(levels)) or self._only(levels)

    def deployment(self, levels: Mapping[str, Level]) -> str:
        """What tells a cell from others, whatever its x: `io_create · async, pgbouncer`."""
        parts = [
            factor.say(levels[factor.name])
            for factor in (self.panel, self.x)
            if factor and factor.name in levels and len(self.base[factor.name]) > 1
        ]
        return " · ".join([*parts, self.series(levels)])

    def differs(self, levels: Mapping[str, Level]) -> list[str]:
        """The levels worth saying: not those that every cell of `vary` shares."""
        return [
            factor.say(levels[factor.name])
            for factor in self.rest
            if factor.name in levels and self.base[factor.name] != (levels[factor.name],)
        ]

    def group(self, levels: Mapping[str, Level]) -> str:
        """The heading a cell stands under: `io_create · added delay 100 ms`."""
        parts = [factor.say(levels[factor.name]) for factor in (self.panel, self.x) if factor]
        return " · ".join(parts)

    def order(self, levels: Mapping[str, Level]) -> list[tuple[int, float, str]]:
        """A sort key: by panel, x, then the rest, as far as the base goes first."""
        parts = [factor for factor in (self.panel, self.x) if factor]
        extra = (int(self.is_extra(levels)), 0.0, "")
        series = [factor for factor in (self.colour, *self.rest) if factor]
        by_parts = [factor.rank(levels[factor.name]) for factor in parts]
        return [*by_parts, extra, *(factor.rank(levels[factor.name]) for factor in series)]

    def is_extra(self, levels: Mapping[str, Level]) -> bool:
        """Whether a cell has a level that no cell of `vary` has."""
        return any(levels[factor.name] not in self.base[factor.name] for factor in self.rest)

    @property
    def everywhere(self) -> str:
        """What every cell has in common: `added delay 100 ms, connections per_request`."""
        said = [
            (factor, level) for factor, level in self.fixed if (factor.name, level) != (SURGE, 0)
        ]
        return ", ".join(f"{factor.label} {factor.value(level)}" for factor, level in said)

    @property
    def unsaid(self) -> tuple[tuple[Factor, Level], ...]:
        """The levels that the name of a cell leaves out, where other cells have others."""
        own = [(factor, self.base[factor.name]) for factor in self.rest]
        return tuple((factor, levels[0]) for factor, levels in own if len(levels) == 1)

    def _only(self, levels: Mapping[str, Level]) -> str:
        target = levels.get(COLOUR)
        return str(target) if target is not None else "all"


def layout_of(session: Session) -> Layout:
    """The layout of a session's schedule."""
    base_cells = [trial for trial in session.scheduled if not trial.because]
    base_cells = base_cells or list(session.scheduled)
    base = {f.name: _levels(f, base_cells) for f in session.factors}
    varying = [f for f in session.factors if len(_levels(f, session.scheduled)) > 1]
    numeric = [f for f in session.factors if len(base[f.name]) > 1 and _numbers(base[f.name])]
    panel = session.factor(PANEL)
    wanted = session.searched or X
    x = next((f for f in numeric if f.name == wanted), numeric[0] if numeric else None)
    colour = next((f for f in varying if f.name == COLOUR), None)
    taken = {f.name for f in (panel, x, colour) if f}
    fixed = [f for f in session.factors if f not in varying and f.name not in taken]
    return Layout(
        panel=panel,
        x=x,
        colour=colour,
        rest=tuple(f for f in varying if f.name not in taken),
        base=base,
        fixed=tuple((f, base[f.name][0]) for f in fixed if base[f.name]),
    )


def _levels(factor: Factor, trials: Sequence[Scheduled]) -> tuple[Level, ...]:
    found = dict.fromkeys(trial.levels[factor.name] for trial in trials)
    return tuple(sorted(found, key=factor.rank))


def _numbers(levels: Sequence[Level]) -> bool:
    return all(isinstance(level, int | float) for level in levels)
