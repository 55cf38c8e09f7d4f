"""What app workers write of themselves is what the rig reads: both know one layout."""

from __future__ import annotations

import asyncio
import mmap
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

import bench_counters as writer
from rig.evidence import app_counters as reader
from tests.shares import every

if TYPE_CHECKING:
    from tests.contract.conftest import Serve

TARGETS = {"django_sync": False, "django_async": True}


def only(folder: Path) -> reader.Count:
    (path,) = reader.files(folder)
    count = reader.read(path)
    assert count is not None
    return count


def test_both_know_one_layout(tmp_path: Path) -> None:
    before_s = time.monotonic()
    counters = writer.opened(str(tmp_path))
    counters.mine().begin()
    counters.mine().begin()
    counters.mine().end("io_create", correct=True)
    count = only(tmp_path)
    assert (reader.SIZE_BYTES, reader.MAGIC) == (writer.SIZE_BYTES, writer.MAGIC)
    assert (count.pid, count.requests, count.answered) == (os.getpid(), 2, 1)
    assert before_s <= count.started_at_s <= time.monotonic()
    assert (count.correct, count.lag_max_ms) == ({"io_create": 1}, None)


def test_busy_time_includes_what_is_in_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counters = writer.opened(str(tmp_path))
    for now_s, step in ((10.0, counters.mine().begin), (11.0, counters.mine().begin)):
        monkeypatch.setattr(writer, "monotonic", lambda now_s=now_s: now_s)
        step()
    monkeypatch.setattr(writer, "monotonic", lambda: 13.0)
    counters.mine().end("cpu", correct=True)
    monkeypatch.setattr("rig.evidence.app_counters.time", SimpleNamespace(monotonic=lambda: 20.0))
    # 10 to 13, and 11 to now
    assert only(tmp_path).busy_s == pytest.approx(3 + 9)


