"""A session's calibration: made once, kept, and never a reason to end."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rig import calibrate
from rig.backends.base import Stack
from rig.backends.fake import FakeBackend, FakeStack
from rig.backends.templates import TargetError
from rig.calibration import Calibration, StackFacts, calibration_from_json
from rig.checks.feasibility import predict
from rig.disk.facts import Facts, NodeFacts
from rig.evidence import calibration
from rig.factors import FACTORS
from rig.load.scout import UnloadedResult, UnloadedResults
from rig.model import StackError
from rig.plan import Arrivals, Closed, Mix, Open, Plan, Users
from rig.record import LoadFacts
from rig.route import SessionStep
from rig.store.names import CALIBRATION
from rig.store.session_folder import SessionFolder
from tests.unit.plans import PLAN, USERS, trial


@pytest.fixture
def folder(tmp_path: Path) -> SessionFolder:
    made = SessionFolder(tmp_path / "one")
    made.begin({}, "")
    return made


def made(folder: SessionFolder, backend: FakeBackend | None = None, *plans: Plan) -> Calibration:
    trials = [trial(plan, position) for position, plan in enumerate(plans or (PLAN,), 1)]
    return calibrate.of_session(folder, trials, backend or FakeBackend(), lambda _: None)


def test_the_null_target_and_every_stack_are_measured(folder: SessionFolder) -> None:
    reading = replace(PLAN, route_name="list")
    found = made(folder, None, PLAN, reading, PLAN)
    assert found.null_rps is not None
    assert found.null_rps > 0
    assert [stack.route for stack in found.stacks] == ["make", "list"]
    assert (folder.path / "calibration" / "null" / "attempt-1" / "manifest.json").exists()


def test_the_lines_are_those_of_the_queue(folder: SessionFolder) -> None:
    (stack,) = made(folder).stacks
    # the fake backend's blocking server: 6 round trips to connect and 1 statement, 1 to the user
    assert stack.n == pytest.approx(8)
    assert stack.hold_n == pytest.approx(7)
    assert stack.hold_s0_ms == pytest.approx(5)


def test_a_mix_is_its_routes_by_their_weights(folder: SessionFolder) -> None:
    mixes = {"mix": Mix({"make": 3, "list": 1})}
    mixed = replace(PLAN, target=replace(PLAN.target, mixes=mixes), route_name="mix")
    found = made(folder, None, mixed).stacks
    assert [stack.route for stack in found] == ["make", "list", "mix"]
    make, read, mix = found
    for name in ("s0_ms", "n", "hold_s0_ms", "hold_n"):
        of = [getattr(one, name) for one in (make, read)]
        assert getattr(mix, name) == pytest.approx((3 * of[0] + of[1]) / 4, abs=1e-3)
    assert predict(mixed, mix) is not None
    assert calibration.read_calibration(folder.path) == kept(folder)


def test_a_mix_with_a_session_of_its_own_is_asked_by_it() -> None:
    login = {"member": (SessionStep("GET", "/login/"),)}
    mixes = {"mix": Mix({"make": 3, "list": 1}, session="member")}
    target = replace(PLAN.target, mixes=mixes, sessions=login)
    asked = calibrate.unloaded(replace(PLAN, target=target, route_name="mix"), 1)
    assert [one.route for one in asked] == ["mix/make", "mix/list"]
    assert {one.served_as for one in asked} == {"mix"}
    assert all(one.session and target.serves(one.served_as) for one in asked)


def test_a_mix_has_no_figures_where_one_of_its_routes_has_none() -> None:
    fine, none = StackFacts({}, "a", 1, s0_ms=1.0), StackFacts({}, "b", 1, why="status 500")
    found = calibration.mixed_facts("mix", [(fine, 1), (none, 2)])
    assert (found.why, found.s0_ms) == ("b: status 500", 0.0)


def kept(folder: SessionFolder) -> Calibration:
    return calibration_from_json(json.loads((folder.path / CALIBRATION).read_text()))


SHARES_A_STACK = {"route", "delay_ms", "max_connections", "arrivals_per_s", "surge_per_s"}


@pytest.mark.parametrize("name", FACTORS)
def test_stacks_are_measured_apart_unless_they_only_share_a_factor(
    folder: SessionFolder, name: str
) -> None:
    """A factor that is registered anew makes a stack of its own, unless it says otherwise."""
    another: dict[str, Any] = {name: "another level"}
    trials = [trial(), trial(position=2, **another)]
    found = calibrate.of_session(folder, trials, FakeBackend(), lambda _: None).stacks
    assert len(found) == (1 if name in SHARES_A_STACK else 2)


def test_it_is_made_once(folder: SessionFolder) -> None:
    first = made(folder)
    assert (folder.path / CALIBRATION).exists()
    assert made(folder, Broken()) == first


class Broken(FakeBackend):
    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        raise StackError("no Postgres")
        yield  # pragma: no cover


def test_what_cannot_be_measured_is_left_out_with_the_reason(folder: SessionFolder) -> None:
    found = made(folder, Broken())
    assert found.null_rps is None
    assert "no Postgres" in found.why
    assert [stack.why for stack in found.stacks] == ["no Postgres"]


@dataclass(frozen=True)
class Failing(FakeBackend):
    """Brings up no stack with so many app workers."""

    app_workers: int
    error: Exception

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        if plan.app_workers == self.app_workers:
            raise self.error
        yield FakeStack(plan)


def test_a_seed_that_fails_for_the_first_trial_ends_the_session_with_its_reason(
    folder: SessionFolder,
) -> None:
    error = TargetError("target made's seed failed (1): ValueError: no posts")
    with pytest.raises(TargetError, match="ValueError: no posts"):
        made(folder, Failing(1, error), PLAN)
    assert not (folder.path / CALIBRATION).exists()


@pytest.mark.parametrize("error", [TargetError("no posts"), OSError("no posts")])
def test_a_stack_of_later_trials_that_does_not_come_up_is_left_out(
    folder: SessionFolder, error: Exception
) -> None:
    several = (trial(PLAN, 1), trial(replace(PLAN, app_workers=2), 2, app_workers=2))
    backend = Failing(2, error)
    found = calibrate.of_session(folder, several, backend, lambda _: None)
    assert [stack.why for stack in found.stacks] == ["", "no posts"]


class Incomplete(FakeBackend):
    """Loses a load worker's last report."""

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        class Its(FakeStack):
            def collect(self, folder: Path) -> None:
                super().collect(folder)
                path = folder / "load" / "load.json"
                if path.exists():
                    said = json.loads(path.read_text())
                    path.write_text(json.dumps({**said, "complete": False}))

        yield Its(plan)


