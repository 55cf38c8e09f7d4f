"""Which cells a report holds against each other, and who asks for it.

The claim does, along its factor; so do the steps from a plain synchronous stack to a pooled
asynchronous one, and the ways around the connection cap. Pure; may not know numbers of speed,
nor whether the two sides are the same thing (`analysis.comparisons.same_setup` does).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analysis.reading.session import Session
from analysis.summaries.cells import CellResult
from analysis.summaries.layout import Layout
from analysis.summaries.timeline import first_refusal
from analysis.summaries.trials import TrialResult
from rig.model import Interface, Level

CLAIM, WATERFALL_STEP, CAP = "claim", "ladder", "cap"

Wanted = Mapping[str, Level]
_KEPT: Wanted = {"connections": "persistent", "app_threads": 1}
_POOL: Wanted = {"connections": "pool", "pool_size": 20}
STAGES: Sequence[tuple[str, str, Interface, Wanted]] = (
    (
        "",
        "sync, connection per request",
        Interface.WSGI,
        {**_KEPT, "connections": "per_request", "wsgi_worker": "auto"},
    ),
    ("… ", "connection kept", Interface.WSGI, {**_KEPT, "wsgi_worker": "auto"}),
    ("… and ", "gthread, one thread", Interface.WSGI, {**_KEPT, "wsgi_worker": "gthread"}),
    ("… and ", "20 threads", Interface.WSGI, {**_KEPT, "app_threads": 20}),
    ("", "async, the ORM, 20 connections", Interface.ASGI, {**_POOL, "data_access": "orm"}),
    ("", "async, asyncpg, 20 connections", Interface.ASGI, {**_POOL, "data_access": "sql"}),
)
"""The steps of experiments/ablation.yaml: what leads a label on in a list, the label, the stack.

Each differs from the one before in one idea, but for the last two, which change server and
driver."""

LEVELS_UNSAID = {"wsgi_worker": "auto"}
"""What sessions had that do not know these factors."""

THREADED, POOLED = 3, 5
"""Its stages that serve as many requests at once, without async and with it."""

STEP_FACTORS = frozenset({"target", *(name for *_, wanted in STAGES for name in wanted)})
FEWEST = 3
"""Stages with a rate that make a waterfall."""

CAP_REMEDIES = frozenset(
    {"pooler", "max_connections", "connections", "pool_size", "pooler_pool_size"}
)
"""What stands between app and Postgres."""


@dataclass(frozen=True)
class Pair:
    """Two cells whose numbers are divided: `over` by `under`."""

    over: CellResult
    under: CellResult
    asked_by: str

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors in which they differ."""
        under = self.under.levels
        return tuple(name for name, level in self.over.levels.items() if level != under.get(name))


@dataclass(frozen=True)
class Stage:
    """One stack on the way; without a cell where the session has none for it."""

    label: str
    cell: CellResult | None
    lead: str = ""

    @property
    def name(self) -> str:
        """Its label in a list, where it goes on from the stage before: `… and 20 threads`."""
        return self.lead + self.label

    @property
    def goodput_rps(self) -> float | None:
        """The median of the cell's valid trials, answers/s."""
        return self.cell.measures.goodput_rps if self.cell else None


@dataclass(frozen=True)
class Waterfall:
    """All stages, at one combination of the factors that its steps leave alone."""

    group: str
    """What these are, in words."""
    stages: tuple[Stage, ...]
    sql_beside_orm: tuple[CellResult, CellResult] | None = None
    """The threaded stage with plain SQL and with the ORM, where both were measured."""

    @property
    def measured(self) -> tuple[Stage, ...]:
        """The stages with a rate."""
        return tuple(stage for stage in self.stages if stage.goodput_rps)

    @property
    def skipped(self) -> Mapping[str, tuple[str, ...]]:
        """By the label of a stage with a rate: those without one that its step leaps over."""
        measured = self.measured
        found = {}
        for under, over in itertools.pairwise(measured):
            between = self.stages[self.stages.index(under) + 1 : self.stages.index(over)]
            found[over.label] = tuple(stage.label for stage in between)
        return {label: over for label, over in found.items() if over}

    @property
    def steps(self) -> tuple[Pair, ...]:
        """Each stage with a rate over the one before it that has one."""
        cells = [stage.cell for stage in self.measured if stage.cell]
        return tuple(Pair(over, under, WATERFALL_STEP) for under, over in itertools.pairwise(cells))

    @property
    def pairings(self) -> tuple[Pair, ...]:
        """Whatever of it is divided by another part of it."""
        cells = [stage.cell for stage in self.measured if stage.cell]
        others = [(cells[-1], cells[0])]
        threaded, pooled = self.stages[THREADED], self.stages[POOLED]
        if threaded in self.measured and pooled in self.measured:
            assert threaded.cell is not None
            assert pooled.cell is not None
            others.append((pooled.cell, threaded.cell))
        others += [self.sql_beside_orm] if self.sql_beside_orm else []
        return (*self.steps, *(Pair(over, under, WATERFALL_STEP) for over, under in others))


