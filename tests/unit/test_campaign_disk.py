"""The file operations at which `make campaign` kills a session are those that the kernel sees."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs import ROOT

WORKS = """
import os, shutil, sys, tempfile
from pathlib import Path
from tests.campaign.disk import Disk, watch

disk = Disk(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "power cut")
watch(disk)
folder = Path(sys.argv[1])
(folder / "a" / "b").mkdir(parents=True)
(folder / "text").write_text("abcd" * 5000)
with open(os.open(folder / "synced", os.O_WRONLY | os.O_CREAT), "wb") as file:
    file.write(b"12345678")
    file.flush()
    os.fsync(file.fileno())
    file.write(b"9")
os.truncate(folder / "text", 10)
(folder / "text").rename(folder / "a" / "text")
with tempfile.TemporaryDirectory(dir=folder) as scratch:
    Path(scratch, "one").touch()
shutil.copyfile(folder / "synced", folder / "copy")
with open(folder / "synced", "a", encoding="utf-8") as file:
    file.write("0")
Path("/dev/null").write_text("elsewhere")
print(*disk.names, sep="\\n")
"""
CALLS = "openat,mkdir,unlink,unlinkat,rmdir,rename,truncate,write,sendfile,fsync,utimensat"


def worked(folder: Path, kill_at: int = 0, how: str = "kill", *before: str) -> tuple[int, str]:
    """The exit code of a process that works in a folder, and the operations that it counted."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [*before, sys.executable, "-c", WORKS, str(folder), str(kill_at), how],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_every_operation_is_counted(tmp_path: Path) -> None:
    code, counted = worked(tmp_path)
    assert code == 0
    names = [line.split()[0] for line in counted.splitlines()]
    assert names.count("mkdir") >= 3
    assert {"open", "write", "half", "fsync", "truncate", "rename", "unlink", "rmdir"} < set(names)
    assert "/dev/null" not in counted


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")
def test_what_is_counted_is_what_the_kernel_sees(tmp_path: Path) -> None:
    folder, trace = tmp_path / "folder", tmp_path / "trace"
    strace = ("strace", "-f", "-y", "-o", str(trace), "-e", f"trace={CALLS}")
    code, counted = worked(folder, 0, "kill", *strace)
    assert code == 0, counted
    seen = [
        line
        for line in trace.read_text().splitlines()
        if str(folder) in line and not re.search(r"open(at)?\([^)]*O_RDONLY(?!\|O_CREAT)", line)
    ]
    ours = [line for line in counted.splitlines() if not line.startswith("half a write")]
    assert len(ours) == len(seen), "\n".join([*ours, *seen])


def test_a_process_ends_at_each_of_them(tmp_path: Path) -> None:
    every = worked(tmp_path / "undisturbed")[1].splitlines()
    half = 1 + next(n for n, name in enumerate(every) if name.startswith("half a write /text"))
    for kill_at, bytes_there in ((half - 1, 0), (half, 10_000), (half + 1, 20_000)):
        folder = tmp_path / str(kill_at)
        assert worked(folder, kill_at) == (-9, "")
        assert (folder / "text").stat().st_size == bytes_there


def test_a_power_cut_takes_what_was_not_synced(tmp_path: Path) -> None:
    every = worked(tmp_path / "undisturbed")[1].splitlines()
    last = len(every)
    folder = tmp_path / "cut"
    assert worked(folder, last, "power cut")[0] == -9
    sizes = {path.name: os.stat(path).st_size for path in folder.rglob("*") if path.is_file()}
    assert sizes == {"text": 0, "synced": 8, "copy": 0}
