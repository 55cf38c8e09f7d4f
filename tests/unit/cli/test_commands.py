"""The command line, as far as it starts nothing. Whole sessions: tests/pipeline."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.cli import Analysis, lock, make_cli, place
from rig.model import ExitCode, Export, ReportResult, StackError
from tests.unit.sentences import long_sentences

ROOT = Path(__file__).parents[3]
SMALL = """\
experiment: small
vary: {route: [io_create], target: [sync, async], delay_ms: [0, 60]}
load: {users: {from: 2, per_s: 4, to: 6}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
"""

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """run("plan", "x.yaml"): the exit code; the working folder is a new one."""
    monkeypatch.chdir(tmp_path)
    # what this user's cache holds takes seconds to add up
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "small.yaml").write_text(SMALL)

    def program(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["runner.py", *arguments])
        analysis = Analysis(
            derive=lambda _: None,
            table=lambda path: f"table of {path.name}",
            report=lambda path: ReportResult(path, path, ["not decided"], ExitCode.UNDECIDED),
            compare=lambda _, after: ReportResult(
                after[-1], after[-1], ["slower"], ExitCode.SLOWER
            ),
            differences=lambda _: ((), ()),
            summary=lambda path: f'{{"session": "{path.name}"}}',
            export=lambda path, form, measure: Export(f"{form} {measure}", [path.name]),
        )
        return make_cli(analysis)()

    yield program
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such.yaml"], "there is no file and no command 'no-such.yaml'"),
        (["verfy"], "did you mean `verify`?"),
        (["--no-such-option"], "No such option"),
        (
            ["--backend", "cloud"],
            "'cloud' is not one of 'auto', 'local', 'compose', 'swarm', 'fake'",
        ),
        (["--backend", "fake", "small.yaml", "--repeats", "0"], "--repeats 0"),
        (["--backend", "fake", "small.yaml", "--workers", "65"], "--workers 65"),
        (["--backend", "fake", "small.yaml", "--only", "target=rust"], "`rust` is no level"),
        (["--backend", "fake", "small.yaml", "--only", "targt=sync"], "`target`"),
        (["try", "asnyc"], "did you mean `async`?"),
        (["show"], "no session in results"),
        (["analyse", "no-such-session"], "no session"),
        (["resume", "--out", "elsewhere"], "no session in elsewhere"),
    ],
)
def test_usage(
    run: Run, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == ExitCode.USAGE
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


def test_a_profile_that_is_not_there_starts_nothing(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("small.yaml", "--profile", "papr") in (ExitCode.USAGE, ExitCode.BAD_YAML)
    assert "papr" in capsys.readouterr().err


def test_bad_yaml_lists_everything_and_starts_nothing(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text(
        SMALL.replace("target:", "targt:").replace("steady: 3s", "steady: 3")
    )
    assert run("bad.yaml", "--backend", "fake") == ExitCode.BAD_YAML
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == f"{len(lines) - 1} problems; nothing was started."
    assert sum(line.startswith(("bad.yaml:2", "bad.yaml:3")) for line in lines) == 2


def test_a_target_is_tried(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("try", "sync", "--backend", "fake") == ExitCode.OK
    said = capsys.readouterr().out
    assert "io_create" in said
    assert "all 3 routes answer as target.yaml says" in said


def test_plan_shows_schedule_hours_and_one_plan(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("plan", "small.yaml", "--repeats", "2", "--seed", "5") == ExitCode.OK
    out = capsys.readouterr().out
    assert sum(line.startswith("000") for line in out.splitlines()) == 8
    assert "8 trials to run, 0 skipped: about " in out
    assert '"max_connections": 100' in out


CLAIMED = (
    SMALL
    + """\
claim: {says: Twice., ratio: {of: goodput_rps, target: [async, sync]}, at_least: 2}
"""
)


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (SMALL, (), ()),
        (
            CLAIMED,
            (),
            (
                "the claim asks 2 pairs; runs of a cell are taken to differ by 8 %:",
                "1 run of each decides nothing, but would indicate a ratio of 3.77 or more, or "
                "1.06 or less, in four sessions of five",
                "4 repeats would decide a ratio of 2.72 or more, or 1.47 or less, in four",
            ),
        ),
        (
            CLAIMED.replace("0, 60", "0, 30, 60").replace("[io_c", "[cpu, io_read, io_c"),
            ("--repeats", "2"),
            ("can decide none of 9 pairs",),
        ),
        (CLAIMED, ("--repeats", "8"), ("8 repeats would decide a ratio of 2.33 or more",)),
        (
            CLAIMED + "design: {repeats: {until: ratio ±10 %, at_most: 8}}\n",
            (),
            (
                "4 repeats would decide",
                "8 repeats would decide",
                "intervals that end it after 4 repeats hold the true ratio in 76 % only; "
                "`at_least: 9` makes that 93 % or more",
            ),
        ),
    ],
)
def test_plan_says_what_can_be_decided(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    options: tuple[str, ...],
    says: tuple[str, ...],
) -> None:
    (tmp_path / "claimed.yaml").write_text(text)
    assert run("plan", "claimed.yaml", *options) == ExitCode.OK
    out = capsys.readouterr().out
    assert [line for line in says if line not in out] == []
    assert ("the claim asks" in out) == bool(says)
    assert [long for line in out.splitlines() for long in long_sentences(line)] == []


def test_plan_counts_no_pair_that_cannot_be_measured(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = CLAIMED.replace("vary: {route: [io_create], target: [sync, async]",
                            "vary: {route: [cpu, io_create], target: [sync, articles]"
                            ).replace("[async, sync]", "[articles, sync]")  # fmt: skip
    (tmp_path / "mixed.yaml").write_text(mixed)
    assert run("plan", "mixed.yaml", "--repeats", "4") == ExitCode.OK
    assert "the claim asks" not in capsys.readouterr().out


def test_plan_says_why_a_trial_will_be_skipped(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mixed.yaml").write_text(SMALL.replace("[sync, async]", "[sync, articles]"))
    assert run("plan", "mixed.yaml") == ExitCode.OK
    out = capsys.readouterr().out
    assert "skipped: target articles does not serve route io_create" in out
    assert "2 trials to run, 2 skipped" in out


def test_targets_beside_the_yaml_are_found(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "target.yaml").write_text(
        "name: mine\ntitle: Mine\nstart: [serve]\nroutes: {io_create: {}}\n"
    )
    (tmp_path / "mine.yaml").write_text(SMALL.replace("[sync, async]", "[mine]"))
    assert run("plan", "mine.yaml") == ExitCode.OK
    assert "2 trials to run, 0 skipped" in capsys.readouterr().out


def test_help_names_every_command(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == ExitCode.OK
    out = capsys.readouterr().out
    for command in ("run", "plan", "show", "analyse", "resume", "doctor", "clean"):
        assert f"\n  {command} " in out


def test_the_readme_s_experiment_is_14_trials(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", str(ROOT / "experiments.yaml")) == ExitCode.OK
    assert "16 trials to run, 0 skipped" in capsys.readouterr().out


def test_doctor_names_everything_it_looks_at(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    code = run("doctor")
    lines = capsys.readouterr().out.splitlines()
    assert code in (ExitCode.OK, ExitCode.NO_STACK)
    assert lines[-2] == (
        "local backend: " + ("can run here" if code == ExitCode.OK else "cannot run here")
    )
    assert lines[-1].startswith("compose backend: ")
    looked_at = {line[5:].partition(":")[0] for line in lines[:-2]}
    assert looked_at >= {"namespaces", "Postgres", "PgBouncer", "CPUs", "open files"}
    assert (code == ExitCode.NO_STACK) is any(line.startswith("NO ") for line in lines)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_than_on_linux_auto_is_compose(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    platform: str,
) -> None:
    def no_engine(*_: object) -> None:
        raise StackError("compose was asked for")

    monkeypatch.setattr(place, "ComposeBackend", no_engine)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(lock, "MACHINE", tmp_path)
    # with a lock of its own this is no longer alone: another session's folders are not ours
    monkeypatch.setattr(place, "remove_left_behind", list)
    assert run("small.yaml", "--yes") == ExitCode.NO_STACK
    assert "compose was asked for" in capsys.readouterr().err