def pairings(session: Session, layout: Layout, cells: Sequence[CellResult]) -> tuple[Pair, ...]:
    """All of a session, each pair of cells once: the claim's first."""
    found: dict[frozenset[str], Pair] = {}
    for one in (
        *claimed(session, cells),
        *(one for waterfall in waterfalls(session, layout, cells) for one in waterfall.pairings),
        *cap_remedies(cells),
    ):
        found.setdefault(frozenset((one.over.cell, one.under.cell)), one)
    return tuple(found.values())


def claimed(session: Session, cells: Sequence[CellResult]) -> Iterator[Pair]:
    """Every two cells that differ in the claim's factor alone, at the levels that it compares."""
    claim = session.claim
    if claim is None:
        return

    def others(cell: CellResult) -> frozenset[tuple[str, Level]]:
        return frozenset((name, at) for name, at in cell.levels.items() if name != claim.factor)

    unders = {others(c): c for c in cells if c.levels.get(claim.factor) == claim.denominator}
    for over in cells:
        if over.levels.get(claim.factor) == claim.numerator and others(over) in unders:
            yield Pair(over, unders[others(over)], CLAIM)


def waterfalls(
    session: Session, layout: Layout, cells: Sequence[CellResult]
) -> tuple[Waterfall, ...]:
    """One per WSGI and ASGI target and combination of the other factors, with stages enough."""
    groups: dict[tuple[tuple[str, Level], ...], list[CellResult]] = {}
    for cell in cells:
        key = tuple((n, level) for n, level in cell.levels.items() if n not in STEP_FACTORS)
        groups.setdefault(key, []).append(cell)
    sides = [session.targets_of(interface) or ("",) for interface in Interface]
    several = any(len(names) > 1 for names in sides)
    found = [
        _waterfall(
            " · ".join([*(targets if several else ()), layout.group(alike[0].levels)]),
            alike,
            dict(zip(Interface, targets, strict=True)),
        )
        for alike in groups.values()
        for targets in itertools.product(*sides)
    ]
    return tuple(waterfall for waterfall in found if len(waterfall.measured) >= FEWEST)


def _waterfall(
    group: str, cells: Sequence[CellResult], targets: Mapping[Interface, str]
) -> Waterfall:
    wanted = [{**levels, "target": targets[interface]} for *_, interface, levels in STAGES]
    stages = tuple(
        Stage(label, _find(cells, levels), lead)
        for (lead, label, *_), levels in zip(STAGES, wanted, strict=True)
    )
    sides = [_find(cells, {**wanted[THREADED], "data_access": access}) for access in ("sql", "orm")]
    sql, orm = (side if Stage("", side).goodput_rps else None for side in sides)
    return Waterfall(group, stages, (sql, orm) if sql and orm else None)


def _find(cells: Sequence[CellResult], wanted: Wanted) -> CellResult | None:
    """The cell at these levels; where data access is open, the ORM's, as in the steps after."""
    found = [
        cell
        for cell in cells
        if all(cell.levels.get(n, LEVELS_UNSAID.get(n)) == level for n, level in wanted.items())
    ]
    found.sort(key=lambda cell: cell.levels.get("data_access") != "orm")
    return found[0] if found else None


def is_refused(cell: CellResult) -> bool:
    """Whether a valid trial of it was refused a connection."""
    return bool(cell.valid) and first_refusal(representative_trial(cell).timeline) is not None


def representative_trial(cell: CellResult) -> TrialResult:
    """Its first valid trial that was refused a connection, or else its first valid one."""
    refused = (one for one in cell.valid if first_refusal(one.timeline) is not None)
    return next(refused, cell.valid[0])


def cap_remedies(cells: Sequence[CellResult]) -> Iterator[Pair]:
    """Each cell that is not refused over one that is, where only `CAP_REMEDIES` differs."""
    for refused in filter(is_refused, cells):
        for cell in cells:
            pairing = Pair(cell, refused, CAP)
            if cell.valid and not is_refused(cell) and CAP_REMEDIES.issuperset(pairing.factors):
                yield pairing
