"""What Locust runs: the users, their ramp, and the recorder's way through the worker reports.

Loaded by the load master and by every load worker from their own copy. The master is released
by SIGUSR1 once its load workers are there, so that no second of load is lost to start-up.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import gevent
import locust.argument_parser
import locust.runners
from gevent.event import Event
from locust import LoadTestShape, User, events
from locust.env import Environment
from locust.rpc import Message

from rig.load import locust_statistics
from rig.load import meter as meters
from rig.load.completions import Completions
from rig.load.process import (
    FINAL_REPORT_DEADLINE_S,
    MODEL,
    OUT,
    SPEC,
    LoadClock,
    Present,
    Received,
    is_over,
    recorder,
    sessions,
)
from rig.load.report import (
    HEARTBEATS_INTERVAL_S,
    INTERVAL_S,
    FinalCount,
    LoadReport,
    Slot,
)
from rig.load.session_count import together
from rig.load.shape import Closed, Open
from rig.load.spec import LOCUST, PLAIN

locust.runners.WORKER_REPORT_INTERVAL = INTERVAL_S
# Load workers go by the wall clock there, and would leave when it is set; whoever started them
# ends them.
locust.runners.MASTER_HEARTBEAT_TIMEOUT = 10**9

# At every step of the ramp Locust would build its argument parser some fifty times, which stops a
# load worker for 80 ms and more, the last time in the steady window.
_arguments = locust.argument_parser.default_args_dict()
locust.argument_parser.default_args_dict = lambda: _arguments

completions = Completions(SPEC.route)
meter = meters.Meter()
session_counts: dict[str, Any] = {}
"""Of the load master: what each load worker says of its users' sessions."""
METHODS = {asked.route: asked.method for asked in SPEC.requests}
STDERR = 2
AHEAD_S = 1.0 if SPEC.session else 0.0
"""So much earlier users come who have a session to begin, than they are to ask."""


def _user_class() -> type[User]:
    """Who loads the target: by the load's model, and the client that it names."""
    if SPEC.client == PLAIN:
        from rig.load.plain_users import PlainArrivals, PlainUser

        return PlainUser if isinstance(MODEL, Closed) else PlainArrivals
    from rig.load.locust_users import LocustArrivals, LocustUser

    return LocustUser if isinstance(MODEL, Closed) else LocustArrivals


TargetUser = _user_class()  # Locust finds it by looking around here


if SPEC.headless:

    class Ramp(LoadTestShape):
        """Users as the plan asks; ends the load at its exact end."""

        def tick(self) -> tuple[int, float] | None:
            left_s = SPEC.duration_s - LoadClock.elapsed_s()
            if left_s < 1.0:
                gevent.sleep(max(0.0, left_s))
                _finish(self.runner)
                return None
            if isinstance(MODEL, Open):
                return SPEC.load_workers, SPEC.load_workers
            # Locust asks a second after it has last done so, and a little later each time
            if (into_s := LoadClock.elapsed_s() % 1.0) > 0.5:
                gevent.sleep(1.0 - into_s)
            # spawned at once: the steps of the ramp are made here, a second apart
            step_users = max(MODEL.users.per_s, MODEL.users.start_users)
            return MODEL.users.at(LoadClock.elapsed_s() + AHEAD_S), step_users


