"""Are the recorder's percentiles those of a server whose answer times are known? Four minutes.

    .venv/bin/python -m bench.known_latency [CLIENT] [FOLDER]     (default plain)

The real load master and two load workers, 500 users, against `slept_server` on loopback: answer
times that are constant, bimodal and lognormal, at a rate that leaves the generator its headroom.
p50, p95 and p99 of the steady window must be within 1 % or 1 ms of what the server itself took for
the same answers. Then a rate that leaves none: there the check `generator` must say so. Exit code
0 if all is so.

The users come ten a second and think 1.037 s, so that few of them, and no two steps of the ramp,
fall into step: what comes at one instant is worked off in turn, by any load generator.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.loopback import Closed, Users, run, server, spec
from rig.checks.generator import generator
from rig.disk.histograms import read_log
from rig.evidence.load import derived
from rig.load.spec import LOCUST, PLAIN, Client, LoadSpec
from rig.model import Status
from rig.record import Record, load_from_json

PORT, CONTROL_PORT = 18_080, 15_557
PERCENTS = (50, 95, 99)
CLOSE_SHARE, CLOSE_MS = 0.01, 1.0


def judged(load: LoadSpec, said: Mapping[str, Any], folder: Path) -> tuple[Status, str]:
    """What the check says of one load's files."""
    found = derived(folder / "master", load.ramp_s, load.duration_s)
    known = {key: value for key, value in said.items() if key != "schema"}
    facts = load_from_json({**known, **found})
    check = generator(Record("bench", 1, "loopback", {}, "", "", load=facts))
    return check.status, check.says


def truth_ms(path: Path, began_s: float, load: LoadSpec) -> list[float]:
    """The server's own times for the answers of the steady window, ascending."""
    first_s, last_s = began_s + load.ramp_s, began_s + load.duration_s
    answers = json.loads(path.read_text())
    return sorted(1000 * took_s for at_s, took_s in answers if first_s <= at_s < last_s)


def compare(name: str, client: Client, folder: Path) -> bool:
    """One distribution; prints a line a percentile."""
    model = Closed(Users(10, 10, 500), think_time_s=1.037)
    load = spec(PORT, CONTROL_PORT, model, steady_s=12.0, client=client)
    with server(PORT, name, folder) as truth:
        said, _ = run(load, folder / "run")
    exact_ms = truth_ms(truth, said["began_at_s"], load)
    recorded = read_log(
        folder / "run" / "master" / "latencies.hlog", lambda tag: tag == "steady|root|ok"
    )
    status, says = judged(load, said, folder / "run")
    print(f"{name}: {recorded.get_total_count()} answers, the server counted {len(exact_ms)}")
    print(f"  generator {status}: {says}")
    good = status in (Status.PASS, Status.WARN)
    for percent in PERCENTS:
        true_ms = exact_ms[math.ceil(len(exact_ms) * percent / 100) - 1]
        seen_ms = recorded.get_value_at_percentile(percent) / 1000
        close = abs(seen_ms - true_ms) <= max(CLOSE_MS, CLOSE_SHARE * true_ms)
        good = good and close
        off = f"{seen_ms - true_ms:+.2f} ms, {100 * (seen_ms / true_ms - 1):+.2f} %"
        print(f"  p{percent}: {seen_ms:.2f} of {true_ms:.2f} ms ({off}){'' if close else ' NO'}")
    return good


def overload(client: Client, folder: Path) -> bool:
    """Users who never think, a server that answers at once: the generator is what is slow."""
    load = spec(PORT, CONTROL_PORT, Closed(Users(500, 1, 500)), steady_s=8.0, client=client)
    with server(PORT, "none", folder):
        said, _ = run(load, folder / "run")
    status, says = judged(load, said, folder / "run")
    print(f"overload: generator {status}: {says}")
    return status is Status.FAIL


def main() -> None:
    """Prints what was found; exits with 1 where it is not as it must be."""
    client = LOCUST if sys.argv[1:2] == [LOCUST] else PLAIN
    folder = Path(sys.argv[2] if sys.argv[2:] else tempfile.mkdtemp(prefix="known-latency-"))
    names = ("constant", "bimodal", "lognormal")
    good = [compare(name, client, folder / name) for name in names]
    good.append(overload(client, folder / "overload"))
    print("as it must be" if all(good) else "NOT as it must be")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
