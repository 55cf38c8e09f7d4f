"""What programs are given, by the real command line on the fake backend; each by its own reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from junitparser import JUnitXml

from rig.model import ExitCode
from tests.runs import Done, Session, only_session, runner
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


def step(measured: Session, folder: Path, summary: Path) -> Done:
    return runner("report", measured.path, cwd=folder, env={"GITHUB_STEP_SUMMARY": str(summary)})


def test_the_summary_of_a_step_gets_the_report(measured: Session, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    assert step(measured, tmp_path, summary).code == 0
    report = (measured.path / "derived" / "report.md").read_text(encoding="utf-8")
    assert summary.read_text(encoding="utf-8") == f"before\n{report}"
    assert step(measured, tmp_path, tmp_path / "no" / "summary").code == ExitCode.STORAGE
