"""Designs that ask the records, on made-up records whose truth is known."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.comparisons.ratios import observations
from analysis.reading.session_files import read_session
from analysis.summaries.layout import layout_of
from analysis.summaries.trials import results
from rig import resumption, session, session_facts
from rig.backends.fake import FakeBackend
from rig.config import AnyDesign, Capacity, Claim, Matrix, Repeats, Search, Until, cells
from rig.design import CrossoverSearch, Design, RandomBlocks, SequentialBlocks
from rig.design.observations import observations_of
from rig.disk.files import sha256
from rig.factors import FACTORS
from rig.inference.capacity import SearchSpec
from rig.model import Level, Verdict
from rig.plan import Closed, Data, Load, Trial, Users
from rig.record import LoadFacts, Record
from rig.store.names import MANIFEST
from rig.store.session_folder import SessionFolder
from tests.shares import every
from tests.unit.plans import ROUTES, TARGET, record
from tests.unit.session_runs import run_trials
from tests.unit.test_session import Breaking

Rps = Callable[[Mapping[str, Level], int], float]

CLAIM = Claim("it is faster", "goodput_rps", "target", "quick", "slow", 2.0)
UNTIL = Until(CLAIM, 0.1, at_least=4, at_most=8)
SEARCH = Search(CLAIM, "delay_ms", (0.0, 20.0))
CAPACITY = Capacity("arrivals_per_s", SearchSpec((5.0, 500.0), 0.05))
MATRIX = Matrix(
    experiment="small",
    claim=CLAIM,
    setup={},
    vary={"route": ("list", "make"), "target": ("slow", "quick")},
    also=(),
    load=Load(Closed(Users(2, 4, 4)), steady_s=1.0),
    data=Data(10, 10),
    design=UNTIL,
    order="random_blocks",
    seed=3,
    profile=None,
    targets={name: replace(TARGET, name=name) for name in ("slow", "quick")},
    text="",
)
SEARCHED = replace(MATRIX, design=SEARCH)
BLOCKS = RandomBlocks(MATRIX, UNTIL.at_most)
ONE_ROUTE: Mapping[str, tuple[Level, ...]] = {"route": ("make",), "target": ("slow", "quick")}


def measured(trial: Trial, rps: float | None, verdict: Verdict = Verdict.VALID) -> Record:
    return replace(
        record(load=LoadFacts(goodput_rps=rps)), trial=trial.name, attempt=1, verdict=verdict
    )


def walk(design: Design, rps: Rps, *, invalid: int = 0) -> list[tuple[Trial, ...]]:
    """All blocks, with a record for each trial; of each block the first `invalid` do not count."""
    blocks: list[tuple[Trial, ...]] = []
    scheduled: list[Trial] = []
    records: list[Record] = []
    while block := design.next_block(scheduled, records):
        blocks.append(block)
        scheduled += block
        for index, trial in enumerate(block):
            verdict = Verdict.INVALID if index < invalid else Verdict.VALID
            records.append(measured(trial, rps(trial.cell.levels, trial.block), verdict))
    return blocks


def steady(levels: Mapping[str, Level], block: int) -> float:
    return (30.0 if levels["target"] == "quick" else 10.0) * block


def wavering(levels: Mapping[str, Level], block: int) -> float:
    return steady(levels, 1) * (1 + 0.2 * (block % 2) * (levels["target"] == "quick"))


@pytest.mark.parametrize(
    ("design", "text"),
    [
        (Repeats(3), '{"repeats": 3, "until": null, "search": null, "capacity": null}'),
        (
            UNTIL,
            '{"repeats": 8, "until": {"within": 0.1, "at_least": 4}, "search": null,'
            ' "capacity": null}',
        ),
        (
            SEARCH,
            '{"repeats": 1, "until": null,'
            ' "search": {"factor": "delay_ms", "between": [0.0, 20.0]}, "capacity": null}',
        ),
        (
            CAPACITY,
            '{"repeats": 1, "until": null, "search": null,'
            ' "capacity": {"factor": "arrivals_per_s", "between": [5.0, 500.0], "within": 0.05,'
            ' "repeats": 3}}',
        ),
    ],
)
def test_a_session_says_its_design_in_the_same_keys(design: AnyDesign, text: str) -> None:
    assert json.dumps(session_facts.design_facts(design)) == text


@pytest.mark.parametrize("design", [Repeats(3), UNTIL, SEARCH])
def test_each_design_is_walked_by_its_own(design: Repeats | Until | Search) -> None:
    matrix = replace(MATRIX, design=design)
    match design:
        case Repeats():
            expected: Design = RandomBlocks(matrix, 3, cells(matrix))
        case Until():
            expected = SequentialBlocks(RandomBlocks(matrix, 8, cells(matrix)), UNTIL)
        case Search():
            expected = CrossoverSearch(matrix, SEARCH, cells(matrix))
    assert session.design_of(matrix, {}, {}) == expected


def test_narrow_from_the_start_takes_the_fewest_blocks() -> None:
    blocks = walk(SequentialBlocks(BLOCKS, UNTIL), steady)
    assert len(blocks) == 4
    assert all(len(block) == 4 for block in blocks)


def test_never_narrow_takes_the_most() -> None:
    assert len(walk(SequentialBlocks(BLOCKS, UNTIL), wavering)) == 8


def test_one_wide_ratio_is_enough_to_go_on() -> None:
    def rps(levels: Mapping[str, Level], block: int) -> float:
        return (wavering if levels["route"] == "make" else steady)(levels, block)

    assert len(walk(SequentialBlocks(BLOCKS, UNTIL), rps)) == 8


def test_it_stops_in_between() -> None:
    def rps(levels: Mapping[str, Level], block: int) -> float:
        away = 0.07 if block % 2 and levels["target"] == "quick" else 0.0
        return steady(levels, block) * math.exp(2 * away)

    # the logs of the ratio scatter by 7 to 8 %: t · s ÷ √n comes below log 1.1 with n = 6
    assert 4 < len(walk(SequentialBlocks(BLOCKS, UNTIL), rps)) < 8


def test_what_cannot_be_compared_goes_on_to_the_end() -> None:
    def none(levels: Mapping[str, Level], block: int) -> float:
        return 0.0 if levels["target"] == "quick" else 10.0

    assert len(walk(SequentialBlocks(BLOCKS, UNTIL), none)) == 8


def test_invalid_trials_do_not_count() -> None:
    # one of each block's four is missing, so some pair has less than four of the first four
    assert len(walk(SequentialBlocks(BLOCKS, UNTIL), steady, invalid=1)) > 4
    assert len(walk(SequentialBlocks(BLOCKS, UNTIL), steady, invalid=4)) == 8


def test_without_records_it_is_as_long_as_it_can_be() -> None:
    design, scheduled = SequentialBlocks(BLOCKS, UNTIL), list[Trial]()
    while block := design.next_block(scheduled, []):
        scheduled += block
    assert len(scheduled) == design.most_trials == 32


def test_a_block_scheduled_in_part_is_finished_before_anything_is_asked() -> None:
    design = SequentialBlocks(BLOCKS, UNTIL)
    blocks = walk(design, steady)
    scheduled = [trial for block in blocks for trial in block]
    records = [measured(trial, steady(trial.cell.levels, trial.block)) for trial in scheduled]
    fifth = BLOCKS.block(5)
    assert design.next_block(scheduled, records) == ()
    assert design.next_block([*scheduled, *fifth[:1]], records) == fifth[1:]


def at_most_users(true_ms: float) -> Rps:
    """slow serves 1 ÷ (2 + 3 · delay), quick steadily; equal at `true_ms`."""

    def rps(levels: Mapping[str, Level], block: int) -> float:
        delay_ms = float(levels["delay_ms"])
        slow = 1000 / (2 + 3 * delay_ms)
        return slow if levels["target"] == "slow" else 1000 / (2 + 3 * true_ms)

    return rps


def test_a_search_takes_twelve_trials_of_each_route_and_gathers_at_the_crossover() -> None:
    blocks = walk(CrossoverSearch(SEARCHED, SEARCH), at_most_users(4.0))
    trials = [trial for block in blocks for trial in block]
    assert len(trials) == CrossoverSearch(SEARCHED, SEARCH).most_trials == 24
    for route in ROUTES:
        mine = [t for t in trials if t.cell.levels["route"] == route]
        levels = [t.cell.levels["delay_ms"] for t in mine if t.cell.levels["target"] == "slow"]
        assert levels == [0, 20, 4, 3.2, 5, 4]
    assert len({trial.name for trial in trials}) == 24
    assert trials[8].name.startswith("0009-")
    assert {t.replicate for t in trials if t.cell.levels["delay_ms"] == 4} == {1, 2}


def test_both_sides_of_a_pair_are_in_one_block_at_one_level() -> None:
    for block in walk(CrossoverSearch(SEARCHED, SEARCH), at_most_users(1.0)):
        for route in ROUTES:
            pair = [trial for trial in block if trial.cell.levels["route"] == route]
            assert {trial.cell.levels["target"] for trial in pair} == {"slow", "quick"}
            assert len({trial.cell.levels["delay_ms"] for trial in pair}) == 1
            assert {trial.plan.delay.delay_ms for trial in pair} == {
                float(trial.cell.levels["delay_ms"]) for trial in pair
            }


def test_a_route_without_a_crossover_ends_early_and_the_other_goes_on() -> None:
    def rps(levels: Mapping[str, Level], block: int) -> float:
        return (steady if levels["route"] == "list" else at_most_users(4.0))(levels, 1)

    blocks = walk(CrossoverSearch(SEARCHED, SEARCH), rps)
    assert [len(block) for block in blocks] == [4, 4, 4, 2, 2, 2]


def test_invalid_pairs_are_paid_for_too() -> None:
    one = replace(SEARCHED, vary=ONE_ROUTE)
    blocks = walk(CrossoverSearch(one, SEARCH), at_most_users(4.0), invalid=1)
    assert len(blocks) == 6
    assert {t.cell.levels["delay_ms"] for block in blocks for t in block} == {0}


def test_what_its_target_cannot_serve_is_not_searched() -> None:
    poor = {**SEARCHED.targets, "quick": replace(TARGET, name="quick", routes={})}
    blocks = walk(CrossoverSearch(replace(SEARCHED, targets=poor), SEARCH), steady)
    assert len(blocks) == 1
    assert sum(bool(trial.skip) for trial in blocks[0]) == 2


def test_half_a_pair_gets_its_other_half_first() -> None:
    design = CrossoverSearch(SEARCHED, SEARCH)
    (first, *_) = walk(design, at_most_users(4.0))
    rest = design.next_block(first[:3], [])
    assert [trial.cell for trial in rest] == [first[3].cell]
    assert rest[0].block == 1


@pytest.mark.parametrize(
    "design", [SequentialBlocks(BLOCKS, UNTIL), CrossoverSearch(SEARCHED, SEARCH)]
)
def test_a_schedule_gives_its_trials_again(design: Design) -> None:
    trials = [t for block in walk(design, at_most_users(3.3)) for t in block]
    rows = [
        {
            "trial": t.name,
            "block": str(t.block),
            **{name: str(level) for name, level in t.cell.levels.items()},
        }
        for t in trials
    ]
    assert list(design.rebuild_trials(rows)) == trials
    assert list(design.rebuild_trials(rows[:7])) == trials[:7]


def test_rows_of_another_experiment_are_not_given_again() -> None:
    row = dict.fromkeys(FACTORS, "x") | {"trial": "0001-x-r1", "block": "1"}
    assert CrossoverSearch(SEARCHED, SEARCH).rebuild_trials([row]) == ()


class Silent:
    """A watch that looks on."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


