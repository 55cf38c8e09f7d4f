"""What watching costs: goodput with all probes and with none, in turns. About eight minutes.

    .venv/bin/python bench/probe_cost.py [PAIRS]     (default: 5)

Each turn is a session of its own: on, off, off, on, … Also times what an app worker's counting
adds to one request.
"""

from __future__ import annotations

import asyncio
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "stack")]

from posts import counters  # noqa: E402
from rig.probes.sampler import OFF  # noqa: E402

CALLS = 100_000


def goodput_rps(probes: bool, out: Path) -> dict[str, float]:
    """One session's goodput by target."""
    file = ROOT / "bench" / "probe_cost.yaml"
    command = [sys.executable, str(ROOT / "runner.py"), str(file), "--backend", "local", "--yes"]
    environment = {**os.environ, **({} if probes else {OFF: "1"})}
    subprocess.run(
        [*command, "--out", str(out)], cwd=ROOT, env=environment, timeout=600, check=False,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    with next(out.glob("*/*/derived/trials.csv")).open(newline="") as table:
        return {row["target"]: float(row["goodput_rps"]) for row in csv.DictReader(table)}


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


def main() -> None:
    """Prints each turn, then the ratio of the medians with its bound."""
    pairs = int(sys.argv[1]) if sys.argv[1:] else 5
    found: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCH_COUNTERS"] = folder
        sync_us, async_us = asyncio.run(per_request_us())
        del os.environ["BENCH_COUNTERS"]
        print(f"counting: {sync_us:.1f} µs per sync request, {async_us:.1f} µs per async one")
        for turn in range(2 * pairs):
            probes = turn % 4 in (0, 3)
            found[probes].append(goodput_rps(probes, Path(folder) / f"{turn}"))
            print(f"probes {'on' if probes else 'off'}: {found[probes][-1]}", flush=True)
    for target in found[True][0]:
        on, off = (
            statistics.median(it[target] for it in found[probes]) for probes in (True, False)
        )
        print(f"{target}: {on:.1f} /s with, {off:.1f} /s without, {on / off - 1:+.1%} (within 3 %)")


if __name__ == "__main__":
    main()
