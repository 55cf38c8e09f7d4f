"""What watching costs: goodput with the runner's probes and without, in turns.

    .venv/bin/python bench/probe_cost.py [cpu | delay] [--steady 300] [--out FOLDER] [--nodes FILE]

What bounds the load, `cpu` or `delay`, decides what the figure tells:
- cpu: what the probes take from a stack that fills the machine. It needs a machine whose own pace
  is steadier than the bound from one turn to the next; many small ones are not.
- delay: whether watching makes answers later where CPUs have time to spare, as in most cells.
  It says nothing of a full machine.
On a Swarm (with a nodes file) the observers of all nodes take turns, and what CPU time they used is
told as well: a role that fills a CPU loses that share of it at most, plus what caches lose.

The turns, a few seconds each, are within one trial, so that both sides have the same processes,
the same data and the same minute of a noisy machine; trials of their own differ by far more than
3 %. The second in which a turn changes counts for neither, nor does the one after it. What goes on
in both is not in the figure: the delay role measures the paths once a second, load workers and app
workers count (`wrapper_cost.py` has what the latter costs). A turn's goodput is the users over
their mean response time, as they never think (Little's law). Counts of a few seconds would tell
whose answers fell into them: with a delay, users are answered in step. The figure is the median
over the pairs of neighbouring turns, and its interval by order statistics, at 95 % or a little
more: a stall of the machine spoils a pair, not the whole. Exit code 1: a target's median, or an end
of the interval over all pairs, is beyond 3 %.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

ROOT = Path(__file__).resolve().parents[1]
CLOSE = 0.03
FEWEST_PAIRS = 6
"""Fewer have no two places that a fair coin leaves in 2.5 % of cases on either side."""
CPU = """\
# As many requests per second as this machine makes: what the probes take shows here first. The
# route reads only, since a disk's moods are larger than what is looked for.
experiment: probe-cost
setup: {{route: io_read, connections: persistent}}
vary: {{target: [sync, async]}}
load: {{users: {{from: 15, per_s: 15, to: {users}}}, steady: {steady_s}s, load_workers: 1}}
data: {{posts: 10_000, cpu_n: 100_000}}
"""
DELAY = """\
# Users who all wait for the delay: so many answers, whatever the CPUs have left.
experiment: probe-cost
setup: {{route: io_create, delay_ms: 100, app_threads: {users}}}
vary: {{target: [sync]}}
also:
  async:
    because: threads of a process wait for each other, coroutines do not
    only: {{target: [sync]}}
    set: {{target: async, app_threads: 1}}
load: {{users: {{from: 1, per_s: 40, to: {users}}}, steady: {steady_s}s, load_workers: 1}}
data: {{posts: 10_000, cpu_n: 100_000}}
"""
LOADS = {"cpu": CPU, "delay": DELAY}
USERS = 30


def answered_s(attempt: Path) -> dict[int, tuple[int, float]]:
    """Each second of the steady window: its correct answers, and their mean response time (s)."""
    reader = HistogramLogReader(str(attempt / "load" / "latencies.hlog"), HdrHistogram(1, 10**9, 3))
    found: dict[int, tuple[int, float]] = {}
    while (one := reader.get_next_interval_histogram()) is not None:
        phase, _, outcome = one.get_tag().split("|")
        if (phase, outcome) == ("steady", "ok"):
            second = round(one.get_start_time_stamp() / 1000)
            found[second] = one.get_total_count(), one.get_mean_value() / 1e6
    reader.close()
    return found


def turns_of(attempt: Path) -> list[tuple[bool, float]]:
    """Each turn of the steady window: whether it had probes, and its goodput (/s)."""
    began_s = json.loads((attempt / "load" / "load.json").read_text())["began_at_s"]
    answered = answered_s(attempt)
    # the first and the last second of the window are not whole
    first, last = min(answered) + 1, max(answered)
    found = []
    for on, start_s, end_s in json.loads((attempt / "probes" / "turns.json").read_text()):
        whole = range(math.ceil(start_s - began_s + 1), math.floor(end_s - began_s))
        if whole and whole[0] >= first and whole[-1] < last:
            counts, means_s = zip(*(answered[second] for second in whole), strict=True)
            waited_s = sum(map(math.prod, zip(counts, means_s, strict=True))) / sum(counts)
            found.append((on, USERS / waited_s))
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


def measured(bound: str, steady_s: int, folder: Path, nodes: str) -> list[Path]:
    """Runs the session; its attempts."""
    backend = ["swarm", "--nodes", nodes] if nodes else ["local"]
    file = folder / "probe-cost.yaml"
    file.write_text(LOADS[bound].format(steady_s=steady_s, users=USERS))
    subprocess.run(
        [sys.executable, str(ROOT / "bench" / "probes_by_turns.py"), str(file), "--yes",
         "--backend", *backend, "--no-calibrate", "--out", str(folder / "out")],
        cwd=ROOT, timeout=3 * steady_s + 300, check=False, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    found = sorted(folder.glob("out/*/*/trials/*/attempt-1"))
    return found or sys.exit("the session measured nothing")


def told(attempts: list[Path]) -> bool:
    """Prints each target's ratio and that of both; whether they are within the bound."""
    within, every = True, list[float]()
    for attempt in attempts:
        turns = turns_of(attempt)
        ratios = compared(turns)
        every += ratios
        print(f"{attempt.parent.name}: {statistics.fmean(r for _, r in turns):.1f} /s; "
              f"{said(ratios)}")  # fmt: skip
        within &= abs(statistics.median(ratios) - 1) <= CLOSE
        shares = json.loads((attempt / "probes" / "cpu.json").read_text())
        if shares:
            each = ", ".join(f"{node} {share:.2%}" for node, share in shares.items())
            print(f"  observers, of a CPU while they work: {each}")
    low, high = interval(sorted(every))
    print(f"both: {said(sorted(every))}")
    return within and low >= 1 - CLOSE and high <= 1 + CLOSE


def said(ratios: list[float]) -> str:
    """The median with its interval, in words."""
    low, high = interval(ratios)
    return (
        f"with probes {statistics.median(ratios) - 1:+.1%} ({low - 1:+.1%} to {high - 1:+.1%}, "
        f"{len(ratios)} pairs, which scatter by {statistics.stdev(ratios):.1%})"
    )


def main() -> int:
    """Prints what was found; 1 unless it is within the bound."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("bound", nargs="?", default="cpu", choices=LOADS)
    options.add_argument("--steady", type=int, default=300)
    options.add_argument("--out", default="")
    options.add_argument("--nodes", default="")
    asked = options.parse_args()
    with contextlib.ExitStack() as exits:
        folder = asked.out or exits.enter_context(tempfile.TemporaryDirectory())
        within = told(measured(asked.bound, asked.steady, Path(folder), asked.nodes))
    print(
        f"where the {asked.bound} bounds the load, each median and the whole interval within "
        f"{CLOSE:.0%}: {'yes' if within else 'NO'}"
    )
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