@events.init.add_listener
def _init(environment: Environment, **_: Any) -> None:
    runner = environment.runner
    if isinstance(runner, locust.runners.WorkerRunner):
        # before Locust's own, so that what it sends now holds what it is told now
        reporting: Any = environment.events.report_to_master
        reporting._handlers.insert(0, partial(_report, environment))
    if not SPEC.headless:
        return  # somebody looks around by hand, on Locust's own page
    _freeze_what_is_there()
    if isinstance(runner, locust.runners.MasterRunner):
        runner.register_message("final", _final)
        runner.register_message("impossible", _give_up)
        reported: Any = environment.events.worker_report
        reported.add_listener(partial(_is_alive, runner))
        quitting: Any = environment.events.quitting
        quitting.add_listener(_finish_anyway)
        _quit_once(runner)
        _wait_for_release(runner)
        LoadClock.at_s = time.monotonic()
        runner.send_message("begin", {"at_s": LoadClock.at_s})
        gevent.spawn(_progress, runner)
    elif isinstance(runner, locust.runners.WorkerRunner):
        locust.runners.HEARTBEAT_INTERVAL = HEARTBEATS_INTERVAL_S
        runner.register_message("begin", _begin)
        runner.register_message("finish", _send_final)


def _give_up(environment: Environment, msg: Any) -> None:
    """A load worker cannot send what was asked for: nothing of this load counts."""
    os.write(STDERR, f"{msg.data}\n".encode())
    os._exit(1)


def _freeze_what_is_there() -> None:
    """Leaves what the imports made out of every later garbage collection.

    One that goes through it stops all greenlets for 20 to 60 ms, in the middle of the load.
    """
    gc.collect()
    gc.freeze()


def _quit_once(runner: Any) -> None:
    """Locust's headless end quits three times, half a second each; once is enough."""
    leave = runner.quit
    left: list[bool] = []

    def quit_once() -> None:
        if not left:
            left.append(True)
            leave()

    runner.quit = quit_once


def _wait_for_release(runner: Any) -> None:
    released = Event()
    gevent.signal_handler(signal.SIGUSR1, released.set)
    give_up_s = time.monotonic() + SPEC.connect_deadline_s
    while len(runner.clients.ready) < SPEC.load_workers:
        if time.monotonic() > give_up_s:
            connected = len(runner.clients.ready)
            raise SystemExit(f"{connected} of {SPEC.load_workers} load workers connected")
        gevent.sleep(0.05)
    _write_json("ready.json", {"load_workers": [client.id for client in runner.clients.ready]})
    released.wait()


def _begin(environment: Any, msg: Any) -> None:
    LoadClock.at_s = msg.data["at_s"]
    gevent.spawn(_measure_itself, environment.runner)


def _measure_itself(runner: Any) -> None:
    # beyond the end users leave, and would be missing from a second that is half theirs
    while not is_over(LoadClock.elapsed_s()):
        due_s = LoadClock.elapsed_s() + meters.INTERVAL_S
        gevent.sleep(meters.INTERVAL_S)
        at_s = LoadClock.elapsed_s()
        users = Present.users if SPEC.session else runner.user_count
        meter.tick(at_s, time.process_time(), users, max(0.0, at_s - due_s))


def _drain(environment: Environment) -> LoadReport:
    """What is new since the last report; Locust is told of it, too, where nobody else has."""
    if SPEC.client == LOCUST or locust_statistics.is_heard(environment):
        return replace(recorder.drain(), meter=meter.drain())
    began_s = time.time() - LoadClock.elapsed_s()

    def count(slot: Slot, counts: Mapping[int, int]) -> None:
        method, at_s = METHODS[slot.route], began_s + slot.second
        locust_statistics.feed(environment.stats, method, slot, counts, at_s)

    report = recorder.drain(count)
    method = METHODS.get(SPEC.route)  # a mix's answers are not told apart by their size
    locust_statistics.feed_size(environment.stats, method, SPEC.route, Received.take())
    return replace(report, meter=meter.drain())


def _report(environment: Environment, data: dict[str, Any], **_: Any) -> None:
    if recorder.frozen:
        return
    report = _drain(environment)
    if LoadClock.at_s:  # a load worker reports before the load has begun, and when led by hand, too
        data["recorder"] = report.to_wire()


@events.worker_report.add_listener
def _merge(client_id: str, data: dict[str, Any], **_: Any) -> None:
    if "recorder" in data:
        completions.add(client_id, LoadReport.from_wire(data["recorder"]))