def test_every_thread_is_counted(tmp_path: Path) -> None:
    counters = writer.opened(str(tmp_path))

    def work() -> None:
        for turn in range(2000):
            counters.mine().begin()
            counters.mine().end("cpu", correct=turn % 2 == 0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count = only(tmp_path)
    assert (count.requests, count.answered, count.correct) == (8000, 8000, {"cpu": 4000})
    assert 0 <= count.busy_s < 60


def test_more_threads_than_there_is_room_for_lose_no_answer(tmp_path: Path) -> None:
    counters = writer.opened(str(tmp_path))
    number = writer.TALLIES + 8
    together = threading.Barrier(number, timeout=30)

    def work() -> None:
        together.wait()
        tally = counters.mine()
        together.wait()  # a thread's number is not another's as long as it lives
        for turn in range(200):
            tally.begin()
            tally.end(f"route {turn % 2}", correct=turn % 4 > 0)

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count = only(tmp_path)
    assert (count.requests, count.answered) == (200 * number, 200 * number)
    assert count.correct == {"route 0": 50 * number, "route 1": 100 * number}


def test_an_answer_may_end_in_another_thread(tmp_path: Path) -> None:
    counters = writer.opened(str(tmp_path))
    counters.mine().begin()
    other = threading.Thread(target=lambda: counters.mine().end("cpu", correct=True))
    other.start()
    other.join()
    count = only(tmp_path)
    assert (count.requests, count.answered, count.correct) == (1, 1, {"cpu": 1})
    assert 0 <= count.busy_s < 60


def test_more_routes_than_there_is_room_for_lose_no_answer(tmp_path: Path) -> None:
    counters = writer.opened(str(tmp_path))
    for number in range(writer.ROUTES + 3):
        counters.mine().begin()
        counters.mine().end(f"a-name-longer-than-its-room-{number}", correct=True)
    # names that are cut to the same are added up
    named = "a-name-longer-than-its-room-"[: writer.NAME_BYTES]
    assert only(tmp_path).correct == {named: writer.ROUTES - 1, writer.OTHERS: 4}


def test_the_dead_count_too(tmp_path: Path) -> None:
    for _ in range(2):
        counters = writer.opened(str(tmp_path))
        counters.mine().begin()
        counters.mine().end("cpu", correct=True)
    assert reader.correct_by_route(tmp_path) == {"cpu": 2}


def test_no_file_no_count(tmp_path: Path) -> None:
    assert reader.correct_by_route(tmp_path) is None
    (tmp_path / "counters-1-1").write_bytes(bytes(writer.SIZE_BYTES))
    (tmp_path / "counters-2-2").write_bytes(b"")
    assert reader.correct_by_route(tmp_path) is None


@pytest.mark.parametrize("folder", [None, "", "/nowhere/at/all"])
def test_a_target_serves_without_a_file_all_the_same(folder: str | None) -> None:
    counters = writer.opened(folder)
    counters.mine().begin()
    counters.mine().end("cpu", correct=True)


def test_what_changes_just_now_is_not_read(tmp_path: Path) -> None:
    writer.opened(str(tmp_path)).mine()
    (path,) = reader.files(tmp_path)
    with path.open("rb+") as file:
        memory = mmap.mmap(file.fileno(), writer.SIZE_BYTES)
    memory[8 * writer.FIRST_TALLY] = 1
    assert reader.read(path) is None
    memory[8 * writer.FIRST_TALLY] = 2
    assert reader.read(path) is not None


def test_a_loops_lag_is_seen_while_it_is_blocked_and_after(tmp_path: Path) -> None:
    counters = writer.opened(str(tmp_path))
    seen: list[float | None] = []

    async def run() -> None:
        counters.watch_loop()
        await asyncio.sleep(3 * writer.BEAT_S)
        time.sleep(0.3)
        seen.append(only(tmp_path).lag_max_ms)
        await asyncio.sleep(3 * writer.BEAT_S)
        seen.append(only(tmp_path).lag_max_ms)

    asyncio.run(run())
    assert all(lag_ms is not None and lag_ms > 200 for lag_ms in seen)


FORKS = """
import os, bench_counters
bench_counters.ours().mine().begin()
if os.fork() == 0:
    bench_counters.ours().mine().begin()
    bench_counters.ours().mine().begin()
    os._exit(0)
os.wait()
"""


def test_a_fork_has_counters_of_its_own(tmp_path: Path) -> None:
    env = {"BENCH_COUNTERS": str(tmp_path), "PYTHONPATH": str(Path(writer.__file__).parent)}
    subprocess.run([sys.executable, "-c", FORKS], env=env, check=True, timeout=30)
    counts = [count for path in reader.files(tmp_path) if (count := reader.read(path))]
    assert sorted(count.requests for count in counts) == [1, 2]
    assert len({count.pid for count in counts}) == 2


@pytest.mark.parametrize(("folder", "has_loop"), every(2, TARGETS.items()))
def test_each_target_counts_its_answers(
    folder: str, has_loop: bool, serve: Serve, tmp_path: Path
) -> None:
    with serve(folder, BENCH_CPU_N="10", BENCH_COUNTERS=str(tmp_path)) as served:
        first = only(tmp_path)
        for _ in range(3):
            served.get("/cpu")
        served.post_form("/io_create", {"title": "A title", "content": ""})
        served.post_form("/io_create", {"title": "", "content": ""})
        facts = served.facts()
        give_up_s = time.monotonic() + 10
        # an ASGI app ends its request when the answer may have been read already
        while (count := only(tmp_path)).answered < 6 and time.monotonic() < give_up_s:
            time.sleep(0.01)
    assert first.requests == 0
    assert count.pid == facts["pid"]
    assert count.correct == {"cpu": 3, "io_create": 1, writer.OTHERS: 1}
    # the post without a title is answered, though not correctly
    assert (count.requests, count.answered) == (6, 6)
    assert (count.lag_max_ms is not None) == has_loop
