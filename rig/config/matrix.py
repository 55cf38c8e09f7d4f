"""The Matrix: an experiment as asked, parsed; and the cells it means.

Pure. May not know YAML: `rig.design` builds trials from it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rig.factors import FACTORS
from rig.inference.capacity import SearchSpec
from rig.model import Level, UsageError
from rig.plan import Cell, Data, Load, Objective, Open, Target

METRICS = ("goodput_rps", "max_goodput_rps", "p50_ms", "p95_ms", "p99_ms")
"""What a claim may be about."""

ORDERS = ("random_blocks", "as_listed")
MOST_REPEATS = 1000
MOST_TRIALS = 10_000
"""Of a session: cells, each as often as it is measured."""
MOST_SEED = 10**12
FEWEST_LOOKED_AT, MOST_LOOKED_AT = 4, 12
"""Repeats between which intervals may decide when to stop, and still hold (docs/method.md)."""
MOST_LOAD_WORKERS = 64

Only = Mapping[str, tuple[Level, ...]]
"""By factor, the levels of which a cell has one."""


@dataclass(frozen=True)
class Claim:
    """What the experiment is to show: `metric` at one level of `factor` over that at another.

    Either that the ratio is `at_least` so much, or that the two are equal within a margin:
    `equivalent_within` 0.25 is a factor of 1.25 up or down.
    """

    says: str
    metric: str
    factor: str
    numerator: Level
    denominator: Level
    at_least: float | None = None
    equivalent_within: float | None = None


@dataclass(frozen=True)
class Limit:
    """What a measure is to keep: `of` in the columns of the tables, `relation` one of < <= > >=.

    `value`: in the measure's unit; of a share 0.01 is 1 %.
    """

    of: str
    relation: str
    value: float


@dataclass(frozen=True)
class Requirement:
    """Limits that every cell at the levels of `cell` is to keep, however others compare."""

    cell: Mapping[str, Level]
    limits: tuple[Limit, ...]


@dataclass(frozen=True)
class Extra:
    """Cells beside the cross product: those that `only` names, with `set` applied."""

    name: str
    because: str
    only: Mapping[str, tuple[Level, ...]]
    set: Mapping[str, Level]


@dataclass(frozen=True)
class Repeats:
    """Every cell so many times."""

    times: int


@dataclass(frozen=True)
class Until:
    """Repeats that end once every ratio of the claim is known to ±`within` (0.1 is 10 %)."""

    claim: Claim
    within: float
    at_least: int
    """Blocks before the first look."""
    at_most: int


@dataclass(frozen=True)
class Search:
    """Where along `factor` the claim's ratio passes 1, within `between`."""

    claim: Claim
    factor: str
    between: tuple[float, float]


@dataclass(frozen=True)
class Instead:
    """A Locust file that the command line puts in the place of all routes."""

    file: str
    """As a whole path."""
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Capacity:
    """The highest level of `factor` at which the matrix's objective is kept, of each cell."""

    factor: str
    spec: SearchSpec
    recovery: bool = True
    """Whether one more trial shows that it recovers from a surge."""


AnyDesign = Repeats | Until | Search | Capacity


@dataclass(frozen=True)
class Matrix:
    """An experiment with one profile merged in, all of it checked."""

    experiment: str
    claim: Claim | None
    setup: Mapping[str, Level]
    vary: Mapping[str, tuple[Level, ...]]
    also: tuple[Extra, ...]
    load: Load
    data: Data
    design: AnyDesign
    order: str
    seed: int
    profile: str | None
    targets: Mapping[str, Target]
    text: str
    """The YAML as read, for the session's copy."""
    requires: tuple[Requirement, ...] = ()
    instead: Instead | None = None
    """What of the command line has changed its routes."""
    objective: Objective | None = None
    """What a trial's window has to keep to count as carried."""
    rate_per_s: float | None = None
    """The rate that is to be carried within the objective."""