def test_a_null_target_that_was_counted_in_part_gives_no_figure(folder: SessionFolder) -> None:
    found = made(folder, Incomplete())
    assert found.null_rps is None
    assert found.why.startswith("the null target: load_workers: ")
    assert [stack.why for stack in found.stacks] == [""]


class OnNodes(FakeBackend):
    """Says that its load workers stand on machines of their own."""

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        class Its(FakeStack):
            def verify(self) -> Facts:
                nodes: dict[str, NodeFacts] = {
                    node: {"load_workers": (f"load-{number}",)}
                    for number, node in enumerate(("one", "two"), 1)
                }
                return {**super().verify(), "nodes": {**nodes, "sut": {}}}

        yield Its(plan)


def test_each_load_node_has_a_limit_of_its_own(folder: SessionFolder) -> None:
    found = made(folder, OnNodes())
    of = found.null_rps_by_node
    assert set(of) == {"one", "two"}
    assert found.null_rps is not None
    assert sum(of.values()) == pytest.approx(found.null_rps, rel=0.02)
    load = LoadFacts(duration_s=10.0, finished_by_load_worker={"load-1": 50, "load-2": 10})
    with OnNodes().up(PLAN) as stack:
        shares = calibration.null_share_by_node(load, stack.verify(), found)
    assert shares == {
        "one": pytest.approx(5 / of["one"], abs=1e-4),
        "two": pytest.approx(1 / of["two"], abs=1e-4),
    }
    assert calibration.null_share_by_node(load, {}, found) == {}


def unloaded(delay_ms: float, response_ms: float, interval_ms: float) -> UnloadedResults:
    result = UnloadedResult((), response_ms=(response_ms,), interval_ms=interval_ms)
    return UnloadedResults(delay_ms, {"make": result})


def test_threads_short_of_cpu_are_not_taken_for_held() -> None:
    # 20 threads: 1.6 ms of CPU each without delay, held for 104 ms of 204 with it
    seen = [unloaded(0.0, 4.0, 1.6), unloaded(100.0, 204.0, 5.2)]
    found = calibration.stack_facts({}, "make", 20, seen)
    assert (found.hold_s0_ms, found.hold_n) == (4.0, 1.0)
    # 8 ms of CPU each: the bursts at 100 and 200 ms both wait 160 ms for one another
    seen = [unloaded(0.0, 8.0, 9.0), unloaded(100.0, 308.0, 18.4), unloaded(200.0, 608.0, 28.4)]
    found = calibration.stack_facts({}, "make", 20, seen)
    assert (found.hold_s0_ms, found.hold_n) == (8.0, 2.0)
    # more than a request waits for alone is scatter
    seen[2] = unloaded(200.0, 608.0, 38.4)
    assert calibration.stack_facts({}, "make", 20, seen).hold_n == 3.0


def test_threads_are_asked_at_two_delays(folder: SessionFolder) -> None:
    several = made(folder, None, replace(PLAN, app_threads=4)).stacks[0]
    assert [one.delay_ms for one in several.unloaded] == [0, 100, 200]
    assert several.hold_n == pytest.approx(7)


def test_a_part_of_a_round_trip_is_scatter() -> None:
    def moment(delay_ms: float, interval_ms: float) -> UnloadedResults:
        return unloaded(delay_ms, 5 + delay_ms, interval_ms)

    loop = calibration.stack_facts({}, "make", 1, [moment(0.0, 4.0), moment(20.0, 6.0)])
    assert (loop.hold_s0_ms, loop.hold_n) == (4.0, 0.0)
    waits = calibration.stack_facts({}, "make", 1, [moment(0.0, 4.0), moment(20.0, 24.0)])
    assert (waits.hold_s0_ms, waits.hold_n) == (4.0, 1.0)


def test_wrong_answers_give_no_figures() -> None:
    seen = [UnloadedResults(0.0, {"make": UnloadedResult(("status 503",))})]
    found = calibration.stack_facts({}, "make", 1, seen)
    assert found == StackFacts({}, "make", 1, why="status 503")


def test_the_null_target_of_an_open_load_is_not_paced() -> None:
    model = Open(Arrivals(per_s=5, max_in_flight=300, ramp_s=2))
    load = replace(PLAN.load, model=model)
    null = calibrate.null_trial([trial(replace(PLAN, load=load))]).plan
    assert null.load.model == Closed(Users(300, 1, 300))


def test_the_null_trial_has_the_session_s_users_and_no_delay() -> None:
    null = calibrate.null_trial([trial(PLAN)]).plan
    assert null.route.path == "/"
    assert null.load.model == Closed(Users(USERS.end_users, 1, USERS.end_users))
    assert null.load.ramp_s == 0
    assert null.delay.delay_ms == 0
