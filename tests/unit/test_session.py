"""A session walks through its design once, and goes on where it stopped.

The backend is one whose trials end as a test says; the design, the folder and the attempts are
the real ones.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from rig import resumption, session, session_facts
from rig.backends.base import LoadProgress, Stack
from rig.backends.fake import FakeBackend, FakeStack
from rig.calibrate import NULL_ROUTE, UNLOADED_DELAYS_MS
from rig.config import Matrix, Repeats
from rig.design import RandomBlocks
from rig.model import ExitCode, Phase, StackError, Status, UsageError, Verdict
from rig.plan import Closed, Data, Load, Plan, Trial, Users
from rig.probes import Row
from rig.record import Check, Record
from rig.store.session_folder import SessionFolder
from tests.shares import every
from tests.unit.plans import TARGET, record
from tests.unit.session_runs import run_trials


@dataclass
class Told:
    """A watch that remembers."""

    planned_trials: list[int] = field(default_factory=list)
    in_all: list[str] = field(default_factory=list)
    ended_trials: list[str] = field(default_factory=list)
    skipped_trials: list[str] = field(default_factory=list)
    again_trials: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def planned(self, trials: Sequence[Trial], in_all: str) -> None:
        self.planned_trials.append(len(trials))
        self.in_all.append(in_all)

    def began(self, trial: Trial) -> None: ...

    def phase(self, phase: Phase) -> None: ...

    def progress(self, progress: LoadProgress) -> None: ...

    def sampled(self, probe: str, rows: Sequence[Row]) -> None: ...

    def ended(self, trial: Trial, record: Record) -> None:
        self.ended_trials.append(trial.name)

    def skipped(self, trial: Trial) -> None:
        self.skipped_trials.append(trial.skip)

    def message(self, line: str) -> None:
        self.said.append(line)

    def retrying(self, trial: Trial, record: Record) -> None:
        self.again_trials.append(trial.name)


class Breaking(FakeBackend):
    """The fake backend, on which some stacks break, by the number of trials begun before."""

    def __init__(self, breaks: Mapping[int, BaseException]) -> None:
        self.breaks, self.begun = breaks, 0

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        calibrating = (
            plan.route_name == NULL_ROUTE.name or plan.delay.delay_ms in UNLOADED_DELAYS_MS
        )
        self.begun += not calibrating
        if not calibrating and self.begun - 1 in self.breaks:
            raise self.breaks[self.begun - 1]
        yield FakeStack(plan)


class WithoutPooler(FakeBackend):
    def unsupported_reason(self, plan: Plan) -> str:
        return "" if plan.pooler == "direct" else "PgBouncer is not here"


MATRIX = Matrix(
    experiment="small",
    claim=None,
    setup={"target": "made"},
    vary={"route": ("list", "make"), "pooler": ("direct", "pgbouncer")},
    also=(),
    load=Load(Closed(Users(2, 4, 4)), steady_s=1.0),
    data=Data(10, 10),
    design=Repeats(2),
    order="random_blocks",
    seed=3,
    profile=None,
    targets={"made": TARGET},
    text="",
)
DESIGN = RandomBlocks(MATRIX, 2)
ALL = [trial.name for number in (1, 2) for trial in DESIGN.block(number)]


@pytest.fixture
def folder(tmp_path: Path) -> SessionFolder:
    made = SessionFolder(tmp_path / "small" / "one")
    made.begin({}, "")
    return made


def walk(
    folder: SessionFolder, backend: FakeBackend, watch: Told, design: RandomBlocks = DESIGN
) -> session.SessionSummary:
    done = resumption.resumed(folder, design, watch.message)
    return run_trials(folder, design, backend, watch, done)


def test_every_trial_of_every_block_runs_once(folder: SessionFolder) -> None:
    told = Told()
    tally = walk(folder, FakeBackend(), told)
    assert told.ended_trials == ALL
    assert [row["trial"] for row in folder.scheduled()] == ALL
    assert told.planned_trials == [4, 4]
    assert told.in_all == ["8 in all"] * 2
    assert tally.exit_code() is ExitCode.OK
    assert str(tally) == "8 valid"


def test_nothing_runs_again_in_a_session_that_is_done(folder: SessionFolder) -> None:
    walk(folder, FakeBackend(), Told())
    told = Told()
    tally = walk(folder, FakeBackend(), told)
    assert told.ended_trials == []
    assert tally.exit_code() is ExitCode.OK
    assert len(folder.scheduled()) == len(ALL)


@pytest.mark.parametrize("before", every(3, range(8)))
def test_an_interrupted_session_goes_on_where_it_stopped(
    before: int, folder: SessionFolder
) -> None:
    first, second = Told(), Told()
    with pytest.raises(KeyboardInterrupt):
        walk(folder, Breaking({before: KeyboardInterrupt()}), first)
    walk(folder, FakeBackend(), second)
    assert first.ended_trials + second.ended_trials == ALL
    assert [row["trial"] for row in folder.scheduled()] == ALL
    assert len(folder.attempts(ALL[before])) == 2


def test_a_failed_trial_ends_with_its_code_and_is_run_again(folder: SessionFolder) -> None:
    tally = walk(folder, Breaking({2: StackError("broke")}), Told())
    assert tally.exit_code() is ExitCode.SOME_FAILED
    told = Told()
    tally = walk(folder, FakeBackend(), told)
    assert told.ended_trials == [ALL[2]]
    assert tally.exit_code() is ExitCode.OK


def test_the_first_stack_that_does_not_come_up_ends_the_session(folder: SessionFolder) -> None:
    told = Told()
    with pytest.raises(StackError, match="no Postgres") as said:
        walk(folder, Breaking({0: StackError("no Postgres")}), told)
    assert str(folder.path) in said.value.do
    assert told.ended_trials == ALL[:1]


def test_what_the_backend_lacks_is_skipped_and_does_not_change_the_code(
    folder: SessionFolder,
) -> None:
    told = Told()
    tally = walk(folder, WithoutPooler(), told)
    assert told.skipped_trials == ["PgBouncer is not here"] * 4
    assert len(told.ended_trials) == 4
    assert tally.exit_code() is ExitCode.OK
    assert [row["skip"] for row in folder.scheduled()].count("PgBouncer is not here") == 4


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], ExitCode.OK),
        ([Verdict.VALID], ExitCode.OK),
        ([Verdict.VALID, Verdict.INVALID], ExitCode.SOME_INVALID),
        ([Verdict.UNKNOWN], ExitCode.SOME_INVALID),
        ([Verdict.INVALID, Verdict.FAILED], ExitCode.SOME_FAILED),
    ],
)
def test_exit_codes(verdicts: list[Verdict], code: ExitCode) -> None:
    assert session.SessionSummary(verdicts).exit_code() is code


def test_the_same_design_agrees(folder: SessionFolder) -> None:
    walk(folder, FakeBackend(), Told())
    resumption.resumed(folder, DESIGN, Told().message)


@pytest.mark.parametrize(
    "other",
    [
        replace(MATRIX, seed=4),
        replace(MATRIX, load=replace(MATRIX.load, steady_s=2.0)),
        replace(MATRIX, targets={"made": replace(TARGET, env={})}),
        replace(MATRIX, vary={"route": ("list", "make"), "pooler": ("direct",)}),
    ],
    ids=["order", "load", "target", "cells"],
)
def test_another_design_is_refused(other: Matrix, folder: SessionFolder) -> None:
    with pytest.raises(KeyboardInterrupt):
        walk(folder, Breaking({1: KeyboardInterrupt()}), Told())
    with pytest.raises(UsageError, match="cannot be resumed: trial 0001"):
        resumption.resumed(folder, RandomBlocks(other, 2), Told().message)


def test_session_facts_tell_what_the_analysis_needs(folder: SessionFolder) -> None:
    only = {"pooler": ("direct",)}
    facts = session_facts.session_facts(MATRIX, only, FakeBackend(), folder.name)
    factors = {factor["name"]: factor for factor in facts["factors"]}
    assert factors["route"]["levels"] == ["list", "make"]
    assert factors["route"]["varies"] is True
    assert factors["pooler"]["levels"] == ["direct"]
    assert factors["pooler"]["varies"] is False
    assert factors["delay_ms"]["unit"] == "ms"
    assert (facts["backend"], facts["seed"], facts["claim"]) == ("fake", 3, None)


@pytest.mark.parametrize(
    ("statuses", "again"),
    [
        ([(Status.FAIL, True)], True),
        ([(Status.FAIL, True), (Status.WARN, False)], True),
        ([(Status.FAIL, True), (Status.FAIL, False)], False),
        ([(Status.FAIL, False)], False),
    ],
)
def test_only_disturbances_are_worth_another_attempt(
    statuses: list[tuple[Status, bool]], again: bool
) -> None:
    checks = tuple(Check(f"c{n}", status, "", again) for n, (status, again) in enumerate(statuses))
    invalid = replace(record(), checks=checks, verdict=Verdict.INVALID)
    assert session.should_retry(invalid) is again
    assert not session.should_retry(replace(invalid, verdict=Verdict.FAILED))


class Disturbed(Breaking):
    """A backend whose first trials lose a load worker."""

    def __init__(self, times: int) -> None:
        super().__init__({})
        self.times = times

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        with super().up(plan) as stack:
            if self.begun and self.begun <= self.times:
                collect = stack.collect

                def spoilt(folder: Path) -> None:
                    collect(folder)
                    path = folder / "load" / "load.json"
                    path.write_text(json.dumps({**json.loads(path.read_text()), "complete": False}))

                stack.collect = spoilt  # type: ignore[method-assign]
            yield stack


@pytest.mark.parametrize(
    ("times", "attempts", "code"), [(1, 2, 0), (2, 3, 0), (3, 3, 4), (9, 3, 4)]
)
def test_a_disturbed_trial_is_tried_again_twice_at_most(
    folder: SessionFolder, times: int, attempts: int, code: int
) -> None:
    told = Told()
    one = RandomBlocks(replace(MATRIX, vary={"route": ("make",)}), 1)
    tally = walk(folder, Disturbed(times), told, one)
    (name,) = set(told.ended_trials)
    assert len(folder.attempts(name)) == attempts
    assert told.again_trials == [name] * (attempts - 1)
    assert tally.exit_code() == code


def test_attempts_that_were_spoilt_before_a_resume_count(folder: SessionFolder) -> None:
    class Interrupted(Disturbed):
        """Ends with the third attempt under way."""

        @contextlib.contextmanager
        def up(self, plan: Plan) -> Iterator[Stack]:
            with super().up(plan) as stack:
                if self.begun == 3:
                    raise KeyboardInterrupt
                yield stack

    one = RandomBlocks(replace(MATRIX, vary={"route": ("make",)}), 1)
    with pytest.raises(KeyboardInterrupt):
        walk(folder, Interrupted(9), Told(), one)
    told = Told()
    tally = walk(folder, Disturbed(9), told, one)
    (name,) = told.ended_trials
    assert len(folder.attempts(name)) == 4
    assert (told.again_trials, tally.exit_code()) == ([], 4)
