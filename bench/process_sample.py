"""What a sample of the processes probe costs, by `/proc` as the rig reads it and by psutil.

    python bench/process_sample.py [TURNS]

Both look at this process and 50 children, by turns; CPU time, ms. psutil comes with Locust. It
lists every process of the machine to find children, and counts the waits of first threads only.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil

from rig.probes import proc

CHILDREN = 50


def by_proc() -> None:
    for pid in proc.family(os.getpid()):
        proc.used(pid)
        proc.waits(pid)


def by_psutil() -> None:
    first = psutil.Process()
    for one in [first, *first.children(recursive=True)]:
        with one.oneshot():
            one.cpu_times()
            one.memory_info()
            one.num_ctx_switches()
            one.create_time()


def cpu_ms(sample: Callable[[], None]) -> float:
    began_s = time.process_time()
    sample()
    return 1000 * (time.process_time() - began_s)


def main(turns: int) -> None:
    children = [subprocess.Popen(["sleep", "300"]) for _ in range(CHILDREN)]
    try:
        taken_ms = [(cpu_ms(by_proc), cpu_ms(by_psutil)) for _ in range(turns)]
    finally:
        for child in children:
            child.kill()
            child.wait()
    own_ms, psutil_ms = map(statistics.median, zip(*taken_ms, strict=True))
    ratio = statistics.median(psutil / own for own, psutil in taken_ms)
    print(f"/proc {own_ms:.1f} ms, psutil {psutil_ms:.1f} ms, {ratio:.2f} times as much")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
