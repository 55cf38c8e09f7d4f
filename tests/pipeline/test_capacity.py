"""Capacities from YAML to every output: the real command line, fake hosts."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from junitparser import JUnitXml

from analysis.comparisons.capacities import Carrying, Cost
from analysis.reading.session_files import read_session
from analysis.report.carrying import carrying_of
from analysis.report.inputs import read_inputs
from analysis.report.wording import digits
from analysis.summaries.ceilings import Ceiling, CellCeilings
from rig.backends.fake import users
from rig.backends.fake.queue import Service
from rig.inference.capacity import Capacity
from rig.model import DamagedFile, ExitCode
from rig.plan import Open, Plan
from tests import damaged
from tests.runs import Session, command, only_session, read_json, sessions
from tests.signals import interrupted
from tests.unit.analysis.exports.test_benchmarks import tracked
from tests.unit.analysis.summary_schema import fitting
from tests.unit.test_capacity_design import Metastable
from tests.warm import runner

SEARCH = """\
experiment: capacity
objective: {p95_ms: 150, failures: 1 %}
setup: {route: io_create, connections: pool, target: sync}
vary: {delay_ms: [0, 5]}
load: {model: open, arrivals: {ramp: 1s}, steady: 6s, load_workers: 1}
data: {posts: 1000, cpu_n: 1000}
design: {search: {capacity: arrivals_per_s, between: [40, 600]}}
"""
TRUE_PER_S = {0: 1 / 0.003, 5: 1 / 0.008}
"""The fake backend's service times: a thread that holds a request for as long as its statement."""


def measured(folder: Path, text: str) -> Session:
    (folder / "capacity.yaml").write_text(text)
    done = runner("capacity.yaml", "--backend", "fake", "--no-calibrate", cwd=folder)
    assert (done.code, done.err) == (0, "")
    return only_session(folder / "results")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return measured(tmp_path_factory.mktemp("capacity"), SEARCH)


def test_each_deployment_has_its_capacity(searched: Session) -> None:
    rows = searched.rows("derived/capacity.csv")
    assert [(row["rank"], row["delay_ms"], row["outcome"]) for row in rows] == [
        ("1", "0", "found"),
        ("2", "5", "found"),
    ]
    assert {row["recovers"] for row in rows} == {"yes"}
    for row in rows:
        true_per_s = TRUE_PER_S[int(row["delay_ms"])]
        assert float(row["capacity_per_s"]) == pytest.approx(true_per_s, rel=0.05)
        assert float(row["low_per_s"]) < float(row["capacity_per_s"]) < float(row["high_per_s"])


def test_overload_is_an_answer_and_no_spoilt_trial(searched: Session) -> None:
    trials = searched.rows("derived/trials.csv")
    assert {row["verdict"] for row in trials} == {"valid"}
    assert any(row["response_state"] == "overload" for row in trials)
    assert len(trials) <= 2 * 9


def test_every_trial_has_arrivals_of_its_own(searched: Session) -> None:
    plans = [read_json(path) for path in searched.path.glob("trials/*/plan.json")]
    seeds = [plan["load"]["arrivals"]["seed"] for plan in plans]
    assert len(set(seeds)) == len(seeds)
    assert {plan["objective"]["p95_ms"] for plan in plans} == {150.0}


def test_it_is_resumed_where_it_was(searched: Session) -> None:
    rows = searched.rows("schedule.csv")
    done = runner("resume", "--out", searched.path.parents[1], cwd=searched.path)
    assert done.code == 0, done.out + done.err
    assert searched.rows("schedule.csv") == rows


