"""`clean`, `doctor`'s look at what is kept, and where results may go."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.backends import cache_bound
from rig.backends.docker import stack_files
from rig.backends.local import backend
from rig.backends.machine import cache
from rig.cli import Analysis, lock, make_cli
from rig.model import ExitCode, Export, ReportResult

Run = Callable[..., tuple[int, str, str]]
KEY = "a" * 64


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """run("clean"): exit code and both outputs, on a machine and with a home of its own."""
    for name in ("machine", "scratch", "tmp", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(cache_bound.MAX_GB, raising=False)
    monkeypatch.setattr(lock, "MACHINE", tmp_path / "machine")
    monkeypatch.setattr(lock, "NOTES", tmp_path / "machine")
    monkeypatch.setattr(backend, "SCRATCH_ROOT", tmp_path / "scratch")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(stack_files, "unsupported_reason", lambda: "there is none")

    def program(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["runner.py", *arguments])
        none = ReportResult(tmp_path, tmp_path, [], ExitCode.OK)
        analysis = Analysis(
            derive=lambda _: None, table=lambda _: "", report=lambda _: none,
            compare=lambda *_: none, differences=lambda _: ((), ()),
            summary=lambda _: "", export=lambda *_: Export(""),
        )  # fmt: skip
        code = make_cli(analysis)()
        return code, *capsys.readouterr()

    return program


@pytest.fixture
def cluster(tmp_path: Path, run: Run) -> Path:
    """A seeded cluster in the cache."""
    (tmp_path / "made").mkdir(mode=0o700)
    (tmp_path / "made" / "1259").write_bytes(bytes(1000))
    cache.commit(KEY, tmp_path / "made", os.geteuid())
    return cache.cache_folder() / KEY


def test_clean_removes_what_was_left_and_keeps_the_clusters(
    run: Run, tmp_path: Path, cluster: Path
) -> None:
    left = [
        tmp_path / "scratch" / "async-django-rig-1",
        tmp_path / "tmp" / "async-django-verify-1",
        tmp_path / "tmp" / "async-django-rig-compose-1",
        tmp_path / "here" / "results" / "small" / ".begun-1",
        cluster.with_name(f"{KEY}.x.part"),
    ]
    for path in left:
        path.mkdir(parents=True)
    expected = [path for path in left if "compose" not in path.name]
    code, out, _ = run("clean")
    assert code == 0
    for path in expected:
        assert f"removed {path}" in out or f"removed {path.relative_to(tmp_path / 'here')}" in out
        assert not path.exists()
    assert cluster.is_dir()
    assert run("clean")[1] == "nothing was left behind\n"


def test_clean_cache_removes_the_clusters(run: Run, cluster: Path) -> None:
    assert run("clean", "--cache") == (0, f"removed {cluster}\n", "")
    assert run("clean", "--cache")[1] == "nothing was left behind\n"


def test_clean_looks_where_out_says(run: Run, tmp_path: Path) -> None:
    (tmp_path / "here" / "mine" / "small" / ".begun-1").mkdir(parents=True)
    assert run("clean")[1] == "nothing was left behind\n"
    assert run("clean", "--out", "mine")[1] == "removed mine/small/.begun-1\n"


def test_links_among_what_was_left_are_not_followed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / "scratch" / "async-django-rig-1").symlink_to(tmp_path / "precious")
    (tmp_path / "tmp" / "async-django-verify-1").symlink_to(tmp_path / "precious")
    assert run("clean") == (0, "nothing was left behind\n", "")
    assert (tmp_path / "precious" / "file").exists()


def test_a_cache_that_is_not_ours_does_not_keep_clean_from_the_rest(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    cache.cache_folder().touch()
    (tmp_path / "scratch" / "async-django-rig-1").mkdir()
    code, out, err = run("clean", "--cache")
    assert code == ExitCode.STORAGE
    assert "async-django-rig-1" in out
    assert f"{cache.cache_folder()}: Not a directory" in err


def test_doctor_says_how_much_is_kept_and_where(run: Run, cluster: Path) -> None:
    _, out, _ = run("doctor")
    (line,) = [line for line in out.splitlines() if "local cache" in line]
    assert line.startswith("local cache: 1 seeded cluster, 0.00 of at most 4 GB")
    assert line.endswith(str(cache.cache_folder()))


def test_doctor_warns_of_a_cache_that_is_not_used(run: Run, cluster: Path) -> None:
    cluster.parent.chmod(0o777)
    _, out, _ = run("doctor")
    assert f"local cache: not used: {cluster.parent} can be written by others\n" in out


@pytest.mark.parametrize("command", ["run", "show", "resume", "report", "clean"])
@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("", "--out names no folder"),
        (" ", "--out names no folder"),
        ("/", "the root folder is no results folder"),
        ("/..", "the root folder is no results folder"),
    ],
)
def test_an_out_that_is_no_results_folder_is_refused_before_anything_else(
    run: Run, command: str, out: str, said: str, tmp_path: Path
) -> None:
    code, printed, err = run(command, "--out", out)
    assert (code, printed) == (ExitCode.USAGE, "")
    assert said in err
    assert len(err.splitlines()) <= 2
    assert os.listdir(tmp_path / "here") == []
