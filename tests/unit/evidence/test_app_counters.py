"""Counters stand in a folder that the target writes: whatever else it puts there is passed over."""

from __future__ import annotations

import os
from pathlib import Path

import bench_counters
from bench_counters import opened
from rig.evidence import app_counters


def test_what_was_planted_among_the_counters_is_passed_over(tmp_path: Path) -> None:
    ours = opened(str(tmp_path))
    ours.mine().begin()
    ours.mine().end("io_read", correct=True)
    (tmp_path / "counters-1-1").symlink_to("/dev/zero")
    (real,) = (path for path in tmp_path.iterdir() if path.is_file())
    (tmp_path / "counters-2-2").symlink_to(real)
    os.mkfifo(tmp_path / "counters-3-3")
    (tmp_path / "counters-4-4").mkdir()
    with (tmp_path / "counters-5-5").open("wb") as giant:
        giant.truncate(1 << 40)
    (tmp_path / "counters-6-6").write_bytes(b"\xff" * app_counters.SIZE_BYTES)
    assert app_counters.correct_by_route(tmp_path) == {"io_read": 1}


def test_a_file_that_is_never_at_rest_counts_nothing(tmp_path: Path) -> None:
    opened(str(tmp_path)).mine()
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[8 * bench_counters.FIRST_TALLY] |= 1
    path.write_bytes(data)
    assert app_counters.read(path) is None


def test_only_so_many_files_are_looked_at(tmp_path: Path) -> None:
    for number in range(app_counters.MOST_FILES + 50):
        (tmp_path / f"counters-{number}").touch()
        (tmp_path / f"another-{number}").touch()
    assert len(app_counters.files(tmp_path)) == app_counters.MOST_FILES