def test_one_that_was_interrupted_tries_the_same_rates(searched: Session, tmp_path: Path) -> None:
    session = interrupted_after(3, tmp_path)
    ended = session.names("ended")
    assert 3 <= len(ended) < len(searched.names("ended"))
    before = {name: (session.last(name).path / "manifest.json").read_bytes() for name in ended}
    done = runner("resume", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    # what was asked of each trial, and what all of them came to: as if nothing had happened
    for name in ("schedule.csv", "derived/capacity.csv"):
        assert session.rows(name) == searched.rows(name)
    assert session.names("ended")[: len(ended)] == ended
    assert sorted(session.names("ended")) == sorted(searched.names("ended"))
    for name, manifest in before.items():
        assert (session.last(name).path / "manifest.json").read_bytes() == manifest


def interrupted_after(trials: int, folder: Path) -> Session:
    """The same search, of which a user had enough while it ran."""
    (folder / "capacity.yaml").write_text(SEARCH)
    process = subprocess.Popen(
        command("capacity.yaml", "--backend", "fake", "--no-calibrate"), cwd=folder,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    give_up_s = time.monotonic() + 60
    while not any(len(one.names("ended")) >= trials for one in sessions(folder / "results")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up_s
        time.sleep(0.005)
    interrupted(process, signal.SIGINT)
    assert process.returncode == ExitCode.INTERRUPTED
    return only_session(folder / "results")


def test_the_report_names_what_to_choose(searched: Session) -> None:
    out = ("--out", searched.path.parents[1])
    junit = searched.path.parent / "junit.xml"
    done = runner("report", "--check", "--junit", junit, *out, cwd=searched.path)
    assert done.code == 0
    suites = {str(suite.name): list(suite) for suite in JUnitXml.fromfile(str(junit))}
    (case,) = suites["capacity capacity"]
    assert case.is_passed
    assert re.match(
        r"added delay 0 ms carries most: 3\d\d requests a second \(95 %: 3\d\d to 3\d\d\)\.",
        done.out,
    )
    assert "Each capacity rests on" in done.out
    page = (searched.path / "derived" / "report.md").read_text()
    assert "Which deployment carries how much" in page
    assert (searched.path / "derived" / "figures" / "capacity.svg").exists()
    said = fitting(searched.path / "derived")["capacity"]
    assert [one["levels"]["delay_ms"] for one in said["deployments"]] == [0, 5]
    assert runner("verify", *out, cwd=searched.path).code == 0
    table = runner("show", *out, cwd=searched.path).out
    assert "1. added delay 0 ms carries" in table
    assert "missed: " in table


def test_what_is_tracked_of_a_search_is_its_capacities(searched: Session) -> None:
    done = runner("export", "benchmarks", searched.path, cwd=searched.path)
    assert (done.code, done.err) == (0, "")
    found = tracked(searched.path, None)
    assert json.loads(done.out) == found == tracked(searched.path, "capacity_per_s")
    rows = searched.rows("derived/capacity.csv")
    for one, row in zip(found, rows, strict=True):
        assert one["name"] == f"capacity · added delay {row['delay_ms']} ms · capacity_per_s"
        assert one["unit"] == "requests/s"
        assert one["value"] == pytest.approx(float(row["capacity_per_s"]), rel=1e-4)
        low, high = map(float, one["range"].split(" to "))
        assert low < one["value"] < high
    goodput = runner(
        "export", "benchmarks", searched.path, "--of", "goodput_rps", cwd=searched.path
    )
    assert len(json.loads(goodput.out)) == len(searched.rows("derived/summary.csv"))


def test_what_carries_a_rate_at_the_least_cost_comes_first(searched: Session) -> None:
    inputs = read_inputs(searched.path)
    quick, slow = (
        replace(one, carries=True, cost=Cost(100.0, cpu_ms, 50.0, 3, 0.0))
        for one, cpu_ms in zip(inputs.capacities, (5.0, 4.0), strict=True)
    )
    asked = replace(inputs.session, rate_per_s=100.0)
    answer = carrying_of(replace(inputs, session=asked, capacities=(slow, quick))).lines[0]
    assert answer == (
        "added delay 5 ms carries 100 requests a second at 4 CPU-ms an answer. "
        "Within p95 at most 150 ms, at most 1 % failed. "
        "So does added delay 0 ms at 5 CPU-ms an answer."
    )
    stuck = replace(slow, surged=next(one for one in slow.trials if one.tried.missed))
    said = carrying_of(replace(inputs, capacities=(quick, stuck))).before_acting
    assert said[0].startswith("added delay 5 ms does not recover from a surge")


def within(deployment: Carrying, factor: float) -> Capacity:
    """Its capacity, known to a factor."""
    per_s = deployment.capacity.per_s or 0.0
    return replace(deployment.capacity, low_per_s=per_s / factor, high_per_s=per_s * factor)


def test_a_ranking_says_its_costs_and_what_is_not_alike(searched: Session) -> None:
    inputs = read_inputs(searched.path)
    quick, slow = (
        replace(one, cost=Cost(100.0, cpu_ms, 50.0, 3, 0.0))
        for one, cpu_ms in zip(inputs.capacities, (5.0, 4.0), strict=True)
    )
    first = replace(quick, capacity=within(quick, 1.04))
    other = replace(slow, capacity=within(slow, 1.2), levels={**slow.levels, "route": "io_read"})
    said = carrying_of(replace(inputs, capacities=(first, other)))
    assert said.lines[0].endswith("An answer costs 5 CPU-ms there, and 4 at the others.")
    assert "Wider than the ±5 % asked for: added delay 5 ms." in said.how_sure
    assert said.before_acting[0] == (
        "Not all rates are of the same requests: "
        "io_create by added delay 0 ms; io_read by the others."
    )
    assert not any("same requests" in line for line in carrying_of(inputs).before_acting)


def test_versions_are_compared_by_what_their_deployments_carry(
    searched: Session, tmp_path: Path
) -> None:
    stricter = measured(tmp_path, SEARCH.replace("p95_ms: 150", "p95_ms: 7"))
    done = runner("compare", "--check", searched.path, stricter.path, cwd=tmp_path)
    assert (done.code, done.err) == (9, "")  # they do not carry the same
    said = done.out.splitlines()
    assert "environments differ: objective p95 ms: 150 before, 7 after" in said
    assert not any("in the later session" in line or "arrivals" in line for line in said)
    quick, slow = (line for line in said if line.startswith("added delay"))
    assert re.match(r"added delay 0 ms: 0\.\d+× slower$", quick)
    assert slow == "added delay 5 ms: — not measured: after does not carry even 40 /s"
    page = (stricter.path / "derived" / f"compare-{searched.path.name}.md").read_text()
    assert "## Capacity of each deployment" in page
    (row,) = (line for line in page.splitlines() if line.startswith("| added delay 0 ms"))
    for session, cell in ((searched, row.split("|")[2]), (stricter, row.split("|")[3])):
        known = next(r for r in session.rows("derived/capacity.csv") if r["delay_ms"] == "0")
        assert float(cell) == pytest.approx(float(known["capacity_per_s"]), rel=0.005)


def test_wherever_a_search_looks_its_capacities_are_compared(
    searched: Session, tmp_path: Path
) -> None:
    wider = measured(tmp_path, SEARCH.replace("[40, 600]", "[30, 800]"))
    both = runner(
        "compare", "--check", f"{searched.path},{wider.path}", searched.path, cwd=tmp_path
    )
    assert (both.code, both.err) == (0, "")
    assert both.out.count("no regression") == 2


def test_more_than_is_predicted_says_so(searched: Session) -> None:
    inputs = read_inputs(searched.path)
    carried = max(one.capacity.rank for one in inputs.capacities)
    more = "More than predicted is carried where requests cost less as many come at a time."
    for predicted, says_so in ((1.1 * carried, False), (0.9 * carried, True)):
        known = CellCeilings((Ceiling("servers", predicted, ""),), None)
        ceilings = dict.fromkeys((one.result.scheduled.cell for one in inputs.trials), known)
        why = carrying_of(replace(inputs, ceilings=ceilings)).why
        assert any(f"at most {digits(predicted)} /s" in line for _, line in why)
        assert (("", more) in why) is says_so


def test_the_plan_says_how_many_trials_at_most(searched: Session) -> None:
    folder = searched.path.parents[2]
    done = runner("plan", "capacity.yaml", cwd=folder)
    assert "searches the capacity of each cell between 40 and 600 /s, to ±5 %" in done.out
    assert "8 trials at most for each, and one more after a surge: at most " in done.out


def test_an_objective_without_a_limit_was_never_written(searched: Session, tmp_path: Path) -> None:
    about = read_json(searched.path / "session.json")
    about["objective"] |= {"p95_ms": None, "failure_share": None}
    (tmp_path / "session.json").write_text(json.dumps(about))
    with pytest.raises(DamagedFile, match="its objective has no limit"):
        read_session(tmp_path)


def test_an_objective_that_nothing_can_keep(tmp_path: Path) -> None:
    session = measured(tmp_path, SEARCH.replace("p95_ms: 150", "p95_ms: 1"))
    assert {row["outcome"] for row in session.rows("derived/capacity.csv")} == {"never kept"}
    assert len(session.rows("schedule.csv")) == 2 * 4
    done = runner("report", "--check", cwd=tmp_path)
    assert done.code == 8
    assert done.out.startswith("None keeps the objective, p95 at most 1 ms, at most 1 % failed.")
    done = runner("export", "benchmarks", cwd=tmp_path)
    assert (done.code, json.loads(done.out)) == (0, [])
    assert sorted(done.err.splitlines()) == [
        f"left out: capacity · added delay {delay_ms} ms: does not carry even 40 /s"
        for delay_ms in (0, 5)
    ]


def test_a_target_that_a_surge_ends_is_told_from_what_it_carries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "Service", Metastable)
    monkeypatch.chdir(tmp_path)
    Path("capacity.yaml").write_text(SEARCH.replace("[0, 5]", "[0]"))
    done = damaged.run("capacity.yaml", "--backend", "fake", "--no-calibrate", "--yes")
    assert (done.code, done.broke) == (0, "")
    (row,) = only_session(Path("results")).rows("derived/capacity.csv")
    # found on fresh stacks, and not by what it does after the surge
    assert row["outcome"] == "found"
    assert float(row["capacity_per_s"]) == pytest.approx(TRUE_PER_S[0], rel=0.05)
    assert row["recovers"] == "no"
    report = damaged.run("report")
    assert "does not recover from a surge: after " in report.said


class Banded(Service):
    """Answers late between 100 and 200 a second alone: as a cache that thrashes at that rate."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        match plan.load.model:
            case Open(arrivals):
                self._late_s = 0.5 * (100 < arrivals.per_s < 200)

    def answer(self, at_s: float) -> tuple[float, str]:
        ended_s, outcome = super().answer(at_s)
        return ended_s + self._late_s, outcome


def test_what_is_not_monotone_is_said_with_its_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "Service", Banded)
    monkeypatch.chdir(tmp_path)
    text = SEARCH[: SEARCH.index("design:")]
    Path("capacity.yaml").write_text(
        text.replace("delay_ms: [0, 5]", "arrivals_per_s: [60, 150, 250, 500]")
    )
    done = damaged.run("capacity.yaml", "--backend", "fake", "--no-calibrate", "--yes")
    assert (done.code, done.broke) == (0, "")
    session = only_session(Path("results"))
    (row,) = session.rows("derived/capacity.csv")
    assert (row["outcome"], row["capacity_per_s"]) == ("not monotone", "")
    assert (float(row["low_per_s"]), float(row["high_per_s"])) == (60, 500)
    says = "carries 60 /s, misses the objective above, keeps it again higher up"
    assert says in damaged.run("report").said
    curve = [
        (one["what"], float(one["rate_per_s"]))
        for one in session.rows("derived/figures/capacity.csv")
        if one["what"] != "capacity"
    ]
    assert curve == [("kept", 60), ("missed", 150), ("kept", 250), ("missed", 500)]


def test_arrivals_that_the_load_drops_tell_nothing_of_the_target(tmp_path: Path) -> None:
    text = SEARCH.replace("[0, 5]", "[5]").replace("{ramp: 1s}", "{ramp: 1s, max_in_flight: 10}")
    session = measured(tmp_path, text)
    (row,) = session.rows("derived/capacity.csv")
    # ten of 8 ms each are in time: from there on the load cannot send what was asked for
    assert row["outcome"] == "kept as far as could be sent"
    assert 40 < float(row["low_per_s"]) < TRUE_PER_S[5]
    done = runner("report", cwd=tmp_path)
    assert "a `max_in_flight` above 10 tells more." in done.out
    assert "arrivals beyond max_in_flight were dropped" in runner("show", cwd=tmp_path).out


def test_which_carry_a_rate(tmp_path: Path) -> None:
    text = SEARCH.replace("failures: 1 %", "rate_per_s: 200")
    session = measured(tmp_path, text[: text.index("design:")])
    carries = {row["delay_ms"]: row["carries"] for row in session.rows("derived/capacity.csv")}
    assert carries == {"0": "yes", "5": "no"}
    done = runner("report", "--check", cwd=tmp_path)
    assert done.code == 0
    assert done.out.startswith("added delay 0 ms · sync carries 200 requests a second.")
    assert "added delay 5 ms · sync does not." in done.out