def base_cells(
    setup: Mapping[str, Level], vary: Mapping[str, tuple[Level, ...]]
) -> tuple[Cell, ...]:
    """The cross product of `vary` in listed order, each factor at a level that is not `absent`."""
    defaults = {name: f.default for name, f in FACTORS.items() if f.default is not None}
    fixed = {**defaults, **setup}
    combinations = itertools.product(*vary.values())
    return tuple(
        _cell({**fixed, **dict(zip(vary, levels, strict=True))}) for levels in combinations
    )


def extra_cells(base: tuple[Cell, ...], extra: Extra) -> tuple[Cell, ...]:
    """The cells of `base` that the extra's `only` names, with its `set` applied."""
    return tuple(
        _cell({**cell.levels, **extra.set}, extra.because)
        for cell in filter_cells(base, extra.only)
    )


def cells(matrix: Matrix) -> tuple[Cell, ...]:
    """The cross product, then each extra's cells; the first of equal cells stays."""
    return cells_of(matrix.setup, matrix.vary, matrix.also)


def cells_of(
    setup: Mapping[str, Level], vary: Mapping[str, tuple[Level, ...]], also: tuple[Extra, ...]
) -> tuple[Cell, ...]:
    """The same of sections that make no Matrix yet."""
    base = base_cells(setup, vary)
    extras = (extra_cells(base, extra) for extra in also)
    first: dict[tuple[Level, ...], Cell] = {}
    for cell in itertools.chain(base, *extras):
        first.setdefault(cell.values, cell)
    return tuple(first.values())


def filter_cells(of: tuple[Cell, ...], only: Only) -> tuple[Cell, ...]:
    """The cells that are, for every factor of `only`, at one of its levels."""
    return tuple(
        cell
        for cell in of
        if all(cell.levels.get(factor) in one_of for factor, one_of in only.items())
    )


def with_options(
    matrix: Matrix,
    seed: int | None = None,
    repeats: int | None = None,
    load_workers: int | None = None,
) -> Matrix:
    """The matrix with what the command line overrides; UsageError where that cannot be.

    A number of `repeats` takes the place of those that end by themselves.
    """
    if repeats is not None and not 1 <= repeats <= MOST_REPEATS:
        raise UsageError(f"--repeats {_shown(repeats)}: expected 1 to {MOST_REPEATS}")
    if load_workers is not None and not 1 <= load_workers <= MOST_LOAD_WORKERS:
        raise UsageError(f"--workers {_shown(load_workers)}: expected 1 to {MOST_LOAD_WORKERS}")
    if repeats is not None and isinstance(matrix.design, Search | Capacity):
        what = "--repeats: a search decides for itself how often it measures"
        raise UsageError(what, "leave --repeats out")
    if repeats is not None and (count := repeats * len(cells(matrix))) > MOST_TRIALS:
        raise UsageError(f"--repeats {repeats}: {count} trials, expected at most {MOST_TRIALS}")
    if seed is not None and not 0 <= seed <= MOST_SEED:
        raise UsageError(f"--seed {_shown(seed)}: expected 0 to {MOST_SEED}")
    workers = matrix.load.load_workers if load_workers is None else load_workers
    model = matrix.load.model
    if isinstance(model, Open) and model.most_in_flight < workers:
        raise UsageError(
            f"--workers {workers}: expected at most `max_in_flight`, {model.most_in_flight}"
        )
    return replace(
        matrix,
        seed=matrix.seed if seed is None else seed,
        design=matrix.design if repeats is None else Repeats(repeats),
        load=replace(matrix.load, load_workers=workers),
    )


def _shown(number: int) -> str:
    """A number that somebody typed, on one line."""
    return str(number) if abs(number) < 10**20 else f"{str(number)[:20]}..."


def _cell(levels: Mapping[str, Level], because: str = "") -> Cell:
    return Cell({name: levels[name] for name in FACTORS if name in levels}, because)
