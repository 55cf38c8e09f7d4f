"""What watching costs: goodput with the runner's probes and without, in turns. About 12 minutes.

    .venv/bin/python bench/probe_cost.py [STEADY_S [FOLDER]]     (default: 300 for each target)

The turns, a few seconds each, are within one trial, so that both sides have the same processes,
the same data and the same minute of a noisy machine; trials of their own differ by far more than
3 %. The second in which a turn changes counts for neither, nor does the one after it. What goes on
in both is not in the figure: the delay role measures the paths once a second, and load workers and
app workers count. The figure is the median over the pairs of neighbouring turns, and its interval
by order statistics, at 95 % or a little more: a stall of the machine spoils a pair, not the whole.
The route reads only, since a disk's moods are larger than what is looked for. Also times what an
app worker's counting, which goes on all the time, adds to one request. The session stays in
FOLDER, where one is given.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "stack"), str(ROOT / "stack" / "around")]

from posts import counters  # noqa: E402

CALLS = 100_000
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


class Answer:
    """What a view gives back, as far as counting looks at it."""

    status_code = 200


async def per_request_us() -> tuple[float, float]:
    """What counting adds to a call, sync and async, in µs."""

    def plain() -> Answer:
        return Answer()

    async def on_a_loop() -> Answer:
        return Answer()

    async def calls_us(view: object, awaited: bool) -> float:
        begun_s = time.perf_counter()
        for _ in range(CALLS):
            made = view()  # type: ignore[operator]
            if awaited:
                await made
        return (time.perf_counter() - begun_s) / CALLS * 1e6

    counted = counters.counted(plain), counters.counted(on_a_loop)
    return (
        await calls_us(counted[0], False) - await calls_us(plain, False),
        await calls_us(counted[1], True) - await calls_us(on_a_loop, True),
    )


def measured(folder: Path, steady_s: int) -> list[Path]:
    """Runs the session; its attempts."""
    file = folder / "probe-cost.yaml"
    file.write_text(YAML.format(steady_s=steady_s))
    subprocess.run(
        [sys.executable, str(ROOT / "bench" / "probes_by_turns.py"), str(file), "--yes",
         "--backend", "local", "--no-calibrate", "--out", str(folder / "out")],
        cwd=ROOT, timeout=3 * steady_s + 300, check=False, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return sorted(folder.glob("out/*/*/trials/*/attempt-1"))


def main() -> int:
    """Prints each target's ratio and that of both; 1 unless they are within the bound."""
    steady_s = int(sys.argv[1]) if sys.argv[1:] else 300
    within = True
    with contextlib.ExitStack() as exits:
        folder = sys.argv[2] if sys.argv[2:] else exits.enter_context(tempfile.TemporaryDirectory())
        os.environ["BENCH_COUNTERS"] = folder
        sync_us, async_us = asyncio.run(per_request_us())
        del os.environ["BENCH_COUNTERS"]
        print(f"counting: {sync_us:.1f} µs per sync request, {async_us:.1f} µs per async one")
        every: list[float] = []
        for attempt in measured(Path(folder), steady_s):
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
