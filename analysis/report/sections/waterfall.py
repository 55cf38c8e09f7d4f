"""Which step owns how much of the gap between a plain synchronous stack and a pooled async one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from analysis.plots import waterfall
from analysis.plots.waterfall import Step
from analysis.report.blocks import Absent, Block, Figure, Section, Table, para, row
from analysis.report.material import Material
from analysis.report.wording import NOTHING, percent, said, times
from analysis.summary import CellResult
from rig.model import Level

TITLE = "Which step owns the gap"

Wanted = Mapping[str, Level]
LADDER: Sequence[tuple[str, Wanted]] = (
    (
        "sync, connection per request",
        {"target": "sync", "connections": "per_request", "app_threads": 1},
    ),
    ("… connection kept", {"target": "sync", "connections": "persistent", "app_threads": 1}),
    ("… and 20 threads", {"target": "sync", "connections": "persistent", "app_threads": 20}),
    (
        "async, the ORM, 20 connections",
        {"target": "async", "data_access": "orm", "connections": "pool", "pool_size": 20},
    ),
    (
        "async, asyncpg, 20 connections",
        {"target": "async", "data_access": "sql", "connections": "pool", "pool_size": 20},
    ),
)
"""The steps of experiments/ablation.yaml; each differs from the one before in one idea."""

CLIMBED = frozenset(name for _, wanted in LADDER for name in wanted)
FEWEST = 3


def section(material: Material) -> Section | Absent:
    """A ladder per combination of the other factors."""
    ladders = [
        steps for steps in _ladders(material) if sum(bool(s.goodput_rps) for s in steps) >= FEWEST
    ]
    if not ladders:
        return Absent(TITLE, "not in this session; experiments/ablation.yaml measures the steps")
    figure = Figure(
        [waterfall.draw(steps) for steps in ladders],
        alt="Waterfall of the steps from sync to async",
        name="waterfall",
        caption="Each bar goes from the step before to this one; percentages are shares of the "
        "log of the whole gap.",
        columns=waterfall.COLUMNS,
        rows=[line for steps in ladders for line in waterfall.rows(steps)],
    )
    blocks: list[Block] = [para(*_verdict(steps)) for steps in ladders]
    blocks += [figure, _table(ladders)]
    blocks += [para(line) for line in _sql_beside_orm(material)]
    return Section("waterfall", TITLE, blocks)


def _groups(material: Material) -> dict[str, list[CellResult]]:
    """Cells that differ in what the ladder climbs alone, by what they have in common."""
    groups: dict[tuple[tuple[str, Level], ...], list[CellResult]] = {}
    for cell in material.cells:
        key = tuple((n, level) for n, level in cell.levels.items() if n not in CLIMBED)
        groups.setdefault(key, []).append(cell)
    return {material.layout.group(cells[0].levels): cells for cells in groups.values()}


def _ladders(material: Material) -> list[tuple[Step, ...]]:
    return [
        waterfall.data(group, [(name, _rate(_find(cells, wanted))) for name, wanted in LADDER])
        for group, cells in _groups(material).items()
    ]


def _find(cells: Sequence[CellResult], wanted: Wanted) -> CellResult | None:
    """The cell at these levels; where data access is open, the ORM's, as in the steps after."""
    found = [c for c in cells if all(c.levels.get(n) == level for n, level in wanted.items())]
    found.sort(key=lambda cell: cell.levels.get("data_access") != "orm")
    return found[0] if found else None


def _rate(cell: CellResult | None) -> float | None:
    rate = cell.row["goodput_rps"] if cell else None
    return float(rate) if isinstance(rate, int | float) else None


def _verdict(steps: Sequence[Step]) -> tuple[str, ...]:
    rates = [step.goodput_rps for step in steps if step.goodput_rps]
    whole = rates[-1] / rates[0]
    owned = [step for step in steps if step.share is not None]
    if not owned or abs(whole - 1) < 0.1:
        return (f"{steps[0].group}: there is hardly a gap ({times(whole)}).",)
    parts = [f"{times(step.ratio)} ({_plain(step.step)})" for step in owned]
    most = max(owned, key=lambda step: step.share or 0.0)
    threaded, pooled = steps[2].goodput_rps, steps[4].goodput_rps
    words = f"{steps[0].group}: {times(whole)} = {' · '.join(parts)}. "
    words += f"The largest step: {_plain(most.step)}."
    if threaded and pooled:
        words += (
            f" Without async, kept connections and 20 threads serve {said(threaded)} /s; "
            f"asyncpg on as many connections {said(pooled)} /s."
        )
    return (words,)


def _plain(step: str) -> str:
    return step.removeprefix("… ").removeprefix("and ")


def _table(ladders: Sequence[Sequence[Step]]) -> Table:
    rows = [
        row(step.group, step.step, said(step.goodput_rps), times(step.ratio),
            NOTHING if step.share is None else percent(step.share))
        for steps in ladders
        for step in steps
    ]  # fmt: skip
    heading = ["where", "step", "goodput /s", "ratio", "share of the gap"]
    return Table(heading, rows, numbers_from=2)


def _sql_beside_orm(material: Material) -> Iterator[str]:
    """What plain SQL gains a threaded sync stack, where that was measured too."""
    for group, cells in _groups(material).items():
        sides = {
            access: _rate(
                _find([c for c in cells if c.levels.get("data_access") == access], LADDER[2][1])
            )
            for access in ("orm", "sql")
        }
        if sides["orm"] and sides["sql"]:
            yield (
                f"{group}: the last step changes driver and ORM at once. With sync, 20 threads and "
                "kept connections, plain SQL instead of the ORM alone gives "
                f"{times(sides['sql'] / sides['orm'])}."
            )
