"""What does a request cost the load generator? Both clients in turns, in one run: three minutes.

    .venv/bin/python -m bench.client_cost [ROUNDS] [STEADY_S]     (default 1 and 3)

A real load master and one load worker with the recorder on, against `null_server` in a process of
its own. CPU-µs per request are the operating system's for the whole load worker, and the ratios'
bounds stand beside them; wrk, where it is on PATH, and the recorder alone give the scale. Exit code
1: a bound was missed. Load worker and server each have a CPU of their own where there are two, but
for the lone user, who is measured both ways.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.loopback import DEADLINE_S, ROOT, Closed, Users, process, run, spec, wait_for
from rig.evidence.load import derived
from rig.load.recorder import Recorder
from rig.load.spec import CLIENTS, LOCUST, PLAIN

PORT, CONTROL_PORT = 18_090, 15_590
THINK_S = 0.05


@dataclass(frozen=True)
class Case:
    """What is asked, and the most that the rig's client may cost of Locust's."""

    name: str
    way: str
    users: int
    think_s: float
    most: float
    one_cpu: bool = False
    """Load worker and server share one, for only one of them has work at a time: what it costs to
    wake another CPU is the machine's, and up to three times the client's."""


CASES = (
    Case("many users", "kept", 50, 0.0, 1 / 5),
    Case("one lone user", "kept", 1, 0.0, 1 / 5, one_cpu=True),
    Case("on two CPUs", "kept", 1, 0.0, 1 / 3),
    Case("50 ms think time", "kept", 50, THINK_S, 1 / 3),
    Case("server closes", "closing", 50, 0.0, 1 / 3),
    Case("chunked in three", "chunked", 50, 0.0, 1 / 5),
)
COMPATIBLE_MOST, WRK_MOST, RECORDER_MOST_US = 1 / 3, 3.0, 4.0
LATENESS_USERS, LATENESS_MOST_MS = 250, 2.0
"""With THINK_S between requests: 5,000 a second."""

USER_FILE = """\
import json
import os
import time
from locust import constant, events, task
{base}

os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})
began = []

class User(Base):
    host = "http://127.0.0.1:{port}"
    wait_time = constant(0)

    @task
    def ask(self):
        if not began:
            began.append((time.process_time(), time.monotonic()))
        with self.client.get("/", name="x", catch_response=True) as answer:
            if answer.status_code == 200:
                answer.success()
            else:
                answer.failure("wrong")

@events.test_stop.add_listener
def tell(environment, **_):
    cpu_s, at_s = began[0]
    total = environment.stats.total
    said = [time.process_time() - cpu_s, time.monotonic() - at_s]
    said += [total.num_requests, total.num_failures]
    with open("{out}", "w") as file:
        json.dump(said, file)
"""
BASES = {
    PLAIN: "from rig.load.plain_http_user import PlainHttpUser as Base",
    LOCUST: "from locust import FastHttpUser as Base",
}


@contextmanager
def served(way: str, folder: Path, one_cpu: bool = False) -> Iterator[None]:
    """A null server on the last CPU, or on that of the load worker."""
    truth = folder / "server.json"
    command = [str(ROOT / "bench" / "null_server.py"), str(PORT), way, str(truth)]
    with process(command, folder / "server.log") as serves:
        wait_for(truth.with_suffix(".ready"), DEADLINE_S, serves)
        cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(serves.pid, {min(cpus) if one_cpu else max(cpus)})
        yield


def on_first_cpu() -> None:
    """What the load worker runs before it begins."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def loaded(case: Case, steady_s: float, client: str, folder: Path) -> tuple[float, float, float]:
    """CPU-µs per request, requests per second, p99 of the greenlets' lateness in ms."""
    model = Closed(Users(case.users, 1, case.users), think_time_s=case.think_s)
    load = spec(PORT, CONTROL_PORT, model, steady_s=steady_s, load_workers=1, client=client)
    folder.mkdir(parents=True)
    with served(case.way, folder, case.one_cpu):
        said, used_s = run(load, folder / "run", ("-m", "bench.client_cost", "worker"))
    if set(said["outcomes"]) != {"ok"}:
        raise SystemExit(f"{case.name}, {client}: {said['outcomes']}")
    found = derived(folder / "run" / "master", load.ramp_s, load.duration_s)
    late_ms = float(found["greenlet_lag_p99_ms"] or 0.0)
    return 1e6 * used_s / said["finished"], said["finished"] / steady_s, late_ms


def compatible(client: str, steady_s: float, folder: Path) -> tuple[float, float]:
    """CPU-µs per request and requests per second of a user's own Locust file."""
    folder.mkdir(parents=True)
    file, out = folder / "users.py", folder / "counted.json"
    file.write_text(USER_FILE.format(base=BASES[client], port=PORT, out=out))
    command = ["-m", "locust", "-f", str(file), "--headless", "--only-summary"]
    command += ["-u", "50", "-r", "50", "-t", f"{steady_s:g}s"]
    with served("kept", folder), process(command, folder / "locust.log") as loads:
        loads.wait(DEADLINE_S)
    used_s, took_s, asked, failed = json.loads(out.read_text())
    if failed:
        raise SystemExit(f"catch_response, {client}: {failed} of {asked} failed")
    return 1e6 * used_s / asked, asked / took_s


