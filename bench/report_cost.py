"""What a report costs: seconds and memory over 33, 165 and 500 trials of 3 minutes.

    .venv/bin/python bench/report_cost.py [SIZE …]

The trials are the paper profile's, from the fake backend, with probes' series and logs as long as
real ones beside them; more trials are copies under other names. Exit code 1: a bound was missed.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
SIZES = (33, 165, 500)
BOUNDS_S = {33: 6.0, 500: 60.0}
MOST_BYTES = 1_000_000_000
LOG_LINES = 2000
SERIES = {
    "postgres": ("at_s", "total", "active", "idle", "idle_in_transaction", "app", "waiting"),
    "pgbouncer": ("at_s", "clients_active", "clients_waiting", "longest_wait_s"),
    "processes": ("at_s", "role", "index", "processes", "cpu_s", "rss_bytes"),
}


def main() -> int:
    """Prints a line per size, and between sizes what each further trial costs."""
    sizes = _sizes()
    with tempfile.TemporaryDirectory() as scratch:
        base = _session(Path(scratch))
        missed, seconds = False, {}
        for size in sizes:
            folder = _grown(base, Path(scratch, f"grown-{size}"), size)
            took_s, cpu_s, most_bytes = _report(folder)
            seconds[size] = cpu_s
            page = (folder / "derived" / "report.html").stat().st_size
            print(
                f"{size:4d} trials: {took_s:5.1f} s, {cpu_s:5.1f} CPU-s, "
                f"{most_bytes / 1e6:4.0f} MB, page of {page / 1e6:.1f} MB"
            )
            missed = missed or took_s > BOUNDS_S.get(size, took_s) or most_bytes > MOST_BYTES
            shutil.rmtree(folder)
    for fewer, more in pairwise(sizes):
        rise = (seconds[more] - seconds[fewer]) / (more - fewer)
        print(f"each further trial from {fewer} to {more}: {1000 * rise:.0f} CPU-ms")
    return int(missed)


def _sizes() -> list[int]:
    """Those that were asked for, ascending; by default `SIZES`."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sizes", metavar="SIZE", type=int, nargs="*", default=SIZES)
    sizes = sorted(set(parser.parse_args().sizes))
    if sizes[0] < 1:
        parser.error(f"{sizes[0]} trials: a report is of one or more")
    return sizes


def _session(scratch: Path) -> Path:
    command = [sys.executable, "runner.py", "--profile", "paper", "--backend", "fake", "--yes"]
    subprocess.run([*command, "--out", str(scratch / "results")], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    (folder,) = (scratch / "results").glob("*/*")
    shutil.rmtree(folder / "derived")
    for attempt in folder.glob("trials/*/attempt-1"):
        _dress(attempt)
    return folder


def _dress(attempt: Path) -> None:
    """Adds what the fake backend does not write: series of 3 minutes, and logs."""
    for name, columns in SERIES.items():
        with (attempt / "probes" / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(columns)
            out.writerows([s / 2, *[s % 97] * (len(columns) - 1)] for s in range(360))
    (attempt / "logs").mkdir(exist_ok=True)
    for role in ("app", "database", "load_master", "load_worker-1", "load_worker-2"):
        line = f"{role}: something happened that takes about a hundred characters to say in a log\n"
        (attempt / "logs" / f"{role}.log").write_text(line * LOG_LINES, encoding="utf-8")


def _grown(base: Path, folder: Path, size: int) -> Path:
    """A session with that many trials: copies of the base's, in further blocks."""
    folder.mkdir()
    for name in ("session.json", "calibration.json"):
        if (base / name).exists():
            shutil.copy(base / name, folder / name)
    with (base / "schedule.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    rows = []
    for index in range(size):
        block, line = 1 + index // len(lines), lines[index % len(lines)]
        trial = f"{index + 1:04d}-copy-r{block}"
        rows.append({**line, "position": index + 1, "trial": trial, "block": block,
                     "replicate": block})  # fmt: skip
        shutil.copytree(base / "trials" / line["trial"], folder / "trials" / trial)
    with (folder / "schedule.csv").open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def _report(folder: Path) -> tuple[float, float, int]:
    """Wall time, CPU time and peak memory of the command."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "runner.py", "report", str(folder)], cwd=ROOT,
                               stdout=subprocess.DEVNULL)  # fmt: skip
    _, status, use = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the report of {folder} ended with {process.returncode}")
    return time.monotonic() - began, use.ru_utime + use.ru_stime, 1024 * use.ru_maxrss


if __name__ == "__main__":
    sys.exit(main())
