"""Processes with all they started, read from made /proc trees."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from rig.evidence.probes import COLUMNS
from rig.model import Role
from rig.probes import proc
from rig.probes.processes import AppWorkers, Processes, Unseen, first_processes, workers
from tests.unit.probes.trees import process

MIB = 1 << 20


def rows(probe: Processes, at_s: float = 1.0) -> list[dict[str, object]]:
    return [dict(zip(COLUMNS["processes"], row, strict=True)) for row in probe.sample(at_s)]


def test_a_role_is_all_of_its_processes(tmp_path: Path) -> None:
    process(tmp_path, 10, 11, 12, cpu_s=1.0, resident_bytes=5 * MIB, shared_bytes=4 * MIB)
    process(tmp_path, 11, cpu_s=0.5, resident_bytes=9 * MIB, shared_bytes=6 * MIB)
    process(tmp_path, 12, 13, cpu_s=0.25, resident_bytes=2 * MIB, shared_bytes=0)
    process(tmp_path, 13, cpu_s=0.25)
    process(tmp_path, 99, cpu_s=50)
    (row,) = rows(Processes({Role.DATABASE: (10,)}, tmp_path))
    assert (row["role"], row["index"], row["processes"]) == ("database", 0, 4)
    assert row["cpu_s"] == pytest.approx(2.0)
    # 1 + 3 + 2 of their own, and the 6 that may be shared once
    assert row["rss_bytes"] == 12 * MIB


def test_waits_add_up_over_processes_that_come_and_go(tmp_path: Path) -> None:
    process(tmp_path, 10, 11, waits=(5, 1))
    process(tmp_path, 11, waits=(7, 2))
    probe = Processes({Role.DATABASE: (10,)}, tmp_path)
    rows(probe)
    process(tmp_path, 10, 12, waits=(6, 1))
    shutil.rmtree(tmp_path / "11")
    process(tmp_path, 12, waits=(100, 50))
    (row,) = rows(probe)
    assert (row["waits_voluntary"], row["waits_involuntary"]) == (5 + 7 + 1 + 100, 1 + 2 + 50)


def test_a_role_that_has_ended_has_no_row(tmp_path: Path) -> None:
    process(tmp_path, 10)
    process(tmp_path, 20)
    probe = Processes({Role.APP: (10,), Role.LOAD_WORKER: (20, 30)}, tmp_path)
    shutil.rmtree(tmp_path / "10")
    assert [(row["role"], row["index"]) for row in rows(probe)] == [("load_worker", 0)]


def test_what_cannot_be_seen_is_refused(tmp_path: Path) -> None:
    for pids in ({}, {Role.APP: (0,)}, {Role.APP: (10,)}):
        with pytest.raises(Unseen):
            Processes(pids, tmp_path)
        with pytest.raises(Unseen):
            AppWorkers(pids, tmp_path)


def test_app_and_delay_are_told_apart_in_a_container(tmp_path: Path) -> None:
    process(tmp_path, 10, 11, 12, command="python -m stack.app.entry spec out")
    process(tmp_path, 11, 13, command="gunicorn")
    process(tmp_path, 12, command="python -m stack.delay spec out")
    process(tmp_path, 13, command="gunicorn")
    firsts = first_processes({Role.APP: (10,), Role.DELAY: (0,)}, tmp_path)
    assert firsts == {Role.APP: (11,), Role.DELAY: (12,)}
    assert workers(11, tmp_path) == [13]


def test_what_multiprocessing_starts_beside_them_is_no_app_worker(tmp_path: Path) -> None:
    process(tmp_path, 10, 11, 12, command="python -m hypercorn")
    tracker = "python -c from multiprocessing.resource_tracker import main;main(5)"
    process(tmp_path, 11, command=tracker)
    process(tmp_path, 12, command="python -c spawn_main")
    assert workers(10, tmp_path) == [12]


def test_a_server_without_children_is_its_own_worker(tmp_path: Path) -> None:
    process(tmp_path, 10)
    assert workers(10, tmp_path) == [10]
    assert workers(77, tmp_path) == []


def test_every_app_worker_has_its_time(tmp_path: Path) -> None:
    process(tmp_path, 10, 11, 12)
    process(tmp_path, 11)
    process(tmp_path, 12)
    probe = AppWorkers({Role.APP: (10,)}, tmp_path)
    assert list(probe.sample(1.0)) == []
    process(tmp_path, 10, 12, 13)
    list(probe.sample(2.0))
    told = [(11, 1.0, 1.0, 2.0), (12, 1.0, 2.0, 2.0), (13, 2.0, 2.0, 2.0)]
    assert list(probe.rest()) == told


@pytest.mark.parametrize(
    ("line", "folder", "stat", "throttled_s"),
    [
        ("0::/a/b", "a/b", "usage_usec 5\nthrottled_usec 2500000\n", 2.5),
        ("4:cpu,cpuacct:/a", "cpu,cpuacct/a", "nr_periods 1\nthrottled_time 3000000000\n", 3.0),
        ("4:cpu:/a", "cpu/a", "nr_periods 1\n", None),
        ("4:memory:/a", "memory/a", "throttled_usec 1\n", None),
        ("", "", "", None),
    ],
)
def test_throttling_of_either_version(
    line: str, folder: str, stat: str, throttled_s: float | None, tmp_path: Path
) -> None:
    process(tmp_path / "proc", 10, cgroup=line + "\n" if line else "")
    (tmp_path / "cgroups" / folder).mkdir(parents=True)
    (tmp_path / "cgroups" / folder / "cpu.stat").write_text(stat)
    found = proc.throttled_s(10, tmp_path / "proc", tmp_path / "cgroups")
    assert found == throttled_s


def test_the_id_inside_a_container(tmp_path: Path) -> None:
    process(tmp_path, 5000, inside=7)
    assert (proc.innermost(5000, tmp_path), proc.innermost(1, tmp_path)) == (7, 0)


def test_this_very_process() -> None:
    seen = proc.used(os.getpid())
    assert seen is not None
    assert seen.cpu_s > 0
    assert seen.private_bytes > MIB
    assert os.getpid() in proc.family(os.getppid())
    assert sum(proc.waits(os.getpid())) > 0
    assert proc.command(os.getpid())
