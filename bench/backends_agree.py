"""Do two backends give the same answers where the machine does not matter? About eight minutes.

    .venv/bin/python bench/backends_agree.py [BACKEND] [--nodes FILE] [--turns 2] [--out results]

Runs sync/io_create at 100 and 200 ms on the local backend and on another (compose as it is; swarm
needs its nodes), in turns. Compares the median goodput (within 5 %), and holds each measured delay
against what was asked and the path's own length (within 1 ms). Prints what every trial took beyond
its load, too. Exit code 1: a bound was missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENT = "backends-agree"
MOST_APART, MOST_APART_MS = 0.05, 1.0
MOMENTS = ("before_ms", "after_ms")

Manifests = dict[float, list[dict[str, Any]]]
"""Those of the valid attempts, by delay (ms)."""


def add_session(found: Manifests, backend: str, out: str, nodes: str) -> None:
    """Runs a session of a backend's, and adds its valid attempts."""
    words = ["--backend", backend, "--out", out, "--yes", "--no-calibrate"]
    words += ["--nodes", nodes] if backend == "swarm" else []
    file = ROOT / "bench" / "backends_agree.yaml"
    command = [sys.executable, str(ROOT / "runner.py"), str(file), *words]
    subprocess.run(command, check=True, cwd=ROOT, timeout=1800)
    newest = max((Path(out) / EXPERIMENT).iterdir())
    subprocess.run([sys.executable, ROOT / "bench" / "overhead.py", newest], check=True)
    for path in newest.glob("trials/*/attempt-*/manifest.json"):
        manifest = json.loads(path.read_text())
        if manifest["verdict"] == "valid":
            found[float(manifest["levels"]["delay_ms"])].append(manifest)


def error_ms(manifest: dict[str, Any]) -> float:
    """How far the worst path's median delay is from its own length and what was asked."""
    worst = 0.0
    for path in manifest["delay"]["paths"]:
        base_ms = statistics.median(path["base_ms"]) if path.get("base_ms") else 0.0
        for moment in MOMENTS:
            apart_ms = statistics.median(path[moment]) - path["asked_ms"] - base_ms
            worst = max(worst, apart_ms, key=abs)
    return worst


def agrees(delay_ms: float, backend: str, here: Manifests, there: Manifests) -> bool:
    """Prints a comparison with its bounds; whether both are kept."""
    rates = [[one["load"]["goodput_rps"] for one in of[delay_ms]] for of in (here, there)]
    local_rps, other_rps = map(statistics.median, rates)
    ratio = other_rps / local_rps
    errors_ms = {
        name: max(map(error_ms, of[delay_ms]), key=abs)
        for name, of in (("local", here), (backend, there))
    }
    kept = abs(ratio - 1) <= MOST_APART and max(map(abs, errors_ms.values())) <= MOST_APART_MS
    said = ", ".join(f"{name} {apart_ms:+.2f} ms" for name, apart_ms in errors_ms.items())
    each = "; ".join(", ".join(f"{rps:.2f}" for rps in some) for some in rates)
    print(
        f"{delay_ms:g} ms: local {local_rps:.2f} rps, {backend} {other_rps:.2f} rps ({each}), "
        f"{ratio - 1:+.1%} (within {MOST_APART:.0%}); delays beyond what was asked and the path's "
        f"length: {said} (within {MOST_APART_MS:g} ms): {'kept' if kept else 'MISSED'}"
    )
    return kept


def main() -> None:
    """Prints each comparison with its bounds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("backend", nargs="?", default="compose", choices=("compose", "swarm"))
    options.add_argument("--nodes", default="nodes.yaml")
    options.add_argument("--turns", type=int, default=2)
    options.add_argument("--out", default="results")
    asked = options.parse_args()
    here: Manifests = defaultdict(list)
    there: Manifests = defaultdict(list)
    for _ in range(asked.turns):
        add_session(here, "local", asked.out, asked.nodes)
        add_session(there, asked.backend, asked.out, asked.nodes)
    kept = [agrees(delay_ms, asked.backend, here, there) for delay_ms in sorted(here)]
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
