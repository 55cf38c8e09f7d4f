"""Do 1, 2, 4 and 8 load workers all connect, and do their counts agree? About three minutes.

    .venv/bin/python bench/load_workers.py [BACKEND] [--out results]

For each: how many connected, from how many addresses, and whether the master's count, the
record's and the sums of completions.csv and of the histogram log are the same number.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

from hdrh.histogram import HdrHistogram

ROOT = Path(__file__).resolve().parents[1]


def counts(attempt: Path) -> dict[str, int]:
    """Answers of one attempt, counted from each of its files."""
    with (attempt / "load" / "completions.csv").open(newline="") as table:
        rows = sum(int(row["count"]) for row in csv.DictReader(table))
    lines = (attempt / "load" / "latencies.hlog").read_text().splitlines()
    histograms = sum(
        HdrHistogram.decode(line.rsplit(",", 1)[1]).get_total_count()
        for line in lines
        if line.startswith("Tag=")
    )
    master = json.loads((attempt / "load" / "load.json").read_text())["finished"]
    load = json.loads((attempt / "manifest.json").read_text())["load"]
    own = sum(load["finished_by_load_worker"].values())
    record = load["finished"]
    return {
        "load workers": own,
        "master": master,
        "record": record,
        "completions": rows,
        "histograms": histograms,
    }


def main() -> None:
    """Prints a line a number of load workers."""
    arguments = sys.argv[1:]
    out = arguments.pop(arguments.index("--out") + 1) if "--out" in arguments else "results"
    backend = arguments[0] if arguments and arguments[0] != "--out" else "compose"
    for wanted in (1, 2, 4, 8):
        options = ["--backend", backend, "--workers", str(wanted), "--out", out, "--yes"]
        file = ROOT / "bench" / "load_workers.yaml"
        command = [sys.executable, str(ROOT / "runner.py"), str(file), *options]
        subprocess.run(command, check=True, cwd=ROOT, timeout=600, stdout=subprocess.DEVNULL)
        session = max((Path(out) / "load-workers").iterdir())
        (attempt,) = session.glob("trials/*/attempt-1")
        load = json.loads((attempt / "manifest.json").read_text())["load"]
        addresses = len(set(load["load_worker_addresses"]))
        found = counts(attempt)
        same = "the same" if len(set(found.values())) == 1 else "NOT THE SAME"
        print(
            f"--workers {wanted}: {load['load_workers_connected']} connected from {addresses} "
            f"addresses; {found}: {same}"
        )


if __name__ == "__main__":
    main()