def test_a_session_that_searches_can_be_resumed(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path / "small" / "one")
    folder.begin({}, "")
    design = session.design_of(SEARCHED, {}, {})
    run_trials(folder, design, FakeBackend(), Silent(), {})
    rows = folder.scheduled()
    assert len(rows) >= 8
    done = resumption.resumed(folder, design, print)
    assert all(one.load.goodput_rps for one in done.values())
    run_trials(folder, design, FakeBackend(), Silent(), done)
    assert folder.scheduled() == rows


def finished(folder: SessionFolder, matrix: Matrix) -> dict[str, Record]:
    """A session that was run to its end."""
    folder.begin(session_facts.session_facts(matrix, {}, FakeBackend(), folder.name), "")
    design = session.design_of(matrix, {}, {})
    run_trials(folder, design, FakeBackend(), Silent(), {})
    return resumption.resumed(folder, design, print)


@pytest.mark.parametrize("matrix", every(2, [SEARCHED, MATRIX]))
def test_what_ends_a_session_is_what_its_report_sees(matrix: Matrix, tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path / "small" / "one")
    done = finished(folder, matrix)
    trials = session.design_of(matrix, {}, {}).rebuild_trials(folder.scheduled())
    found = read_session(folder.path)
    for ours, reported in zip(
        observations_of(trials, list(done.values())),
        observations(found, layout_of(found), results(found)),
        strict=True,
    ):
        assert ours == replace(reported, levels=ours.levels, failure_share=None, within=None)
        assert ours.answers


