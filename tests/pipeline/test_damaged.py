"""Damaged files and hostile numbers: a right answer, or one line that names the file.

A part of the table; `make campaign` goes through all of it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import shares
from tests.damaged import (
    NUMBERS,
    Bench,
    Table,
    bombs,
    copied,
    damages,
    files,
    hostile,
    run,
    spoilt,
    unvouched,
)
from tests.runs import ROOT
from tests.warm import runner

GOLDEN = ROOT / "tests" / "golden" / "session-v2"
OF_EACH_FILE = 1
"""Damages that are tried on a file; its neighbours get the others."""
NUMBERS_TRIED = 10
NOBODY = 65534
SEARCH = """\
experiment: search
claim: {says: Async is faster., ratio: {of: goodput_rps, target: [async, sync]}, at_least: 1}
vary: {route: [io_create], target: [sync, async]}
load: {users: {from: 2, per_s: 4, to: 6}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
design: {search: {crossover: delay_ms, between: [10, 20]}}
"""
OPEN = """\
experiment: open
vary: {route: [io_create], target: [sync, async]}
load: {model: open, arrivals: {per_s: 20, max_in_flight: 50}, steady: 5s, raw: true}
data: {posts: 1000, cpu_n: 1000}
"""


def measured(text: str, folder: Path) -> Path:
    """A session of the fake backend, measured just now."""
    (folder / "made.yaml").write_text(text)
    done = run(folder / "made.yaml", "--backend", "fake", "--out", folder / "made")
    assert not done.broke, done.broke
    assert done.code == 0, done.said
    (path,) = (folder / "made").glob("*/*/session.json")
    return path.parent


def some(bench: Bench, of_each: int = OF_EACH_FILE, every: int = 1) -> Table:
    """A part of the table in which every damage meets a file, and most files some damage."""
    table = Table()
    turns: dict[str, int] = {}
    for path in files(bench.session)[::every]:
        cases = sorted(damages(path).items())
        first = turns.get(path.suffix, 0)
        for name, change in itertools.islice(itertools.cycle(cases), first, first + of_each):
            bench.damage(path, name, change, table)
        turns[path.suffix] = (first + of_each) % len(cases)
    return table


def test_a_damaged_file_is_named_or_does_not_matter(tmp_path: Path) -> None:
    table = some(Bench(GOLDEN, tmp_path, ["show", "verify"]), every=2)
    print(table)
    assert not table.wrong, "\n".join(table.wrong)


@pytest.mark.campaign
def test_a_damaged_file_of_an_open_load_is_named_or_does_not_matter(tmp_path: Path) -> None:
    session = measured(OPEN, tmp_path)
    table = some(Bench(session, tmp_path, ["report", "compare"]), 1, 4)
    print(table)
    assert not table.wrong, "\n".join(table.wrong)


@pytest.mark.campaign
def test_a_damaged_session_is_resumed_or_says_why_not(tmp_path: Path) -> None:
    session = measured(SEARCH, tmp_path)
    table = some(Bench(session, tmp_path, ["resume"]), 1, 5)
    print(table)
    assert not table.wrong, "\n".join(table.wrong)


def test_a_number_that_nobody_vouches_for_is_bounded_or_left_out(tmp_path: Path) -> None:
    bench = Bench(unvouched(copied(GOLDEN, tmp_path / "made")), tmp_path, ["show", "verify"])
    table = Table()
    cases = [
        (path, number, change)
        for path in files(bench.session)
        for number in NUMBERS
        for change in hostile(path, number)
    ]
    # a step without a common divisor meets every number and every file
    step = len(cases) // NUMBERS_TRIED | 1
    for path, number, change in cases[:: step if step % len(NUMBERS) else step + 2]:
        bench.number(path, number[:12], change, table)
    print(len(cases), "in all;", table)
    assert not table.wrong, "\n".join(table.wrong)


@pytest.mark.parametrize("name", ["latencies.hlog", "lags.hlog"])
def test_a_histogram_that_asks_for_the_memory_is_none(tmp_path: Path, name: str) -> None:
    session = unvouched(copied(GOLDEN, tmp_path))
    (path, *_) = sorted(session.glob(f"trials/*/attempt-1/load/{name}"))
    tag = "steady|io_create|ok" if name == "latencies.hlog" else "steady|load-1"
    for what, payload in bombs().items():
        more = f"Tag={tag},3.000,1.000,1.000,{payload}\n"
        with spoilt(path, lambda path, more=more: path.write_text(path.read_text() + more)):  # type: ignore[misc]
            # no table is made of the load workers' own lags
            ended = run("verify" if name == "lags.hlog" else "show", session)
            assert not ended.broke, (what, ended.broke)
            assert f"{name}:" in ended.said, (what, ended.said)


def test_a_range_without_end_is_counted_and_not_listed(tmp_path: Path) -> None:
    session = copied(GOLDEN, tmp_path)
    (path, *_) = sorted(session.glob("trials/*/attempt-1/load/sequences.csv"))
    path.write_text(path.read_text() + "0,timeout,52,1000000000\r\n", newline="")
    ended = run("verify", session)
    assert (ended.code, ended.broke) == (7, "")
    assert "load/sequences.csv: is not the file whose hash the manifest has" in ended.said


@contextlib.contextmanager
def ordinary() -> Iterator[None]:
    """As an ordinary user, in this process."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_a_file_that_one_may_not_read_is_named() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        session = copied(GOLDEN, folder)
        before = run("show", session)
        for path in files(session):
            path.chmod(0)
            with ordinary():
                ended = run("show", session)
            path.chmod(0o644)
            assert not ended.broke, (path, ended.broke)
            assert path.name in ended.said or ended.said == before.said, (path, ended.said)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("name", "contents", "code"),
    shares.every(
        3,
        [
            ("schedule.csv", b"\xff\xff\n", 12),
            ("session.json", b"{", 12),
            ("journal.jsonl", b"{}\n", 0),
        ],
    ),
)
def test_so_it_is_on_the_command_line(
    tmp_path: Path, name: str, contents: bytes, code: int
) -> None:
    session = copied(GOLDEN, tmp_path)
    (session / name).write_bytes(contents)
    done = runner("show", session, cwd=tmp_path)
    assert done.code == code
    assert name in done.out + done.err
    assert "Traceback" not in done.out + done.err


def test_a_line_on_a_damaged_file_tells_no_folder_of_this_machine(tmp_path: Path) -> None:
    session = copied(GOLDEN, tmp_path)
    for path in files(session):
        if path.name not in ("session.json", "schedule.csv"):
            path.write_bytes(path.read_bytes()[:-9])
    assert run("report", session).code == 0
    for name in ("report.md", "report.html", "trials.csv"):
        told = (session / "derived" / name).read_text()
        assert "manifest.json" in told
        assert str(tmp_path) not in told
