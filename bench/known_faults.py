"""Do both clients record the same times of what a misbehaving server does? Five minutes.

    .venv/bin/python -m bench.known_faults

Each client in turn against `faulty_server`, which waits 0.8 s before each of twelve faults, or lets
its client run into a time-out of 2 s: p50, p95 and p99 of each must agree within 0.5 %. Two faults
the clients have to take differently (`OF_LOCUST`); their times are shown only. Exit code 0: so it
is.

The users come three a second and think 0.237 s, so that few of them are in step: one of Locust's
client that waits for others' turns would be late by more than that.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bench.faulty_server import NAMES, OF_LOCUST, fault_of
from bench.loopback import DEADLINE_S, ROOT, Closed, Users, process, run, spec, wait_for
from rig.load.spec import CLIENTS, LOCUST, PLAIN, Client
from rig.model import nearest_rank

PORT, CONTROL_PORT = 18_070, 15_557
WAIT_S, TIMEOUT_S, STEADY_S = 0.8, 2.0, 120.0
PERCENTS = (50, 95, 99)
CLOSE_SHARE = 0.005


def times_ms(client: Client, folder: Path) -> dict[str, list[float]]:
    """How long the requests of the steady window took, by their fault, ascending."""
    model = Closed(Users(3, 3, 90), think_time_s=0.237)
    load = spec(
        PORT, CONTROL_PORT, model, method="PUT", json={"n": "{unique}"}, steady_s=STEADY_S,
        load_workers=1, timeout_s=TIMEOUT_S, client=client, raw=True,
    )  # fmt: skip
    folder.mkdir(parents=True)
    out = folder / "server.json"
    said = [str(PORT), str(TIMEOUT_S), str(WAIT_S), str(out)]
    with process([str(ROOT / "bench" / "faulty_server.py"), *said], folder / "log") as serves:
        wait_for(out.with_suffix(".ready"), DEADLINE_S, serves)
        run(load, folder / "run")
    found = defaultdict[str, list[float]](list)
    with (folder / "run" / "master" / "requests.csv").open() as file:
        for row in csv.DictReader(file):
            if row["finished_s"] and float(row["intended_s"]) >= load.ramp_s:
                took_ms = 1000 * (float(row["finished_s"]) - float(row["intended_s"]))
                found[fault_of(f"{row['load_worker']}-{row['sequence']}")].append(took_ms)
    return {fault: sorted(took_ms) for fault, took_ms in found.items()}


def main() -> None:
    """Prints a line a fault; exits with 1 where the clients differ."""
    folder, good = Path(tempfile.mkdtemp(prefix="known-faults-")), True
    found = {client: times_ms(client, folder / client) for client in CLIENTS}
    for fault in NAMES:
        both = [found[client][fault] for client in (PLAIN, LOCUST)]
        says = [f"{fault}: {len(both[0])} and {len(both[1])}"]
        for percent in PERCENTS:
            plain, locust = (took[nearest_rank(len(took), percent / 100) - 1] for took in both)
            off = plain / locust - 1
            close = fault in OF_LOCUST or abs(off) <= CLOSE_SHARE
            good = good and close
            mark = "" if close else " NO"
            says.append(f"p{percent} {plain:.2f} and {locust:.2f} ms ({100 * off:+.2f} %){mark}")
        print("; ".join(says) + (" (not to be the same)" if fault in OF_LOCUST else ""))
    print("as it must be" if good else f"NOT as it must be; see {folder}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
