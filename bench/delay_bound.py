"""Do delay-bound cells serve what round trips predict? About four minutes.

    .venv/bin/python bench/delay_bound.py [--out results]

Measures s0 and n of 1 ÷ (s0 + n · delay) from the service time at two delays, then compares:
sync/per_request with that prediction, and the ratios that the connection policy makes.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def measured(experiment: str, out: str) -> list[dict[str, str]]:
    """Runs bench/EXPERIMENT.yaml; the rows of its trials.csv."""
    file = ROOT / "bench" / f"{experiment.replace('-', '_')}.yaml"
    command = [sys.executable, str(ROOT / "runner.py"), str(file), "--out", out, "--yes"]
    subprocess.run(command, check=True, cwd=ROOT, timeout=1800)
    newest = max((Path(out) / experiment).iterdir())
    with (newest / "derived" / "trials.csv").open(newline="") as table:
        return list(csv.DictReader(table))


def goodput_rps(rows: list[dict[str, str]], **levels: str) -> float:
    """The one row at these levels."""
    (row,) = (row for row in rows if all(row[name] == level for name, level in levels.items()))
    if row["verdict"] != "valid":
        sys.exit(f"{row['trial']} is {row['verdict']}: {row['why']}")
    return float(row["goodput_rps"])


def main() -> None:
    """Prints each comparison with its bound."""
    out = sys.argv[2] if sys.argv[1:2] == ["--out"] else "results"
    service = measured("service-time", out)
    at_s = {delay: 1 / goodput_rps(service, delay_ms=str(delay)) for delay in (50, 100)}
    trips = (at_s[100] - at_s[50]) / 0.050
    s0_s = at_s[50] - trips * 0.050
    predicted = 1 / (s0_s + trips * 0.100)
    rows = measured("delay-bound", out)
    of = {
        (connections, path): goodput_rps(
            rows, target="sync", connections=connections, delay_path=path
        )
        for connections in ("per_request", "persistent")
        for path in ("both", "database")
    }
    asynchronous = goodput_rps(rows, target="async")
    reconnecting = of["per_request", "both"]
    print(f"s0 = {s0_s * 1000:.1f} ms, n = {trips:.2f}: {predicted:.3f} rps predicted at 100 ms")
    off = reconnecting / predicted - 1
    print(f"sync/per_request {reconnecting:.3f} rps: {off:+.1%} (within 10 %)")
    for path, least in (("both", 3.5), ("database", 5.5)):
        ratio = of["persistent", path] / of["per_request", path]
        print(f"persistent ÷ per_request, {path}: {ratio:.2f} (at least {least})")
    print(f"async ÷ sync, per_request: {asynchronous / reconnecting:.1f} (at least 20)")


if __name__ == "__main__":
    main()
