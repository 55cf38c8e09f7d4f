"""What does a request cost the load generator? Both clients in turns, in one run: three minutes.

    .venv/bin/python -m bench.client_cost [ROUNDS] [STEADY_S] [LINE ...]  (default 1, 3 and all)

A real load master and one load worker with the recorder on, against `null_server` in a process of
its own. CPU-µs per request are the operating system's for the whole load worker, and the ratios'
bounds stand beside them. wrk, where it is on PATH, gives the scale with as many connections at the
same rate, and so does the recorder alone. Exit code 1: a bound was missed. Load worker and server
each have a CPU of their own where there are two, but for the lone user, who is measured both ways.
"""

from __future__ import annotations

import json
import math
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
from rig.load.counting.recorder import Recorder
from rig.load.spec import CLIENTS, LOCUST, PLAIN, Client
from rig.load.think import Think

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
    by_chance: bool = False
    """Whether they think by chance, so that they are not all in step: what comes at one instant is
    worked off in turn, by any load generator."""


CASES = (
    Case("many users", "kept", 50, 0.0, 1 / 5),
    Case("one lone user", "kept", 1, 0.0, 1 / 5, one_cpu=True),
    Case("on two CPUs", "kept", 1, 0.0, 1 / 3),
    Case("50 ms think time", "kept", 50, THINK_S, 1 / 3),
    Case("server closes", "closing", 50, 0.0, 1 / 3),
    Case("chunked in three", "chunked", 50, 0.0, 1 / 5),
)
COMPATIBLE_MOST, WRK_MOST, RECORDER_MOST_US = 1 / 3, 3.0, 4.0
WRK_TRIES, WRK_CLOSE = 4, 0.1
WRK_SCRIPT = """\
local owed_ms = 0
function delay() -- whole ms only
   owed_ms = owed_ms + {delay_ms}
   local whole_ms = math.floor(owed_ms)
   owed_ms = owed_ms - whole_ms
   return whole_ms
end
"""
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


def loaded(case: Case, steady_s: float, client: Client, folder: Path) -> tuple[float, float, float]:
    """CPU-µs per request, requests per second, p99 of the greenlets' lateness in ms."""
    model = Closed(Users(case.users, 1, case.users), think_time_s=case.think_s)
    load = spec(
        PORT, CONTROL_PORT, model, steady_s=steady_s, load_workers=1, client=client,
        think=Think("exponential", case.think_s) if case.by_chance else None,
    )  # fmt: skip
    folder.mkdir(parents=True)
    with served(case.way, folder, case.one_cpu):
        said, used_s = run(load, folder / "run", ("-m", "bench.client_cost", "worker"))
    if set(said["outcomes"]) != {"ok"}:
        raise SystemExit(f"{case.name}, {client}: {said['outcomes']}")
    found = derived(folder / "run" / "master", load.ramp_s, load.duration_s)
    late_ms = float(found["greenlet_lag_p99_ms"] or 0.0)
    return 1e6 * used_s / said["finished"], said["finished"] / steady_s, late_ms


def compatible(steady_s: float, client: Client, folder: Path) -> tuple[float, float]:
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


def wrk(case: Case, steady_s: float, folder: Path, delay_ms: float = 0.0) -> tuple[float, float]:
    """CPU-µs per request and requests per second of wrk, which waits so long before each."""
    folder.mkdir(parents=True)
    script = folder / "wait.lua"
    script.write_text(WRK_SCRIPT.format(delay_ms=delay_ms) if delay_ms else "")
    whole_s = math.ceil(steady_s)  # it knows no others
    command = ["wrk", "-t1", f"-c{case.users}", f"-d{whole_s}s", "-s", str(script)]
    with served(case.way, folder, case.one_cpu):
        asks = subprocess.Popen(
            [*command, f"http://127.0.0.1:{PORT}/"],
            stdout=subprocess.PIPE,
            preexec_fn=on_first_cpu,
        )
        assert asks.stdout is not None
        said = asks.stdout.read().decode()
        _, status, used = os.wait4(asks.pid, 0)
        asks.returncode = os.waitstatus_to_exitcode(status)
    requests = int(said.split(" requests in")[0].split()[-1])
    return 1e6 * (used.ru_utime + used.ru_stime) / requests, requests / whole_s


