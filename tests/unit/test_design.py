from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.config import Matrix, filter_cells, read_matrix, read_targets, with_options
from rig.design import Design, RandomBlocks, cells, plan_of, varied
from rig.factors import of_every_cell
from rig.plan import Cell, Target, Trial

patient = settings(deadline=None, max_examples=30)

ROOT = Path(__file__).parents[2]
TARGETS = read_targets([ROOT], ROOT / "stack/routes.yaml")
QUICK = read_matrix(ROOT / "experiments.yaml", profile="quick", targets=TARGETS)


def run(design: Design) -> list[tuple[Trial, ...]]:
    """All blocks, each scheduled before the next is asked for."""
    scheduled: list[Trial] = []
    blocks = []
    while block := design.next_block(scheduled, []):
        blocks.append(block)
        scheduled.extend(block)
    return blocks


def ids(block: tuple[Trial, ...]) -> list[str]:
    return [trial.cell.id for trial in block]


@patient
@given(seed=st.integers(0, 10**6), repeats=st.integers(1, 5))
def test_each_block_holds_each_cell_once(seed: int, repeats: int) -> None:
    matrix = with_options(QUICK, seed=seed)
    blocks = run(RandomBlocks(matrix, repeats))
    assert len(blocks) == repeats
    for block in blocks:
        assert sorted(ids(block)) == sorted(cell.id for cell in cells(matrix))


@patient
@given(seed=st.integers(0, 10**6))
def test_a_seed_gives_the_same_blocks_again(seed: int) -> None:
    matrix = with_options(QUICK, seed=seed)
    assert run(RandomBlocks(matrix, 2)) == run(RandomBlocks(matrix, 2))


def test_seeds_and_blocks_differ_in_their_order() -> None:
    first, second = run(RandomBlocks(with_options(QUICK, seed=1), 2))
    (other,) = run(RandomBlocks(with_options(QUICK, seed=2), 1))
    assert len({tuple(ids(block)) for block in (first, second, other)}) == 3


def test_the_order_of_a_seed_stays_for_ever() -> None:
    of_the_first_release = tuple(also for also in QUICK.also if also.name != "threads")
    matrix = replace(QUICK, also=of_the_first_release)
    (block,) = run(RandomBlocks(with_options(matrix, seed=2022), 1))
    assert [trial.name for trial in block[:2]] == [
        "0001-async-io_read-delay0-direct-cap100-r1",
        "0002-sync-io_read-delay100-direct-cap100-r1",
    ]


def test_as_listed_keeps_the_order_of_the_cells() -> None:
    matrix = replace(QUICK, order="as_listed")
    listed = [cell.id for cell in cells(matrix)]
    assert [ids(block) for block in run(RandomBlocks(matrix, 2))] == [listed, listed]


def test_positions_count_on_over_blocks_and_names_differ() -> None:
    first, second = run(RandomBlocks(QUICK, 2))
    assert [trial.position for trial in first + second] == list(range(1, 33))
    assert {(trial.block, trial.replicate) for trial in second} == {(2, 2)}
    assert len({trial.name for trial in first + second}) == 32


def test_a_block_scheduled_in_part_is_finished_first() -> None:
    design = RandomBlocks(QUICK, 2)
    first, second = run(design)
    assert design.next_block(first[:5], []) == first[5:]
    assert design.next_block(first + second[:1], []) == second[1:]
    assert design.next_block(first + second, []) == ()


def test_chosen_cells_only_and_their_slugs_stay() -> None:
    chosen = filter_cells(cells(QUICK), {"target": ("sync",), "route": ("cpu",)})
    (block,) = run(RandomBlocks(QUICK, 1, chosen))
    assert {trial.slug for trial in block} == {
        "sync-cpu-delay0-per_request-direct-cap100-t1",
        "sync-cpu-delay100-per_request-direct-cap100-t1",
    }
    assert run(RandomBlocks(QUICK, 1, ())) == []


def test_a_single_cell_is_named_by_target_and_route() -> None:
    one = replace(QUICK, vary={"target": ("sync",), "route": ("cpu",), "delay_ms": (0,)}, also=())
    (block,) = run(RandomBlocks(one, 1))
    assert [trial.name for trial in block] == ["0001-sync-cpu-r1"]


def test_varied_factors_in_the_order_of_the_factors() -> None:
    factors = ("target", "route", "delay_ms", "connections", "pooler", "max_connections")
    assert varied(cells(QUICK)) == (*factors, "app_threads")
    assert varied(cells(QUICK)[:1]) == ()


def test_a_plan_holds_the_cells_levels_and_the_matrixs_load() -> None:
    cell = next(cell for cell in cells(QUICK) if cell.levels["pooler"] == "pgbouncer")
    plan, skip = plan_of(QUICK, cell, {"app": (1,)})
    assert skip == ""
    assert (plan.target_name, plan.route_name, plan.delay.delay_ms) == ("async", "io_create", 100)
    assert (plan.pooler, plan.max_connections, plan.app_workers) == ("pgbouncer", 100, 1)
    assert (plan.load, plan.data, plan.cpus) == (QUICK.load, QUICK.data, {"app": (1,)})
    assert plan.target is TARGETS["async"]
    assert plan.route is TARGETS["async"].routes["io_create"]


@pytest.mark.parametrize(
    ("change", "skip"),
    [
        ({"routes": {}}, "target sync does not serve route cpu"),
        (
            {"supports": {"connections": ("pool",)}},
            "target sync has connections pool only, not per_request",
        ),
    ],
)
def test_a_cell_its_target_cannot_serve_is_skipped_saying_why(
    change: dict[str, object], skip: str
) -> None:
    poor: Target = replace(TARGETS["sync"], **change)  # type: ignore[arg-type]
    matrix: Matrix = replace(QUICK, targets={**TARGETS, "sync": poor})
    (block,) = run(RandomBlocks(matrix, 1))
    skips = {
        trial.skip
        for trial in block
        if trial.cell.levels["target"] == "sync" and trial.cell.levels["route"] == "cpu"
    }
    assert skips == {skip}
    assert {t.skip for t in block if t.cell.levels["target"] == "async"} == {""}


@patient
@given(order=st.permutations(list(of_every_cell())))
def test_a_cells_id_does_not_depend_on_the_order_of_its_levels(order: list[str]) -> None:
    cell = cells(QUICK)[0]
    assert Cell({name: cell.levels[name] for name in order}).id == cell.id


def test_cells_have_ids_of_their_own() -> None:
    assert len({cell.id for cell in cells(QUICK)}) == 16


@patient
@given(order=st.permutations(list(QUICK.vary)))
def test_the_order_of_vary_changes_no_cell(order: list[str]) -> None:
    other = replace(QUICK, vary={name: QUICK.vary[name] for name in order})
    assert {cell.id for cell in cells(other)} == {cell.id for cell in cells(QUICK)}
