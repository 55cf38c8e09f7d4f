"""Do 1, 4, 16 and 64 load workers all connect, and do their counts agree? About five minutes.

    .venv/bin/python bench/load_workers.py [BACKEND] [--nodes FILE] [--workers 1 4 …] [--out OUT]

For each: how many connected, from how many addresses and nodes, and whether the load workers' own
counts, the master's, the record's and the sums of completions.csv and of the histogram log are the
same number. Exit code 1: they are not, or a load worker is missing.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

from hdrh.histogram import HdrHistogram

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from rig.model import ExitCode  # noqa: E402


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


def attempt_of(workers: int, backend: str, nodes: str, out: str) -> Path:
    """Runs a trial with so many load workers; its last attempt."""
    words = ["--backend", backend, "--workers", str(workers), "--out", out, "--yes"]
    words += ["--no-calibrate", *(["--nodes", nodes] if nodes else [])]
    file = ROOT / "bench" / "load_workers.yaml"
    command = [sys.executable, str(ROOT / "runner.py"), str(file), *words]
    # on two CPUs 64 load workers disturb each other, and a trial may be rejected: counts hold then
    done = subprocess.run(command, check=False, cwd=ROOT, timeout=600, stdout=subprocess.DEVNULL)
    if done.returncode not in (ExitCode.OK, ExitCode.SOME_INVALID):
        sys.exit(f"--workers {workers}: the session ended with exit code {done.returncode}")
    session = max((Path(out) / "load-workers").iterdir())
    return max(session.glob("trials/*/attempt-*"))


def agrees(workers: int, attempt: Path) -> bool:
    """Prints what an attempt's files say; whether all is as it must be."""
    manifest = json.loads((attempt / "manifest.json").read_text())
    load = manifest["load"]
    addresses = set(load["load_worker_addresses"])
    places = {
        name: [one.rpartition(".")[2] for one in node.get("load_workers", ())]
        for name, node in manifest["facts"].get("nodes", {}).items()
    }
    found = counts(attempt)
    on_nodes = sum(map(len, places.values()))
    whole = load["load_workers_connected"] == len(addresses) == workers
    same = len(set(found.values())) == 1 and whole and on_nodes in (0, workers)
    per_node = ", ".join(f"{name} {len(some)}" for name, some in places.items() if some)
    print(
        f"--workers {workers}: {manifest['verdict']}, {load['load_workers_connected']} connected "
        f"from {len(addresses)} addresses ({per_node or 'one machine'}); {found}: "
        f"{'the same' if same else 'NOT THE SAME'}",
        flush=True,
    )
    return same


def main() -> None:
    """Prints a line a number of load workers."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("backend", nargs="?", default="compose")
    options.add_argument("--nodes", default="")
    options.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16, 64])
    options.add_argument("--out", default="results")
    asked = options.parse_args()
    same = [
        agrees(workers, attempt_of(workers, asked.backend, asked.nodes, asked.out))
        for workers in asked.workers
    ]
    sys.exit(0 if all(same) else 1)


if __name__ == "__main__":
    main()
