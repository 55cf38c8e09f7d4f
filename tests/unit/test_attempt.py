"""An attempt ends in a record on every path, and cleans up on every path.

The stack is one whose steps break where a test says so; everything around it is real.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rig import attempt
from rig.backends.base import OnProgress, RouteReply, Stack
from rig.checks import verdict
from rig.disk.facts import Facts
from rig.endpoints import Endpoints
from rig.load.scout import UnloadedRequest, UnloadedResults
from rig.model import LoadError, LostNode, NoNode, Phase, RigError, StackError, Verdict
from rig.plan import Plan
from rig.record import Check, LoadFacts, Record, record_from_json
from rig.store import names, session_folder
from tests.unit.plans import record, trial, write_raw

WALK = ["up", "bring_up", "set_delay", "verify", "run_load", "stop", "collect", "down"]


@dataclass
class Scripted:
    """A backend and its stack: notes each step, and breaks in those it is told to break in."""

    breaks: Mapping[str, BaseException] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    seen: Record = field(default_factory=record)
    manifests: list[bool] = field(default_factory=list)
    folder: Path = Path()
    name: str = "scripted"

    def _step(self, name: str) -> None:
        self.steps.append(name)
        self.manifests.append((self.folder / names.MANIFEST).exists())
        if name in self.breaks:
            raise self.breaks[name]

    def unsupported_reason(self, plan: Plan) -> str:
        return ""

    def facts(self) -> Mapping[str, Any]:
        return {}

    def close(self) -> None:
        pass

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        self._step("up")
        try:
            yield self
        finally:
            self._step("down")

    def bring_up(self) -> None:
        self._step("bring_up")

    def set_delay(self) -> None:
        self._step("set_delay")

    def verify(self) -> Facts:
        self._step("verify")
        return {"app": {"pid": 1}}

    def endpoints(self) -> Endpoints:
        return Endpoints()

    def run_load(self, on_progress: OnProgress) -> None:
        self._step("run_load")

    def stop(self) -> None:
        self._step("stop")

    def scout(
        self, unloaded_requests: Sequence[UnloadedRequest], at_no_delay: bool
    ) -> list[UnloadedResults]:
        raise NotImplementedError

    def ask_routes(self) -> list[RouteReply]:
        self._step("ask_routes")
        return []

    def collect(self, folder: Path) -> None:
        write_raw(folder, self.seen)
        self._step("collect")


def run(folder: Path, backend: Scripted) -> Record:
    backend.folder = folder
    return attempt.run(trial(), 1, folder, backend, 0.0, lambda _: None, lambda _: None)


def phases(seen: Record) -> list[str]:
    return [span.phase for span in seen.spans]


def test_a_whole_walk(tmp_path: Path) -> None:
    backend = Scripted()
    seen = run(tmp_path, backend)
    assert backend.steps == WALK
    assert phases(seen) == [str(phase) for phase in Phase]
    assert (seen.verdict, seen.why) == (Verdict.VALID, "")
    assert seen.facts == {"app": {"pid": 1}}
    assert all(span.start_s <= span.end_s and not span.error for span in seen.spans)


def test_the_manifest_is_the_record_and_comes_last(tmp_path: Path) -> None:
    backend = Scripted()
    seen = run(tmp_path, backend)
    assert not any(backend.manifests)
    assert record_from_json(json.loads((tmp_path / names.MANIFEST).read_text())) == seen
    assert seen.files == session_folder.hashes(tmp_path)
    raw = {"load/load.json", "probes/delay.json", "facts.json"}
    assert set(seen.files) == {"checks.json", "logs/app.log", *raw}


BROKEN_STEPS = {
    "up": Phase.PROVISION,
    "bring_up": Phase.PROVISION,
    "set_delay": Phase.IMPAIR,
    "verify": Phase.VERIFY,
    "run_load": Phase.LOAD,
    "stop": Phase.STOP,
    "collect": Phase.COLLECT,
    "down": Phase.TEARDOWN,
}


@pytest.mark.parametrize(("step", "phase"), BROKEN_STEPS.items())
def test_what_breaks_is_reported_and_cleaned_up(step: str, phase: Phase, tmp_path: Path) -> None:
    backend = Scripted({step: StackError(f"{step} broke", "do this")})
    seen = run(tmp_path, backend)
    assert seen.verdict is Verdict.FAILED
    assert seen.why == f"{phase}: {step} broke; do this"
    failed = [span for span in seen.spans if span.error]
    assert [span.phase for span in failed] == [phase]
    assert (tmp_path / names.MANIFEST).exists()
    if step != "up":
        assert backend.steps[-1] == "down"
        reached = WALK[: WALK.index(step) + 1]
        assert backend.steps == list(dict.fromkeys([*reached, *backend.steps[len(reached) :]]))


@pytest.mark.parametrize("step", ["set_delay", "verify", "run_load", "stop"])
def test_logs_are_collected_whatever_breaks(step: str, tmp_path: Path) -> None:
    seen = run(tmp_path, Scripted({step: LoadError("broke")}))
    assert "logs/app.log" in seen.files


def test_nothing_is_loaded_once_something_broke(tmp_path: Path) -> None:
    backend = Scripted({"verify": StackError("wrong answer")})
    run(tmp_path, backend)
    assert "run_load" not in backend.steps
    assert "stop" not in backend.steps


def test_the_first_error_is_the_one_reported(tmp_path: Path) -> None:
    errors = {step: RigError(f"{step} broke") for step in ("run_load", "collect", "down")}
    seen = run(tmp_path, Scripted(errors))
    assert seen.why == "load: run_load broke"
    told = {span.phase: span.error for span in seen.spans if span.error}
    assert told == {
        "load": "run_load broke", "collect": "collect broke", "teardown": "down broke",
    }  # fmt: skip


def test_a_lost_machine_is_the_cause_of_what_broke_before_it_was_noticed(tmp_path: Path) -> None:
    errors = {"verify": StackError("Postgres has gone"), "down": LostNode("db", "reset by peer")}
    seen = run(tmp_path, Scripted(errors))
    assert (seen.verdict, seen.lost_node) == (Verdict.FAILED, "db")
    assert seen.why.startswith("teardown: node db is lost: reset by peer")
    told = {span.phase: span.error for span in seen.spans if span.error}
    assert told["verify"] == "Postgres has gone"


def test_a_lost_machine_hides_nothing_that_ends_the_session(tmp_path: Path) -> None:
    errors = {"verify": NoNode("no node is left"), "down": LostNode("db", "reset by peer")}
    with pytest.raises(NoNode):
        run(tmp_path, Scripted(errors))


UNREADABLE = {
    "load/load.json": '{"complete": tr',
    "load/completions.csv": "phase,outcome,count,first_s,last_s\nsteady,ok,1,0\n",
    "load/latencies.hlog": "Tag=steady|make|ok,2.000,1.000,1.000,HIST\n",
    "probes/delay.json": "[]",
}


@pytest.mark.parametrize(("name", "contents"), UNREADABLE.items())
def test_files_that_cannot_be_read_fail_the_attempt_and_end_no_session(
    name: str, contents: str, tmp_path: Path
) -> None:
    class Spoilt(Scripted):
        def collect(self, folder: Path) -> None:
            super().collect(folder)
            (folder / name).write_text(contents)

    seen = run(tmp_path, Spoilt())
    assert seen.verdict is Verdict.FAILED
    assert seen.why.startswith(f"collect: {tmp_path / name}")
    assert (tmp_path / names.MANIFEST).exists()


def test_a_check_that_breaks_loses_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Check:
        raise ZeroDivisionError("by no answers")

    monkeypatch.setattr(verdict, "CHECKS", (broken,))
    seen = run(tmp_path, Scripted())
    assert (seen.verdict, seen.checks) == (Verdict.UNKNOWN, ())
    assert seen.why == "the checks cannot be made: ZeroDivisionError: by no answers"
    assert (tmp_path / names.MANIFEST).exists()


@pytest.mark.parametrize("step", list(BROKEN_STEPS))
def test_an_interruption_passes_through_cleans_up_and_leaves_no_manifest(
    step: str, tmp_path: Path
) -> None:
    backend = Scripted({step: KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, backend)
    assert not (tmp_path / names.MANIFEST).exists()
    if step != "up":
        assert backend.steps.count("down") == 1
    if step not in ("up", "bring_up"):
        assert "collect" in backend.steps


def test_an_interruption_is_not_hidden_by_an_error_while_cleaning_up(tmp_path: Path) -> None:
    errors: dict[str, BaseException] = {
        "run_load": KeyboardInterrupt(),
        "collect": StackError("no"),
    }
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Scripted(errors))
    assert not (tmp_path / names.MANIFEST).exists()


def test_a_record_that_is_not_as_asked_is_invalid(tmp_path: Path) -> None:
    seen = record(load=LoadFacts(load_workers_asked=2, load_workers_connected=1))
    found = run(tmp_path, Scripted(seen=seen))
    assert found.verdict is Verdict.INVALID
    assert "load_workers" in found.why
    checks = json.loads((tmp_path / "checks.json").read_text())
    assert [check["name"] for check in checks if check["status"] == "fail"]


@pytest.mark.parametrize(("step", "came_up"), [("bring_up", False), ("verify", True),
                                               ("run_load", True), (None, True)])  # fmt: skip
def test_whether_the_stack_came_up(step: str | None, came_up: bool, tmp_path: Path) -> None:
    backend = Scripted({step: StackError("broke")} if step else {})
    assert attempt.stack_came_up(run(tmp_path, backend)) is came_up
