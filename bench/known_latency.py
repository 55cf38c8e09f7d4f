"""Are the recorder's percentiles those of a server whose answer times are known? Five minutes.

    .venv/bin/python -m bench.known_latency [CLIENT] [CASE ...]     (default plain, and all cases)

The real load master and its load workers against `slept_server` on loopback: answer times that are
`constant`, `bimodal` and `lognormal`, at a rate that leaves the generator its headroom (two load
workers, 500 users). p50, p95 and p99 of the steady window must be within 0.5 % of what the server
itself took for the same answers, counted from when the kernel had the request. `fast` is the same
at three times the rate at which Locust's client is full, as it is found before; each with one load
worker, which has of this machine what one has in a trial. `overload` is a rate that leaves nothing:
there the check `generator` must say so. Exit code 0 if all is so.

The users come ten a second and think 1.037 s, so that few of them, and no two steps of the ramp,
fall into step: what comes at one instant is worked off in turn, by any load generator. `fast` has
arrivals instead, by chance. There each percentile says whose the difference is: requests that left
late, the server's own time beyond what was drawn, which is of the truth, and answers noticed late.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.loopback import Arrivals, Closed, Open, Users, off_the_target, run, server, spec
from rig.checks.generator import generator
from rig.disk.histograms import read_log
from rig.evidence.load import derived
from rig.load.spec import LOCUST, PLAIN, Client, LoadSpec
from rig.model import Status
from rig.record import Record, load_from_json

PORT, CONTROL_PORT = 18_080, 15_557
PERCENTS = (50, 95, 99)
CLOSE_SHARE = 0.005
DISTRIBUTIONS = ("constant", "bimodal", "lognormal")
FAST_TIMES, FAST_LONGEST_S, FAST_USERS = 3, 0.8, 2000


def judged(load: LoadSpec, said: Mapping[str, Any], folder: Path) -> tuple[Status, str]:
    """What the check says of one load's files."""
    found = derived(folder / "master", load.ramp_s, load.duration_s)
    known = {key: value for key, value in said.items() if key != "schema"}
    facts = load_from_json({**known, **found})
    check = generator(Record("bench", 1, "loopback", {}, "", "", load=facts))
    return check.status, check.says


def recorded(folder: Path, log: str = "latencies.hlog") -> Any:
    """The histogram of the steady window's correct answers."""
    return read_log(folder / "master" / log, lambda tag: tag == "steady|root|ok")


def truth_ms(path: Path, began_s: float, load: LoadSpec) -> tuple[list[float], list[float]]:
    """The server's own times for the answers of the steady window, and how late each was of its
    own; both ascending."""
    first_s, last_s = began_s + load.ramp_s, began_s + load.duration_s
    answers = [one for one in json.loads(path.read_text()) if first_s <= one[0] < last_s]
    took, late = (sorted(1000 * one[index] for one in answers) for index in (1, 2))
    return took, late


def compare(
    name: str,
    load: LoadSpec,
    folder: Path,
    worker: Sequence[str] = ("-m", "locust_worker"),
    cpus: Sequence[int] = (),
) -> bool:
    """One load on one distribution; prints a line a percentile. `cpus`: the server's."""
    with server(PORT, name, folder, cpus) as truth:
        said, _ = run(load, folder / "run", worker)
    exact_ms, late_ms = truth_ms(truth, said["began_at_s"], load)
    seen = recorded(folder / "run")
    status, says = judged(load, said, folder / "run")
    print(f"{name}: {seen.get_total_count()} answers, the server counted {len(exact_ms)}")
    print(f"  generator {status}: {says}")
    good = status in (Status.PASS, Status.WARN) and set(said["outcomes"]) == {"ok"}
    for percent in PERCENTS:
        place = math.ceil(len(exact_ms) * percent / 100) - 1
        true_ms = exact_ms[place]
        seen_ms = seen.get_value_at_percentile(percent) / 1000
        close = abs(seen_ms - true_ms) <= CLOSE_SHARE * true_ms
        good = good and close
        off = f"{seen_ms - true_ms:+.2f} ms, {100 * (seen_ms / true_ms - 1):+.2f} %"
        print(f"  p{percent}: {seen_ms:.2f} of {true_ms:.2f} ms ({off}){'' if close else ' NO'}")
        if isinstance(load.model, Open):
            service = recorded(folder / "run", "service.hlog")
            sent_ms = service.get_value_at_percentile(percent) / 1000
            whose = f"left late {seen_ms - sent_ms:+.2f} ms, noticed late {sent_ms - true_ms:+.2f}"
            print(f"    {whose} ms; of the truth the server is late {late_ms[place]:.2f} ms")
    return good


def ordinary(name: str, client: Client, folder: Path) -> bool:
    """A rate that is nothing to either client."""
    model = Closed(Users(10, 10, 500), think_time_s=1.037)
    return compare(name, spec(PORT, CONTROL_PORT, model, steady_s=12.0, client=client), folder)


def full(
    client: Client, name: str, users: int, load_workers: int, folder: Path
) -> tuple[float, Status, str]:
    """So many users who never think that the generator is what is slow.

    The rate, and what the check `generator` says.
    """
    model = Closed(Users(users // 4, users // 4, users))
    load = spec(PORT, CONTROL_PORT, model, steady_s=8.0, client=client, load_workers=load_workers)
    with server(PORT, name, folder):
        said, _ = run(load, folder / "run")
    answers = recorded(folder / "run").get_total_count()
    return answers / load.steady_s, *judged(load, said, folder / "run")


def fast(client: Client, folder: Path) -> bool:
    """So many arrivals a second that Locust's client could not send a third of them.

    Its rate is that with the same server, whose answers keep so many requests in flight.
    """
    full_rps, _, says = full(LOCUST, "constant", FAST_USERS, 1, folder / "full")
    rate_rps = FAST_TIMES * full_rps
    print(f"fast: Locust's client is full at {full_rps:.0f}/s ({says}); {rate_rps:.0f}/s arrive")
    model = Open(Arrivals(rate_rps, max_in_flight=math.ceil(rate_rps * FAST_LONGEST_S)))
    load = spec(PORT, CONTROL_PORT, model, client=client, load_workers=1)
    worker, last = ("-m", "bench.known_latency", "worker"), max(os.sched_getaffinity(0))
    return compare("constant", load, folder / "arriving", worker, (last,))


def overload(client: Client, folder: Path) -> bool:
    """The generator must be said to be full where it is."""
    rate_rps, status, says = full(client, "none", 500, 2, folder)
    print(f"overload: {rate_rps:.0f}/s; generator {status}: {says}")
    return status is Status.FAIL


def main() -> None:
    """Prints what was found; exits with 1 where it is not as it must be."""
    words = sys.argv[1:] or [PLAIN]
    client = LOCUST if words[0] == LOCUST else PLAIN
    cases: dict[str, Callable[[Client, Path], bool]] = {
        **{name: partial(ordinary, name) for name in DISTRIBUTIONS},
        "fast": fast,
        "overload": overload,
    }
    folder = Path(tempfile.mkdtemp(prefix="known-latency-"))
    good = [cases[name](client, folder / name) for name in words[1:] or cases]
    print("as it must be" if all(good) else f"NOT as it must be; see {folder}")
    sys.exit(0 if all(good) else 1)


def worker() -> None:
    """A load worker as a trial has it."""
    from rig.load.run import main as load_worker

    off_the_target()
    load_worker("worker")


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        del sys.argv[1]
        worker()
    else:
        main()
