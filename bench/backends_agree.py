"""Do the backends give the same answers where the machine does not matter? About five minutes.

    .venv/bin/python bench/backends_agree.py [--out results]

Runs sync/io_create at 100 and 200 ms on the local and on the Compose backend, and compares goodput
(within 5 %) and measured delay (within 1 ms). Prints each session's overhead, too.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENT = "backends-agree"


def measured(backend: str, out: str) -> dict[str, dict[str, str]]:
    """The rows of one backend's session, by delay."""
    file = ROOT / "bench" / "backends_agree.yaml"
    options = ["--backend", backend, "--out", out, "--yes"]
    command = [sys.executable, str(ROOT / "runner.py"), str(file), *options]
    subprocess.run(command, check=True, cwd=ROOT, timeout=1800)
    newest = max((Path(out) / EXPERIMENT).iterdir())
    subprocess.run([sys.executable, ROOT / "bench" / "overhead.py", newest], check=True)
    with (newest / "derived" / "trials.csv").open(newline="") as table:
        return {row["delay_ms"]: row for row in csv.DictReader(table)}


def main() -> None:
    """Prints each comparison with its bound."""
    out = sys.argv[2] if sys.argv[1:2] == ["--out"] else "results"
    local, compose = measured("local", out), measured("compose", out)
    for delay, here in local.items():
        there = compose[delay]
        ratio = float(there["goodput_rps"]) / float(here["goodput_rps"])
        apart_ms = float(there["measured_delay_ms"]) - float(here["measured_delay_ms"])
        print(
            f"{delay} ms: local {here['goodput_rps']} rps, compose {there['goodput_rps']} rps, "
            f"{ratio - 1:+.1%} (within 5 %); delays {apart_ms:+.2f} ms apart (within 1 ms)"
        )


if __name__ == "__main__":
    main()
