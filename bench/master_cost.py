"""What do 1,000 load workers cost the load master? Half a minute.

    .venv/bin/python -m bench.master_cost [LOAD_WORKERS] [STEADY_S]     (default 1000 and 10)

The real load master; its load workers are one process that speaks Locust's protocol for all of
them. Each sends real reports once a second, made before by a real recorder, and heartbeats as
they do. Prints the master's CPU share of the steady window, how long after the load's end its
files were written, and the answers it counted beside those that were sent. Exit code 1: more than
MOST_SHARE, later than MOST_WRITTEN_S, or a count was lost. Use: 1000 60.
"""

from __future__ import annotations

import csv
import json
import math
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event

from bench.loopback import DEADLINE_S, ROOT, Closed, Users, cpu_s, process, spec, wait_for
from rig.load.counting.meter import lags_of
from rig.load.counting.recorder import Recorder
from rig.load.counting.report import HEARTBEATS_INTERVAL_S, INTERVAL_S, MeteredSecond
from rig.load.spec import PLAIN, LoadSpec, read_spec

CONTROL_PORT = 15_601
MOST_SHARE, MOST_WRITTEN_S = 0.3, 10.0
USERS = 5
PER_S, KINDS = 20, 20
"""Answers of each load worker a second; load workers whose reports differ."""
OUTCOMES = ("ok",) * 19 + ("timeout",)


@dataclass(frozen=True)
class Prepared:
    """What one load worker reports of each second, made before the load."""

    idle: dict[str, Any]
    """While nothing was sent yet."""
    reports: Sequence[dict[str, Any]]
    left: dict[str, Any]


def prepared(load: LoadSpec, seed: int) -> Prepared:
    """Reports of a real recorder, and of Locust's own count as that is fed from it."""
    from locust.event import Events
    from locust.stats import RequestStats, setup_distributed_stats_event_listeners

    from rig.load.counting.locust_statistics import feed

    events: Any = Events()  # type: ignore[no-untyped-call]
    stats = RequestStats(use_response_times_cache=False)
    setup_distributed_stats_event_listeners(events, stats)  # type: ignore[no-untyped-call]
    recorder, chance = Recorder(load.ramp_s, load.duration_s), random.Random(seed)
    reports, now_s = [], time.time()
    idle: dict[str, Any] = {}
    events.report_to_master.fire(client_id="", data=idle)
    for second in range(math.ceil(load.duration_s)):
        for number in range(PER_S):
            end_s = second + number / PER_S
            sent = recorder.start(max(0.0, end_s - chance.expovariate(20.0)))
            recorder.finish(sent, end_s, load.route, chance.choice(OUTCOMES))
        report = recorder.drain(
            partial(feed, stats, load.requests[0].method, wall_s=now_s + second)
        )
        lags = lags_of([chance.randrange(2000) for _ in range(20)])
        meter = MeteredSecond(second, 0.05, USERS, lags)
        data: dict[str, Any] = {"recorder": replace(report, meter=[meter]).to_wire()}
        events.report_to_master.fire(client_id="", data=data)
        users = {"TargetUser": USERS}
        reports.append({**data, "user_classes_count": users, "user_count": USERS})
    return Prepared(idle, reports, recorder.freeze(load.duration_s).to_wire())


class Sender:
    """One load worker as the master sees it."""

    def __init__(self, load: LoadSpec, number: int, said: Prepared) -> None:
        from locust.rpc import zmqrpc

        self.name, self._said = f"bench_{number:04d}", said
        self._client: Any = zmqrpc.Client(load.master_address, load.master_port, self.name)
        self._phase_s = random.Random(number).random()
        self._index, self.state = -1, "ready"
        self._users: dict[str, int] = {}
        self._began_s: float | None = None
        self._begun = Event()

    def live(self) -> None:
        """Until the master lets it go."""
        from locust import __version__

        self._send("client_ready", __version__)
        others = [gevent.spawn(self._beat), gevent.spawn(self._report)]
        while self.state != "left":
            self._hear(self._client.recv())
        gevent.killall(others)

    def _send(self, kind: str, data: object) -> None:
        from locust.rpc import Message

        self._client.send(Message(kind, data, self.name))

    def _beat(self) -> None:
        while True:
            beat = {"state": self.state, "current_cpu_usage": 5.0, "current_memory_usage": 10**8}
            self._send("heartbeat", beat)
            gevent.sleep(HEARTBEATS_INTERVAL_S)

    def _report(self) -> None:
        gevent.sleep(self._phase_s)
        while self._began_s is None:
            users = {"user_classes_count": self._users, "user_count": sum(self._users.values())}
            self._send("stats", {**self._said.idle, **users})
            self._begun.wait(INTERVAL_S)
        for second, report in enumerate(self._said.reports[:-1]):
            due_s = self._began_s + second + 1 + self._phase_s
            gevent.sleep(max(0.0, due_s - time.monotonic()))
            if self.state == "stopped":
                return
            self._send("stats", report)
            self.sent = second + 1

    sent = 0
    """Reports so far."""

    def _hear(self, said: Any) -> None:
        match said.type:
            case "ack":
                self._index = said.data["index"]
            case "spawn":
                self._send("spawning", None)
                self.state, self._users = "running", said.data["user_classes_count"]
                count = sum(self._users.values())
                whole = {"user_classes_count": self._users, "user_count": count}
                self._send("spawning_complete", whole)
            case "shares":
                _, users = said.data["shares"][self.name]
                self._send("there", {"users": users})
            case "time_asked":
                self._send("time_said", {"number": said.data, "at_s": time.monotonic()})
            case "begin":
                self._began_s = said.data["at_s"]
                self._begun.set()
            case "finish":
                self._finish()
            case "stop":
                self._send("client_stopped", None)
            case "quit":
                self.state = "left"
                self._send("quit", None)

    def _finish(self) -> None:
        self.state = "stopped"
        left = self._said.reports[self.sent :]
        for report in left[:-1]:  # those that came too late, as one load worker after another
            self._send("stats", report)
        final = {"index": self._index, "address": "127.0.0.1", "left": self._said.left}
        self._send("final", {"report": left[-1]["recorder"], **final})