def _is_alive(runner: Any, client_id: str, **_: Any) -> None:
    """A report is as good as a heartbeat."""
    client = runner.clients.get(client_id)
    if client is None:
        return
    client.heartbeat = locust.runners.HEARTBEAT_LIVENESS
    if client.state == locust.runners.STATE_MISSING:
        beat = {"state": locust.runners.STATE_RUNNING, "current_cpu_usage": client.cpu_usage}
        message: Any = Message
        runner.handle_message(client_id, message("heartbeat", beat, client_id))


def _send_final(environment: Any, msg: Any) -> None:
    at_s = LoadClock.elapsed_s()
    left = recorder.freeze(at_s)
    meter.end(at_s, time.process_time())
    final = {
        "report": _drain(environment).to_wire(),
        "index": environment.runner.worker_index,
        "address": _own_address(),
        "left": left.to_wire(),
        "sessions": sessions.to_wire(),
    }
    # Locust would send its own once more when nobody waits for it any more
    environment.runner._send_stats()
    environment.runner.send_message("final", final)


def _own_address() -> str:
    """The address that this process reaches the target from; no packet is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((urlsplit(SPEC.target_url).hostname, 9))
        return str(probe.getsockname()[0])


def _final(environment: Environment, msg: Any) -> None:
    said = msg.data
    completions.add(msg.node_id, LoadReport.from_wire(said["report"]))
    left = FinalCount.from_wire(said["left"])
    if SPEC.session:
        session_counts[msg.node_id] = said["sessions"]
    completions.close(msg.node_id, said["index"], said["address"], left)


def _finish(runner: Any) -> None:
    lost = {client.id for client in runner.clients.missing}
    connected = len(runner.clients)
    runner.send_message("finish")
    give_up_s = time.monotonic() + FINAL_REPORT_DEADLINE_S
    while completions.closed < SPEC.load_workers - len(lost) and time.monotonic() < give_up_s:
        if not runner.worker_count:
            break  # nobody is left who could report
        gevent.sleep(0.02)
    planned = MODEL.users.at if isinstance(MODEL, Closed) else None
    completions.write(OUT, SPEC.ramp_s, SPEC.duration_s, planned)
    totals = completions.totals()
    if isinstance(MODEL, Open):
        totals |= {"peak_users": 0, "never_answered_users": None}
    _write_json(
        "load.json",
        {
            "load_workers_connected": connected,
            "load_workers_lost": SPEC.load_workers - completions.closed,
            "complete": completions.closed == SPEC.load_workers,
            "began_at_s": LoadClock.at_s,
            "client": SPEC.client,
            **({"sessions": together(session_counts.values())} if SPEC.session else {}),
            **totals,
        },
    )


def _finish_anyway(environment: Environment, **_: Any) -> None:
    """Where Locust ends a load by itself, having lost its last load worker."""
    runner: Any = environment.runner
    if LoadClock.at_s and not runner.worker_count and not (OUT / "load.json").exists():
        _finish(runner)


def _progress(runner: Any) -> None:
    with (OUT / "progress.jsonl").open("w") as log:
        while True:
            gevent.sleep(INTERVAL_S / 2)
            elapsed_s = LoadClock.elapsed_s()
            correct, failed = completions.rate_rps(int(elapsed_s) - 2)
            line = {
                "elapsed_s": round(elapsed_s, 2),
                # those of an open load are Locust's way to start its arrivals, and nobody's users
                "users": runner.user_count if isinstance(MODEL, Closed) else 0,
                "goodput_rps": correct,
                "failed_rps": failed,
                "outcomes": dict(completions.outcomes),
            }
            log.write(json.dumps(line) + "\n")
            log.flush()


def _write_json(name: str, data: Any) -> None:
    scratch = OUT / f"{name}.part"
    scratch.write_text(json.dumps(data))
    scratch.replace(OUT / name)