def test_a_session_that_older_rules_began_goes_on_by_todays(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path / "small" / "one")
    today = finished(folder, MATRIX)
    for name, one in today.items():
        path = folder.attempt(name, one.attempt) / MANIFEST
        said = one.to_json()
        del said["rules"], said["load"]["successes"]
        said["load"]["goodput_rps"] *= 1.5
        path.write_text(json.dumps(said))
        folder.journal.append(
            "adopted", trial=name, attempt=one.attempt, manifest_sha256=sha256(path)
        )
    messages: list[str] = []
    done = resumption.resumed(folder, session.design_of(MATRIX, {}, {}), messages.append)
    assert messages == []
    assert {name: one.load for name, one in done.items()} == {
        name: one.load for name, one in today.items()
    }


def test_session_facts_of_a_search(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path)
    facts = session_facts.session_facts(SEARCHED, {}, FakeBackend(), folder.name)
    delays = next(factor for factor in facts["factors"] if factor["name"] == "delay_ms")
    assert (delays["levels"], delays["varies"]) == ([0, 20], True)
    assert facts["search"] == {"factor": "delay_ms", "between": (0.0, 20.0)}
    assert facts["until"] is None
    until = session_facts.session_facts(MATRIX, {}, FakeBackend(), folder.name)["until"]
    assert until == {"within": 0.1, "at_least": 4}


@pytest.mark.parametrize("before", every(4, [4, 1, 7, 11]))
def test_an_interrupted_search_goes_on_as_if_it_had_not_been(before: int, tmp_path: Path) -> None:
    design = session.design_of(SEARCHED, {}, {})
    whole, parts = SessionFolder(tmp_path / "small" / "one"), SessionFolder(tmp_path / "a" / "b")
    for folder in (whole, parts):
        folder.begin({}, "")
    run_trials(whole, design, FakeBackend(), Silent(), {})
    with pytest.raises(KeyboardInterrupt):
        run_trials(parts, design, Breaking({before: KeyboardInterrupt()}), Silent(), {})
    done = resumption.resumed(parts, design, print)
    run_trials(parts, design, FakeBackend(), Silent(), done)
    assert parts.scheduled() == whole.scheduled()
    assert set(resumption.resumed(parts, design, print)) == {
        row["trial"] for row in whole.scheduled()
    }