def senders(load: LoadSpec, out: Path) -> None:
    """All load workers in this process; writes how many answers they report."""
    import locust  # noqa: F401 - patches the standard library

    kinds = [prepared(load, seed) for seed in range(KINDS)]
    made = [Sender(load, number, kinds[number % KINDS]) for number in range(load.load_workers)]
    gevent.joinall([gevent.spawn(one.live) for one in made])
    out.write_text(json.dumps(len(made) * PER_S * len(kinds[0].reports)))


def await_begin(progress: Path) -> None:
    """Until the load has run for a second. RuntimeError where it does not begin in time."""
    give_up_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < give_up_s:
        lines = progress.read_text().splitlines() if progress.exists() else []
        if any(json.loads(line)["elapsed_s"] >= 1.0 for line in lines[:-1]):
            return
        time.sleep(0.2)
    raise RuntimeError(f"the load did not begin within {DEADLINE_S:g} s")


def main() -> None:
    """Prints what was found; exits with 1 where a bound was missed."""
    count = int(sys.argv[1]) if sys.argv[1:] else 1000
    steady_s = float(sys.argv[2]) if sys.argv[2:] else 10.0
    at = Path(tempfile.mkdtemp(prefix="master-cost-"))
    load = spec(
        9, CONTROL_PORT, Closed(Users(count * USERS, 1, count * USERS)), steady_s=steady_s,
        load_workers=count, client=PLAIN,
    )  # fmt: skip
    (at / "spec.json").write_text(json.dumps(load.to_json()))
    out, sent = at / "master", at / "sent.json"
    out.mkdir()
    many = ["-m", "bench.master_cost", "senders", str(at / "spec.json"), str(sent)]
    leads_command = ["-m", "locust_master", str(at / "spec.json"), str(out)]
    with (
        process(leads_command, at / "master.log") as leads,
        process(many, at / "senders.log") as workers,
    ):
        os.sched_setaffinity(leads.pid, {min(os.sched_getaffinity(0))})
        wait_for(out / "ready.json", DEADLINE_S, leads)
        leads.send_signal(signal.SIGUSR1)
        await_begin(out / "progress.jsonl")  # users are there, and clocks have been asked
        before_s, at_s = cpu_s(leads.pid), time.monotonic()
        time.sleep(steady_s - 4.0)
        share = (cpu_s(leads.pid) - before_s) / (time.monotonic() - at_s)
        used_s = cpu_s(leads.pid)
        said = wait_for(out / "load.json", load.duration_s + DEADLINE_S, leads)
        used_s = cpu_s(leads.pid) - used_s
        written_s = time.monotonic() - said["began_at_s"] - load.duration_s
        answers = wait_for(sent, DEADLINE_S, workers)
    worst_ms = max(1000 * clock["uncertainty_s"] for clock in said["clocks"].values())
    with (out / "completions.csv").open(newline="") as table:
        rows = sum(int(row["count"]) for row in csv.DictReader(table))
    print(
        f"{count} load workers, {count * PER_S} answers/s: the master took {100 * share:.0f} % "
        f"of a CPU (at most {100 * MOST_SHARE:.0f} %); {answers} answers sent, {said['finished']} "
        f"counted, {rows} in completions.csv; all written {written_s:.1f} s after the end, by "
        f"{used_s:.1f} s of CPU (at most {MOST_WRITTEN_S:g} s); "
        f"{len(said['clocks'])} clocks, the least known to {worst_ms:.2f} ms"
    )
    shutil.rmtree(at)
    whole = answers == said["finished"] == rows and len(said["clocks"]) == count
    sys.exit(0 if whole and share <= MOST_SHARE and written_s <= MOST_WRITTEN_S else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["senders"]:
        senders(read_spec(Path(sys.argv[2])), Path(sys.argv[3]))
    else:
        assert ROOT.is_dir()
        main()
