"""The design that searches capacities, on made-up records; and a target that does not recover."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rig.backends.fake import FakeStack, users
from rig.backends.fake.queue import Service
from rig.config import Capacity, Matrix
from rig.design import CapacitySearch
from rig.evidence.attempt import read_attempt
from rig.inference.capacity import SearchSpec
from rig.inference.objective import ObjectiveFacts
from rig.model import OUTCOME_OK, Verdict
from rig.plan import Arrivals, Data, Load, Objective, Open, Plan, Trial
from rig.record import LoadFacts, Record
from tests.unit.plans import PLAN, TARGET, record

SPEC = SearchSpec((20.0, 400.0), 0.05)
CAPACITY = Capacity("arrivals_per_s", SPEC)
MATRIX = Matrix(
    experiment="small",
    claim=None,
    setup={"route": "make"},
    vary={"target": ("slow", "quick")},
    also=(),
    load=Load(Open(Arrivals(400.0, ramp_s=1.0)), steady_s=10.0),
    data=Data(10, 10),
    design=CAPACITY,
    order="random_blocks",
    seed=3,
    profile=None,
    targets={name: replace(TARGET, name=name) for name in ("slow", "quick")},
    text="",
    objective=Objective(p95_ms=300.0),
)
CARRIES = {"slow": 60.0, "quick": 240.0}
Excess = Callable[[Trial], float | None]


def queues(trial: Trial) -> float:
    true_per_s = CARRIES[str(trial.cell.levels["target"])]
    return 10 * math.log(float(trial.cell.levels["arrivals_per_s"]) / true_per_s)


def measured(trial: Trial, excess: float | None) -> Record:
    kept = LoadFacts(objective=ObjectiveFacts(excess=excess, requests=0))
    verdict = Verdict.INVALID if excess is None else Verdict.VALID
    return replace(record(load=kept), trial=trial.name, attempt=1, verdict=verdict)


def walk(design: CapacitySearch, excess: Excess = queues) -> list[Trial]:
    """All trials, with a record each."""
    scheduled: list[Trial] = []
    records: list[Record] = []
    while block := design.next_block(scheduled, records):
        scheduled += block
        records += [measured(trial, excess(trial)) for trial in block]
        assert len({trial.cell.levels["target"] for trial in block}) == len(block)
    return scheduled


def arrivals(trial: Trial) -> Arrivals:
    assert isinstance(trial.plan.load.model, Open)
    return trial.plan.load.model.arrivals


def test_each_cell_is_searched_by_itself_and_surged_last() -> None:
    design = CapacitySearch(MATRIX, CAPACITY)
    trials = walk(design)
    assert len(trials) <= design.most_trials == 18
    for name, true_per_s in CARRIES.items():
        mine = [trial for trial in trials if trial.cell.levels["target"] == name]
        *calm, last = mine
        assert [trial.cell.levels["surge_per_s"] for trial in calm] == [0] * len(calm)
        assert float(last.cell.levels["surge_per_s"]) == pytest.approx(2 * true_per_s, rel=0.15)
        assert float(last.cell.levels["arrivals_per_s"]) == pytest.approx(true_per_s / 2, rel=0.15)
        assert last.cell.because == "does it recover from a surge?"
        assert arrivals(last).ramp_s == 12.0
        assert arrivals(calm[0]).ramp_s == 1.0
    assert len({arrivals(trial).seed for trial in trials}) == len(trials)


def test_a_surge_can_be_left_out() -> None:
    trials = walk(CapacitySearch(MATRIX, replace(CAPACITY, recovery=False)))
    assert {trial.cell.levels["surge_per_s"] for trial in trials} == {0}


def test_nothing_is_surged_where_no_capacity_was_found() -> None:
    trials = walk(CapacitySearch(MATRIX, CAPACITY), lambda _: -2.0)
    assert {trial.cell.levels["surge_per_s"] for trial in trials} == {0}
    assert [trial.cell.levels["arrivals_per_s"] for trial in trials[-2:]] == [400, 400]


def test_a_schedule_gives_its_trials_again() -> None:
    design = CapacitySearch(MATRIX, CAPACITY)
    trials = walk(design)
    rows = [
        {"block": str(t.block), **{name: str(level) for name, level in t.cell.levels.items()}}
        for t in trials
    ]
    assert list(design.rebuild_trials(rows)) == trials
    assert list(design.rebuild_trials(rows[:5])) == trials[:5]
    assert design.rebuild_trials([{**rows[0], "target": "another"}]) == ()


# a target that does not recover


class Metastable(Service):
    """Answers an eighth as fast while more than a second's work waits: as retries would do."""

    def answer(self, at_s: float) -> tuple[float, str]:
        if self._cpu_free_s - at_s > 1.0:
            self._cpu_free_s += 7 * self._queue.cpu_s
        return super().answer(at_s)[0], OUTCOME_OK


@pytest.mark.parametrize(("surge_per_s", "kept"), [(0.0, True), (400.0, False)])
def test_what_a_surge_leaves_behind_is_seen(
    surge_per_s: float, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "Service", Metastable)
    assert (excess_after(surge_per_s, tmp_path) < 0) == kept


def test_a_queue_recovers_from_a_surge(tmp_path: Path) -> None:
    assert excess_after(400.0, tmp_path) < 0


def excess_after(surge_per_s: float, folder: Path) -> float:
    """How a window at half of what the fake queue carries keeps its objective."""
    # 5 ms each: it carries 200 /s
    asked = Arrivals(100.0, ramp_s=12.0, surge_per_s=surge_per_s, max_in_flight=5000)
    load = Load(Open(asked), steady_s=8.0, load_workers=1)
    plan: Plan = replace(PLAN, load=load, objective=Objective(p95_ms=300.0))
    stack = FakeStack(plan)
    stack.run_load(lambda _: None)
    stack.collect(folder)
    facts = read_attempt(folder, plan).load.objective
    assert facts is not None
    assert facts.excess is not None
    return facts.excess