def wrk_at(case: Case, rate: float, steady_s: float, at: Path) -> tuple[float, float, float]:
    """The same at about this rate, or at wrk's own where that is lower; and wrk's own rate."""
    cost_us, own = wrk(case, steady_s, at / "own")
    found, delay_ms = own, 0.0
    for number in range(WRK_TRIES):
        if abs(found / rate - 1) <= WRK_CLOSE or (found < rate and not delay_ms):
            break
        delay_ms = max(0.0, delay_ms + 1000 * case.users * (1 / rate - 1 / found))
        cost_us, found = wrk(case, steady_s, at / str(number), delay_ms)
    return cost_us, found, own


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


@dataclass(frozen=True)
class Setting:
    """How often, how long, and where."""

    rounds: int
    steady_s: float
    at: Path


Measured = Callable[[Client, Path], tuple[float, ...]]
"""CPU-µs per request and requests per second of a client."""


def in_turns(
    name: str, most: float, measured: Measured, how: Setting
) -> tuple[Judged, float, float]:
    """Each round in the other order: the ratio; what the rig's own costs in µs, and its rate."""
    costs_us: dict[Client, list[float]] = {client: [] for client in CLIENTS}
    rates: dict[Client, list[float]] = {client: [] for client in CLIENTS}
    for number in range(how.rounds):
        for client in CLIENTS if number % 2 == 0 else CLIENTS[::-1]:
            cost_us, rate, *_ = measured(client, how.at / f"{name}-{client}-{number}")
            costs_us[client].append(cost_us)
            rates[client].append(rate)
    plain_us, locust_us = (statistics.median(costs_us[client]) for client in (PLAIN, LOCUST))
    plain_rps, locust_rps = (statistics.median(rates[client]) for client in (PLAIN, LOCUST))
    says = f"{plain_us:.1f} µs at {plain_rps:.0f}/s, Locust's "
    says += f"{locust_us:.1f} µs at {locust_rps:.0f}/s; ratio"
    return Judged(name, says, plain_us / locust_us, most), plain_us, plain_rps


def of_case(case: Case, how: Setting) -> Iterator[Judged]:
    """Both clients, and wrk where it can do the same."""
    measured = partial(loaded, case, how.steady_s)
    judged, plain_us, plain_rps = in_turns(case.name, case.most, measured, how)
    yield judged
    if case.way == "kept" and not case.think_s and shutil.which("wrk"):
        at = how.at / f"{case.name}-wrk"
        wrk_us, wrk_rps, own_rps = wrk_at(case, plain_rps, how.steady_s, at)
        says = f"wrk {wrk_us:.1f} µs at {wrk_rps:.0f}/s (of its own it asks {own_rps:.0f}/s); ratio"
        yield Judged("", says, plain_us / wrk_us, WRK_MOST)


def of_user_files(how: Setting) -> Iterator[Judged]:
    """The class for a user's own Locust file."""
    measured = partial(compatible, how.steady_s)
    yield in_turns("catch_response", COMPATIBLE_MOST, measured, how)[0]


def of_recorder(_: Setting) -> Iterator[Judged]:
    """The recorder alone."""
    yield Judged("recorder", "µs a request", recorder_us(), RECORDER_MOST_US)


def of_lateness(how: Setting) -> Iterator[Judged]:
    """How late greenlets wake up where there is much to do."""
    late = Case("lateness", "kept", LATENESS_USERS, THINK_S, 0.0, by_chance=True)
    _, rate, late_ms = loaded(late, how.steady_s, PLAIN, how.at / "lateness")
    yield Judged("lateness", f"p99 at {rate:.0f}/s, ms", late_ms, LATENESS_MOST_MS)


LINES: dict[str, Callable[[Setting], Iterator[Judged]]] = {
    **{case.name: partial(of_case, case) for case in CASES},
    "catch_response": of_user_files,
    "recorder": of_recorder,
    "lateness": of_lateness,
}


def main() -> None:
    """Prints a line a case; exits with 1 where a bound was missed."""
    rounds = int(sys.argv[1]) if sys.argv[1:] else 1
    steady_s = float(sys.argv[2]) if sys.argv[2:] else 3.0
    how = Setting(rounds, steady_s, Path(tempfile.mkdtemp(prefix="client-cost-")))
    found = []
    for name in sys.argv[3:] or LINES:
        for judged in LINES[name](how):
            found.append(judged)
            print(judged, flush=True)
    shutil.rmtree(how.at)
    sys.exit(0 if all(one.value <= one.most for one in found) else 1)


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
