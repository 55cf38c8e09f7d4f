"""Which cells a report holds against each other, and who asks for it.

The claim does, along its factor; so do the steps from a plain synchronous stack to a pooled
asynchronous one, and the ways around the connection cap. Pure; may not know numbers of speed,
nor whether the two sides are the same thing (`analysis.comparisons.same_setup` does).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analysis.reading.session import PLAIN, SERVED_BY, THREADED, Session
from analysis.summaries.cells import CellResult
from analysis.summaries.layout import Layout
from analysis.summaries.timeline import first_refusal
from analysis.summaries.trials import TrialResult
from rig.model import Interface, Level

CLAIM, WATERFALL_STEP, CAP = "claim", "ladder", "cap"

Wanted = Mapping[str, Level]
_FRESH: Wanted = {"connections": "per_request", "app_threads": 1}
_KEPT: Wanted = {"connections": "persistent", "app_threads": 1}
_THREADS: Wanted = {"connections": "persistent", "app_threads": 20}
_POOL: Wanted = {"connections": "pool", "pool_size": 20}

_Served = dict[tuple[Interface, str, str], list[CellResult]]
"""Cells by interface, target and server."""

STEP_FACTORS = frozenset({"target", "data_access", *SERVED_BY, *_KEPT, *_POOL})
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
    threaded: Stage
    """That of its stages with as many threads as the last has connections."""
    access: str = ""
    """By what the last stage reaches the database: `asyncpg`; empty where as all others do."""
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
        threaded, pooled = self.threaded, self.stages[-1]
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


@dataclass(frozen=True)
class _Way:
    """From WSGI to ASGI: a target and a server on either side, empty where there is none."""

    targets: tuple[str, str]
    servers: tuple[str, str]
    """Of WSGI the one that keeps the clients' connections."""


def waterfalls(
    session: Session, layout: Layout, cells: Sequence[CellResult]
) -> tuple[Waterfall, ...]:
    """One per way from WSGI to ASGI and combination of the other factors, with stages enough."""
    groups: dict[tuple[tuple[str, Level], ...], list[CellResult]] = {}
    for cell in cells:
        key = tuple((n, level) for n, level in cell.levels.items() if n not in STEP_FACTORS)
        groups.setdefault(key, []).append(cell)
    found = []
    for alike in groups.values():
        served: _Served = {}
        for cell in alike:
            if interface := session.interface_of(cell.levels):
                side = interface, str(cell.levels.get("target")), session.server_of(cell.levels)
                served.setdefault(side, []).append(cell)
        ways = list(_ways(served))
        for way in ways:
            words = dict.fromkeys(filter(None, (*_named(way, ways), layout.group(alike[0].levels))))
            found.append(_waterfall(" · ".join(words), served, way))
    return tuple(waterfall for waterfall in found if len(waterfall.measured) >= FEWEST)


def _named(way: _Way, ways: Sequence[_Way]) -> Iterator[str]:
    """What tells a way from the others."""
    if len({one.targets for one in ways}) > 1:
        yield from way.targets
    for server, every in zip(
        way.servers, zip(*(one.servers for one in ways), strict=True), strict=True
    ):
        if len(set(every)) > 1:
            yield server


def _ways(served: _Served) -> Iterator[_Way]:
    """A target that is called in both ways is held against itself, any other against all."""
    sync = _servers(served, Interface.WSGI)
    asynchronous = _servers(served, Interface.ASGI)
    for target, servers in sync.items():
        others = [name for name in asynchronous if name not in sync]
        kept = [server for server in servers if server != PLAIN]
        for other in [target] if target in asynchronous else others or [""]:
            for pair in itertools.product(kept or [THREADED], asynchronous.get(other, [""])):
                yield _Way((target, other), pair)


def _servers(served: _Served, interface: Interface) -> Mapping[str, Sequence[str]]:
    """The servers of each target that is called like this."""
    found: dict[str, list[str]] = {}
    for one, target, server in served:
        if one is interface:
            found.setdefault(target, []).append(server)
    return found


def _waterfall(group: str, served: _Served, way: _Way) -> Waterfall:
    """The stages of experiments/ablation.yaml, each of which differs from the one before in one
    idea; but for the first async one, and for the last, which may change driver and ORM at once."""
    (target, other), (server, loop) = way.targets, way.servers
    keeping = served.get((Interface.WSGI, target, server), [])
    plain = served.get((Interface.WSGI, target, PLAIN), [])
    name = server.removeprefix("gunicorn-")
    of_server = [Stage(f"{name}, one thread", _find(keeping, _KEPT), "… and ")] if plain else []
    threaded = Stage("20 threads", _find(keeping, _THREADS), "… and ")
    first = plain or keeping
    pooled, access = _pooled(served.get((Interface.ASGI, other, loop), []), target == other)
    sides = [_find(keeping, {**_THREADS, "data_access": level}) for level in ("sql", "orm")]
    sql, orm = (side if Stage("", side).goodput_rps else None for side in sides)
    stages = (
        Stage("sync, connection per request", _find(first, _FRESH)),
        Stage("connection kept", _find(first, _KEPT), "… "),
        *of_server,
        threaded,
        *pooled,
    )
    return Waterfall(group, stages, threaded, access, (sql, orm) if sql and orm else None)


def _pooled(cells: Sequence[CellResult], same_target: bool) -> tuple[Sequence[Stage], str]:
    """The async stages, and by what the last of them reaches the database.

    One and the same code at one level of `data_access` has one, whatever that level means to it.
    """
    if same_target and len({cell.levels.get("data_access") for cell in cells}) == 1:
        return [Stage("async, 20 connections", _find(cells, _POOL))], ""
    orm, sql = (_find(cells, {**_POOL, "data_access": level}) for level in ("orm", "sql"))
    access = (_driver(sql) if sql else "") or "plain SQL"
    stages = (
        Stage("async, the ORM, 20 connections", orm),
        Stage(f"async, {access}, 20 connections", sql),
    )
    return stages, access


def _driver(cell: CellResult) -> str:
    """What its app says that it reaches the database by; empty where it does not say."""
    told = [one.record.facts.get("app") for one in cell.valid if one.record]
    drivers = [str(app.get("driver", "")) for app in told if isinstance(app, Mapping)]
    return next((name for name in drivers if re.fullmatch(r"\w{1,20}", name)), "")


def _find(cells: Sequence[CellResult], wanted: Wanted) -> CellResult | None:
    """The cell at these levels; where data access is open, the ORM's, as in the steps after."""
    found = [
        cell for cell in cells if all(cell.levels.get(n) == level for n, level in wanted.items())
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
