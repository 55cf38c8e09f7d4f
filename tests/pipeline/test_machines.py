"""What programs are given, by the real command line on the fake backend; each by its own reader."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest
from junitparser import JUnitXml

from rig.model import ExitCode
from tests.runs import Done, Session, only_session
from tests.unit.analysis.exports.metrics import families_of
from tests.unit.analysis.summary_schema import fitting
from tests.warm import runner as warm

SMALL = """\
experiment: small
vary: {route: [io_create], target: [sync, async], delay_ms: [0, 60]}
load: {users: {from: 2, per_s: 4, to: 6}, steady: 12s}
data: {posts: 1000, cpu_n: 1000}
requires:
  - {cell: {target: async, delay_ms: 0}, failures: "< 90 %", goodput_rps: "> 1"}
  - {cell: {target: sync}, p50_ms: "< 1"}
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("machines")
    (folder / "small.yaml").write_text(SMALL)
    done = warm("small.yaml", "--backend", "fake", cwd=folder)
    assert (done.code, done.err) == (0, "")
    return only_session(folder / "results")


def test_requirements_are_checked_and_told(measured: Session, tmp_path: Path) -> None:
    done = warm("report", "--check", "--junit", "junit.xml", measured.path, cwd=tmp_path)
    assert (done.code, done.err) == (ExitCode.CONTRADICTED, "")
    assert "2 of 4 requirements are met; 2 missed." in done.out
    assert "missed: Median response time < 1 ms at " in done.out
    suites = {str(one.name): one for one in JUnitXml.fromfile(str(tmp_path / "junit.xml"))}
    assert suites["small requirements"].failures == 2
    checks = suites["small checks"]
    assert checks.failures == checks.errors == 0
    assert checks.tests > 20
    said = fitting(measured.path / "derived")
    assert [one["runs"] for one in said["requirements"]] == [1] * 4


@pytest.mark.parametrize("name", ["no-such-folder/junit.xml", ".", "/proc/junit.xml"])
def test_a_file_that_cannot_be_written_is_one_line(
    measured: Session, tmp_path: Path, name: str
) -> None:
    done = warm("report", "--junit", name, measured.path, cwd=tmp_path)
    assert done.code == ExitCode.STORAGE
    assert "report: " in done.out  # which is lost by nothing
    (line, *advice) = done.err.splitlines()
    assert line.startswith("error: ")
    assert len(advice) <= 1


def test_a_page_whose_port_is_taken_starts_no_session(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = warm("small.yaml", "--backend", "fake", "--live-address", address, cwd=tmp_path)
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert done.err.splitlines() == [
        f"error: no page can be served at {address}: Address already in use",
        "  name another address and port, or --live alone for a free one",
    ]
    assert not (tmp_path / "results").exists()


def step(measured: Session, folder: Path, summary: Path) -> Done:
    return warm("report", measured.path, cwd=folder, env={"GITHUB_STEP_SUMMARY": str(summary)})


def test_the_summary_of_a_step_gets_the_report(measured: Session, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    assert step(measured, tmp_path, summary).code == 0
    report = (measured.path / "derived" / "report.md").read_text(encoding="utf-8")
    assert summary.read_text(encoding="utf-8") == f"before\n{report}"
    assert step(measured, tmp_path, tmp_path / "no" / "summary").code == ExitCode.STORAGE


def test_a_session_in_the_forms_of_other_tools(measured: Session, tmp_path: Path) -> None:
    done = warm("export", "benchmarks", measured.path, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert [one["unit"] for one in json.loads(done.out)] == ["answers/s"] * 4
    less = warm("export", "benchmarks", measured.path, "--of", "p50_ms", cwd=tmp_path)
    assert {one["unit"] for one in json.loads(less.out)} == {"ms"}
    done = warm("export", "prometheus", measured.path, "--to", "series.txt", cwd=tmp_path)
    assert (done.code, done.out, done.err) == (0, "", "")
    text = (tmp_path / "series.txt").read_text(encoding="utf-8")
    users = families_of(text)["rig_users"]
    assert len({one.labels["trial"] for one in users}) == 4
    assert warm("export", "grafana", measured.path, cwd=tmp_path).code == ExitCode.USAGE
    done = warm("export", "prometheus", measured.path, "--to", "no/series", cwd=tmp_path)
    assert done.code == ExitCode.STORAGE


def test_what_commands_say_as_json(measured: Session, tmp_path: Path) -> None:
    shown = warm("show", "--json", measured.path, cwd=tmp_path)
    assert shown.code == 0
    assert shown.out == (measured.path / "derived" / "summary.json").read_text()
    verified = warm("verify", "--json", measured.path, cwd=tmp_path)
    said = json.loads(verified.out)
    assert (verified.code, said["differs"], said["attempts"]) == (0, [], 4)
    assert said["session"] == measured.path.name
    (tmp_path / "small.yaml").write_text(SMALL)
    planned = warm("plan", "--json", "small.yaml", cwd=tmp_path)
    plan = json.loads(planned.out)
    assert [one["trial"] for one in plan["trials"]] == [
        row["trial"] for row in measured.rows("schedule.csv")
    ]
    assert plan["most_trials"] == 4
    assert plan["first_plan"]["route"]["name"] == "io_create"
    examined = warm("doctor", "--json", cwd=tmp_path)
    machine = json.loads(examined.out)
    assert {one["name"] for one in machine["backends"]} == {"local", "compose"}
    assert all({"name", "fine", "message", "needed"} == one.keys() for one in machine["findings"])
    fits = next(one["fits"] for one in machine["backends"] if one["name"] == "local")
    assert examined.code == (0 if fits else ExitCode.NO_STACK)


def test_what_differs_as_json(measured: Session, tmp_path: Path) -> None:
    session = Path(shutil.copytree(measured.path, tmp_path / measured.path.name))
    path = session / "derived" / "summary.csv"
    path.write_text(path.read_text().replace("valid", "invalid", 1))
    done = warm("verify", "--json", session, cwd=tmp_path)
    assert done.code == ExitCode.DIFFERS
    assert any(line.startswith("derived/summary.csv") for line in json.loads(done.out)["differs"])
