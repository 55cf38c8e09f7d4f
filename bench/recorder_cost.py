"""What does the recorder cost a load worker? CPU-µs per request, on and off, interleaved.

    .venv/bin/python -m bench.recorder_cost [ROUNDS]     (default 5; about 35 s each)

One real load worker, 50 users who think 0.1 s, a server on loopback that answers at once. Off: the
same load worker, whose recorder and whose measuring of itself do nothing. Requests are counted by
Locust in both. At most 15 % of a request's cost may be the recorder's.
"""

from __future__ import annotations

import csv
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.loopback import Closed, Users, run, server, spec
from rig.load.counting.report import FinalCount, LoadReport

PORT, CONTROL_PORT = 18_081, 15_558
MOST_SHARE = 0.15


class Silent:
    """In the recorder's place: does nothing, as cheaply as can be."""

    frozen = False

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def start(self, *_: Any, **__: Any) -> int:
        """No number."""
        return 0

    def finish(self, *_: Any) -> None:
        """Nothing."""

    def freeze(self, _: float) -> FinalCount:
        """As if nothing had been asked."""
        self.frozen = True
        return FinalCount(highest=0, finished=0, not_ok={}, unanswered=())

    def drain(self) -> LoadReport:
        """As if nothing had happened."""
        return LoadReport()


def worker_without() -> None:
    """A load worker whose recorder is silent and whose meter sleeps."""
    from rig.load.counting import meter, recorder
    from rig.load.run import main as load_worker

    recorder.Recorder = Silent  # type: ignore[assignment,misc]
    meter.INTERVAL_S = 3600.0
    load_worker("worker")


def requests(folder: Path) -> int:
    """How many Locust counted."""
    with (folder / "master" / "locust_stats.csv").open(newline="") as table:
        (total,) = (row for row in csv.DictReader(table) if row["Name"] == "Aggregated")
    return int(total["Request Count"])


def cost_us(folder: Path, recorded: bool) -> float:
    """CPU-µs of the load worker per request, from the load's start to its end."""
    model = Closed(Users(50, 1, 50), think_time_s=0.1)
    load = spec(PORT, CONTROL_PORT, model, steady_s=10.0, load_workers=1)
    off = ("-m", "bench.recorder_cost", "worker-without")
    _, used_s = run(load, folder, ("-m", "locust_worker") if recorded else off)
    return 1e6 * used_s / requests(folder)


def main() -> None:
    """Prints a line a round, then the medians."""
    rounds = int(sys.argv[1]) if sys.argv[1:] else 5
    folder = Path(tempfile.mkdtemp(prefix="recorder-cost-"))
    found: dict[bool, list[float]] = {True: [], False: []}
    with server(PORT, "none", folder):
        for number in range(1, rounds + 1):
            for recorded in (True, False) if number % 2 else (False, True):
                found[recorded].append(cost_us(folder / f"{number}-{recorded}", recorded))
            print(f"round {number}: on {found[True][-1]:.1f} µs, off {found[False][-1]:.1f} µs")
    on_us, off_us = statistics.median(found[True]), statistics.median(found[False])
    share = (on_us - off_us) / on_us
    print(
        f"CPU-µs of a load worker per request: {on_us:.0f} with it, {off_us:.0f} without; "
        f"{on_us - off_us:.0f} µs, {100 * share:.1f} % of it ({100 * MOST_SHARE:.0f} % allowed)"
    )
    sys.exit(0 if share <= MOST_SHARE else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker-without"]:
        del sys.argv[1]
        worker_without()
    else:
        main()
