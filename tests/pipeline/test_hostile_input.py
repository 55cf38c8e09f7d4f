"""Hostile files and options through the real command line: one answer each, and at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runs import Done, only_session
from tests.warm import runner

GOOD = """\
experiment: small
setup: {route: cpu}
vary: {target: [sync, async]}
load:
  users: {from: 1, per_s: 1, to: 1}
  steady: 1s
data: {posts: 100, cpu_n: 100}
"""
TARGET = """\
name: own
start: [serve]
routes:
  own: {method: GET, path: /, answer: {posts: "{length:10}"}}
"""


def plan(folder: Path, *options: str, file: str = "one.yaml") -> Done:
    """The command `plan`, to its end."""
    return runner("plan", file, *options, cwd=folder)


Put = Callable[[Path], object]


def written(old: str, new: str) -> Put:
    assert GOOD.count(old) == 1
    return lambda file: file.write_bytes(GOOD.replace(old, new).encode())


FILES: dict[str, tuple[Put, int, str]] = {
    "a rate beyond numbers": (written("per_s: 1", "per_s: 1e308"), 3, "one.yaml:5: `per_s`"),
    "a rate of nothing": (written("per_s: 1", "per_s: 1e-308"), 3, "one.yaml:5: `per_s`"),
    "a surrogate": (written("small", '"\\ud800"'), 3, "one.yaml:1: a text has "),
    "a NUL": (written("small", '"\\0"'), 3, "one.yaml:1: a text has the character U+0000"),
    "no character": (written("small", '"\\UFFFFFFFF"'), 3, "one.yaml:1: is no valid YAML"),
    "10 MB": (lambda file: file.write_text(GOOD * 60_000), 3, "one.yaml: has "),
    "40 levels of 4": (
        written("[sync, async]}", "[sync, async], "
            + ", ".join(f"{name}: {list(range(10, 50))}" for name in
            ("pool_size", "app_workers", "app_threads", "max_connections")) + "}"),
        3, "expected at most 10000"),
    "a FIFO": (os.mkfifo, 2, "one.yaml is no regular file"),
    "a folder": (os.mkdir, 2, "one.yaml is no regular file"),
    "a loop": (lambda file: file.symlink_to(file), 2, "one.yaml is no regular file"),
    "an endless device": (lambda file: file.symlink_to("/dev/zero"), 2, "is no regular file"),
    "nothing": (lambda _: None, 2, "there is no file and no command 'one.yaml'"),
}  # fmt: skip


@pytest.mark.parametrize("what", FILES)
def test_a_file_is_planned_or_refused_with_its_line(what: str, tmp_path: Path) -> None:
    put, code, said = FILES[what]
    put(tmp_path / "one.yaml")
    done = plan(tmp_path)
    assert (done.code, said in done.err) == (code, True), done.err[-2000:]
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) < 20


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--seed", "1" + "0" * 400),
        ("--seed", "-1"),
        ("--repeats", "0"),
        ("--workers", "1000000000"),
        ("--only", ""),
        ("--only", "a=b=c"),
        ("--only", "target=\x1b[2J"),
        ("--profile", ""),
        ("--profile", "../.."),
    ],
)
def test_an_option_is_refused_in_a_line(option: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(GOOD)
    done = plan(tmp_path, option, value)
    assert done.code == 2, done.err[-2000:]
    assert "Traceback" not in done.err
    assert len(done.err) < 500


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    done = plan(tmp_path, file="x" * 300)
    assert (done.code, "Traceback" in done.err) == (2, False), done.err[-2000:]


def test_a_length_that_is_no_number_is_refused_by_plan_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "target.yaml").write_text(TARGET.replace(":10}", ":ten}"))
    (tmp_path / "one.yaml").write_text(GOOD.replace("cpu}", "own}").replace("sync, async", "own"))
    done = plan(tmp_path)
    assert done.code == 3, done.err[-2000:]
    assert "own/target.yaml:4: `posts` expects a length such as {length:25}" in done.err


@pytest.mark.campaign
def test_what_is_odd_and_accepted_runs_to_its_end(tmp_path: Path) -> None:
    odd = GOOD.replace("small", "a-" * 32).replace("steady: 1s", "steady: 1ms, raw: true")
    odd = odd.replace("\n  steady", "\n  think_time: 0.0001ms\n  timeout: 0.001ms\n  steady")
    odd = odd.replace("[sync, async]", "[sync, async], delay_ms: [5e-324, -0.0, 4999.999999]")
    odd = odd.replace("steady: 1ms, raw", "steady: 1ms\n  raw") + (
        'also:\n  odd:\n    because: |\n      a,"b"\n      \U0001f525 c\n'
        "    only: {target: [sync]}\n    set: {pool_size: 10000}\n"
    )
    (tmp_path / "one.yaml").write_text(odd)
    done = runner("one.yaml", "--backend", "fake", "--yes", cwd=tmp_path)
    assert done.code in (0, 4), done.out + done.err
    session = only_session(tmp_path / "results")
    for name in ("resume", "show", "report", "verify"):
        again = runner(name, session.path, cwd=tmp_path)
        assert again.code in (0, 4), (name, again.out + again.err)
        assert "Traceback" not in again.err
