"""What the page of `--live` costs: CPU of the runner, and of the load master. About 2 minutes.

    .venv/bin/python -m bench.live_cost [SECONDS]     (default 20, for each number of tabs)

A page is told what a session on real hosts tells of its load: progress twice a second, with the
histograms of two load workers, and five probes' samples each 0.87 s. Tabs are connections of
another process, which read all they are sent. Prints the CPU that this process takes beyond the
same without a page, by the number of tabs; and the time that the load master takes for a second's
histograms, of a load that is an hour old. Exit code 1: more than MOST_SHARE of a CPU with one tab.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

from rig.backends.base import LoadProgress
from rig.cli.live.listener import Address, listening
from rig.cli.live.view import LivePage
from rig.load.counting.completions import Completions
from rig.load.counting.hlog import encode, tally
from rig.load.counting.report import RESPONSES, Completed, LoadReport, Slot
from rig.model import Phase
from rig.probes import Row
from rig.probes.sampler import INTERVAL_S
from tests.unit.plans import PLAN, trial

MOST_SHARE = 0.01
TABS = (0, 1, 20)
PROGRESS_EVERY_S = 0.5
ANSWERS = 500
"""Of each load worker, a second."""
OLD_S = 3600
READER = """\
import socket, sys
tabs = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(int(sys.argv[2]))]
for tab in tabs:
    tab.sendall(b"GET /events HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n")
import select
print("reading", flush=True)
while tabs:
    for tab in select.select(tabs, [], [])[0]:
        if not tab.recv(1 << 16):
            tabs.remove(tab)
"""


class View(Protocol):
    """What is told of a load."""

    def progress(self, progress: LoadProgress) -> None: ...

    def sampled(self, probe: str, rows: Sequence[Row]) -> None: ...


class Nobody:
    """Who is told in the page's place."""

    def progress(self, progress: LoadProgress) -> None: ...

    def sampled(self, probe: str, rows: Sequence[Row]) -> None: ...


def times(seed: int) -> Mapping[int, int]:
    """A load worker's second."""
    chance = random.Random(seed)
    return tally(round(chance.lognormvariate(11, 1)) for _ in range(ANSWERS))


def tell(view: View, responses: Sequence[str], for_s: float) -> float:
    """The CPU time of this process while it tells a view of a load, in s."""
    began_s, spent_s = time.monotonic(), time.process_time()
    progress_s = sample_s = began_s
    outcomes = {"ok": 100_000, "timeout": 12}
    while (now_s := time.monotonic()) < began_s + for_s:
        if now_s >= progress_s:
            progress_s += PROGRESS_EVERY_S
            second = int(now_s - began_s)
            view.progress(LoadProgress(now_s - began_s, 40, 1000, 0, outcomes, second, responses))
        if now_s >= sample_s:
            sample_s += INTERVAL_S
            for probe, rows in samples(now_s).items():
                view.sampled(probe, rows)
        time.sleep(max(0.0, min(progress_s, sample_s) - time.monotonic()))
    return time.process_time() - spent_s


def samples(at_s: float) -> dict[str, Sequence[Row]]:
    """What the probes of a real stack see of one moment."""
    roles = ("app", "database", "delay", "load_master", "load_worker", "load_worker", "pooler")
    return {
        "processes": [
            (at_s, role, n, 4, at_s / 7, 9**8, 1, 2, 0.0) for n, role in enumerate(roles)
        ],
        "app_sockets": [(at_s, 40, 0, 2048)],
        "app_loop": [(at_s, 1000, 5000, 5000, at_s / 2, 1.5)],
        "postgres": [(at_s, "12", "3", *"123456789", "app/gunicorn=12")],
        "pgbouncer": [(at_s, 40, 0, 0.0, 12, 3, 0, 100_000, 0.5)],
        "host": [(at_s, at_s, 0.0, 0.1, 0.1, 0.1, 0, 2)],
    }


@contextlib.contextmanager
def page(tabs: int) -> Iterator[View]:
    """A page that so many tabs look at, within a trial's load."""
    with listening(Address()) as opened:
        assert opened is not None
        with closing(LivePage("live cost", opened)) as view:
            port = opened.socket.getsockname()[1]
            reader = subprocess.Popen(
                [sys.executable, "-c", READER, str(port), str(tabs)], stdout=subprocess.PIPE
            )
            assert reader.stdout is not None
            reader.stdout.readline()
            long = dataclasses.replace(PLAN.load, steady_s=float(OLD_S))
            view.planned([trial()], long.duration_s, "")
            view.began(trial(dataclasses.replace(PLAN, load=long)))
            view.phase(Phase.LOAD)
            yield view
        reader.stdout.close()
        reader.wait(10)


def master_s(responses: Sequence[Mapping[int, int]]) -> float:
    """What the load master spends on handing on one second, an hour after a load began, in s."""
    counted = Completions("list")
    for second in range(OLD_S):
        done = [Completed(Slot(second, "steady", "list", "ok"), ANSWERS, 0.0, 1.0, of, None)
                for of in responses]  # fmt: skip
        counted.add("load-1", LoadReport(completed=done))
    with tempfile.TemporaryDirectory() as scratch:
        began_s, turns = time.process_time(), 50
        for second in range(turns):
            said = {second: counted.responses(second)}
            part = Path(scratch) / "part"
            part.write_text(json.dumps(said))
            part.replace(Path(scratch) / RESPONSES)
        return (time.process_time() - began_s) / turns


def main(for_s: float) -> int:
    """Prints each; the exit code."""
    seconds = [times(1), times(2)]
    responses = [encode(one) for one in seconds]
    shares = {}
    for tabs in TABS:
        without_s = tell(Nobody(), responses, for_s)
        with page(tabs) as view:
            with_s = tell(view, responses, for_s)
        shares[tabs] = (with_s - without_s) / for_s
        print(f"{tabs:2} tabs: {100 * shares[tabs]:.2f} % of a CPU", flush=True)
    print(f"load master: {1000 * master_s(seconds):.2f} ms a second, after {OLD_S} s of load")
    return int(shares[1] > MOST_SHARE)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0))