def recorder_us(requests: int = 50_000) -> float:
    """CPU-µs that the recorder takes of each request, its reports included."""
    taken: list[float] = []
    for _ in range(5):
        recorder, began_s = Recorder(0.0, 1e9), time.process_time()
        for number in range(requests):
            at_s = number / 5000
            recorder.finish(recorder.start(at_s), at_s + 1e-6 * (number * 7919 % 40_000), "a", "ok")
            if number % 5000 == 0:
                recorder.drain()
        recorder.drain()
        taken.append(1e6 * (time.process_time() - began_s) / requests)
    return min(taken)


def wrk(users: int, steady_s: float, folder: Path) -> tuple[float, float] | None:
    """CPU-µs per request and requests per second of wrk; None where there is none."""
    if not shutil.which("wrk"):
        return None
    folder.mkdir(parents=True)
    command = ["wrk", "-t1", f"-c{users}", f"-d{steady_s:g}s", f"http://127.0.0.1:{PORT}/"]
    with served("kept", folder):
        asks = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=on_first_cpu)
        assert asks.stdout is not None
        said = asks.stdout.read().decode()
        _, status, used = os.wait4(asks.pid, 0)
        asks.returncode = os.waitstatus_to_exitcode(status)
    requests = int(said.split(" requests in")[0].split()[-1])
    return 1e6 * (used.ru_utime + used.ru_stime) / requests, requests / steady_s


@dataclass(frozen=True)
class Judged:
    """One line of the table."""

    name: str
    says: str
    value: float
    most: float

    def __str__(self) -> str:
        verdict = "" if self.value <= self.most else "  MISSED"
        return f"{self.name:18} {self.says}: {self.value:.3g} (at most {self.most:.3g}){verdict}"


def in_turns(
    case: str,
    most: float,
    measured: Callable[[str, Path], tuple[float, ...]],
    rounds: int,
    at: Path,
) -> tuple[Judged, float]:
    """Both clients, each round in the other order; the ratio, and the rig's own cost in µs."""
    costs_us: dict[str, list[float]] = {client: [] for client in CLIENTS}
    rates: dict[str, list[float]] = {client: [] for client in CLIENTS}
    for number in range(rounds):
        for client in CLIENTS if number % 2 == 0 else CLIENTS[::-1]:
            cost_us, rate, *_ = measured(client, at / f"{case}-{client}-{number}")
            costs_us[client].append(cost_us)
            rates[client].append(rate)
    plain_us, locust_us = (statistics.median(costs_us[client]) for client in (PLAIN, LOCUST))
    says = (
        f"{plain_us:.1f} µs at {statistics.median(rates[PLAIN]):.0f}/s, Locust's "
        f"{locust_us:.1f} µs at {statistics.median(rates[LOCUST]):.0f}/s; ratio"
    )
    return Judged(case, says, plain_us / locust_us, most), plain_us


def main() -> None:
    """Prints a line a case; exits with 1 where a bound was missed."""
    rounds = int(sys.argv[1]) if sys.argv[1:] else 1
    steady_s = float(sys.argv[2]) if sys.argv[2:] else 3.0
    at, found = Path(tempfile.mkdtemp(prefix="client-cost-")), []
    for case in CASES:
        judged, plain_us = in_turns(
            case.name, case.most, partial(loaded, case, steady_s), rounds, at
        )
        found.append(judged)
        print(judged, flush=True)
        if case is CASES[0] and (scale := wrk(case.users, steady_s, at / "wrk")):
            says = f"wrk {scale[0]:.1f} µs at {scale[1]:.0f}/s; ratio"
            found.append(Judged("wrk", says, plain_us / scale[0], WRK_MOST))
            print(found[-1], flush=True)
    user_file = partial(_by_client, steady_s)
    judged, _ = in_turns("catch_response", COMPATIBLE_MOST, user_file, rounds, at)
    late = Case("lateness", "kept", LATENESS_USERS, THINK_S, 0.0)
    _, rate, late_ms = loaded(late, steady_s, PLAIN, at / "lateness")
    found += [
        judged,
        Judged("recorder", "µs a request", recorder_us(), RECORDER_MOST_US),
        Judged("lateness", f"p99 at {rate:.0f}/s, ms", late_ms, LATENESS_MOST_MS),
    ]
    print(*found[-3:], sep="\n")
    shutil.rmtree(at)
    sys.exit(0 if all(one.value <= one.most for one in found) else 1)


def _by_client(steady_s: float, client: str, folder: Path) -> tuple[float, float]:
    return compatible(client, steady_s, folder)


def worker() -> None:
    """A load worker on the first CPU."""
    from rig.load.run import main as load_worker

    on_first_cpu()
    load_worker("worker")


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        del sys.argv[1]
        worker()
    else:
        main()
