"""What watching costs: goodput with the runner's probes and without, in turns. About 12 minutes.

    .venv/bin/python bench/probe_cost.py [STEADY_S [FOLDER [NODES]]]     (default: 300 a target)

The turns, a few seconds each, are within one trial, so that both sides have the same processes,
the same data and the same minute of a noisy machine; trials of their own differ by far more than
3 %. The second in which a turn changes counts for neither, nor does the one after it. What goes on
in both is not in the figure: the delay role measures the paths once a second, load workers and app
workers count (`wrapper_cost.py` has what the latter costs). The figure is the median over the pairs
of neighbouring turns, and its interval by order statistics, at 95 % or a little more: a stall of
the machine spoils a pair, not the whole. The route reads only, since a disk's moods are larger than
what is looked for. The session stays in FOLDER, where one is given. With a nodes file it runs on a
Swarm: then the observers of all nodes take turns.
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CLOSE = 0.03
YAML = """\
# As many requests per second as this machine makes: what the probes take shows here first.
experiment: probe-cost
setup: {{route: io_read, connections: persistent}}
vary: {{target: [sync, async]}}
load: {{users: {{from: 20, per_s: 20, to: 40}}, steady: {steady_s}s, load_workers: 1}}
data: {{posts: 10_000, cpu_n: 100_000}}
"""


def turns_of(attempt: Path) -> list[tuple[bool, float]]:
    """Each turn of the steady window: whether it had probes, and its correct answers per second."""
    began_s = json.loads((attempt / "load" / "load.json").read_text())["began_at_s"]
    correct: Counter[int] = Counter()
    with (attempt / "load" / "completions.csv").open(newline="") as table:
        for row in csv.DictReader(table):
            if row["phase"] == "steady" and row["outcome"] == "ok":
                correct[int(row["second"])] += int(row["count"])
    # the first and the last second of the window are not whole
    first, last = min(correct) + 1, max(correct)
    found = []
    for on, start_s, end_s in json.loads((attempt / "probes" / "turns.json").read_text()):
        whole = range(math.ceil(start_s - began_s + 1), math.floor(end_s - began_s))
        if whole and whole[0] >= first and whole[-1] < last:
            found.append((on, statistics.fmean(correct[second] for second in whole)))
    return found


def compared(turns: list[tuple[bool, float]]) -> list[float]:
    """Each pair's ratio with ÷ without, ascending."""
    ratios = []
    while len(turns) > 1:
        (on, rps), (other, other_rps), *rest = turns
        if on == other:  # the window began within a pair
            turns = turns[1:]
            continue
        ratios.append(rps / other_rps if on else other_rps / rps)
        turns = rest
    return sorted(ratios)


def interval(ratios: list[float]) -> tuple[float, float]:
    """Two of the ratios, the same number of places from either end, that hold the true median.

    So many places that a fair coin leaves fewer heads in 2.5 % of cases at most.
    """
    count, place, below = len(ratios), 0, 0.5 ** len(ratios)
    while (more := below + math.comb(count, place + 1) * 0.5**count) <= 0.025:
        place, below = place + 1, more
    return ratios[place], ratios[count - 1 - place]


def measured(folder: Path, steady_s: int, nodes: str) -> list[Path]:
    """Runs the session; its attempts."""
    backend = ["swarm", "--nodes", nodes] if nodes else ["local"]
    file = folder / "probe-cost.yaml"
    file.write_text(YAML.format(steady_s=steady_s))
    subprocess.run(
        [sys.executable, str(ROOT / "bench" / "probes_by_turns.py"), str(file), "--yes",
         "--backend", *backend, "--no-calibrate", "--out", str(folder / "out")],
        cwd=ROOT, timeout=3 * steady_s + 300, check=False, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return sorted(folder.glob("out/*/*/trials/*/attempt-1"))


def main() -> int:
    """Prints each target's ratio and that of both; 1 unless they are within the bound."""
    steady_s = int(sys.argv[1]) if sys.argv[1:] else 300
    within = True
    with contextlib.ExitStack() as exits:
        folder = sys.argv[2] if sys.argv[2:] else exits.enter_context(tempfile.TemporaryDirectory())
        every: list[float] = []
        for attempt in measured(Path(folder), steady_s, sys.argv[3] if sys.argv[3:] else ""):
            turns = turns_of(attempt)
            ratios = compared(turns)
            every += ratios
            print(f"{attempt.parent.name}: {statistics.fmean(r for _, r in turns):.0f} /s; "
                  f"{said(ratios)}", flush=True)  # fmt: skip
            within &= abs(statistics.median(ratios) - 1) <= CLOSE
    low, high = interval(sorted(every))
    within &= low >= 1 - CLOSE and high <= 1 + CLOSE
    print(f"both: {said(sorted(every))}")
    print(f"each median and the whole interval within {CLOSE:.0%}: {'yes' if within else 'NO'}")
    return 0 if within else 1


def said(ratios: list[float]) -> str:
    """The median with its interval, in words."""
    low, high = interval(ratios)
    return (
        f"with probes {statistics.median(ratios) - 1:+.1%} ({low - 1:+.1%} to {high - 1:+.1%}, "
        f"{len(ratios)} pairs, which scatter by {statistics.stdev(ratios):.1%})"
    )


if __name__ == "__main__":
    sys.exit(main())
