"""What Locust runs: the users, their ramp, and the recorder's way through the worker reports.

Loaded by the load master and by every load worker from their own copy. The master is released
by SIGUSR1 once its load workers are there, so that no second of load is lost to start-up.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import gevent
import locust.runners
from gevent.event import Event
from locust import FastHttpUser, LoadTestShape, constant, events, task
from locust.env import Environment

from rig.load import outcome
from rig.load.recorder import Completions, Recorder
from rig.load.spec import OUT_VARIABLE, SPEC_VARIABLE, fill, read_spec
from rig.model import OUTCOME_OK

SPEC = read_spec(Path(os.environ[SPEC_VARIABLE]))
OUT = Path(os.environ[OUT_VARIABLE])
REPORT_INTERVAL_S = 1.0
FINAL_REPORT_DEADLINE_S = 20.0

locust.runners.WORKER_REPORT_INTERVAL = REPORT_INTERVAL_S

recorder = Recorder(SPEC.users.ramp_s, SPEC.duration_s)
completions = Completions()


class Epoch:
    """When the load began, on CLOCK_MONOTONIC, which all processes of a machine share."""

    at_s = 0.0

    @classmethod
    def elapsed_s(cls) -> float:
        return time.monotonic() - cls.at_s


class TargetUser(FastHttpUser):
    """One user: sends, waits for the answer, thinks, sends again."""

    host = SPEC.target_url
    network_timeout = SPEC.timeout_s
    connection_timeout = SPEC.timeout_s
    wait_time = constant(SPEC.think_time_s)

    @task
    def request(self) -> None:
        number = recorder.start(Epoch.elapsed_s())
        content = _body(f"{self.environment.runner.worker_index}-{number}")
        with self.client.request(
            SPEC.method, SPEC.path, name=SPEC.route, catch_response=True, **content
        ) as response:
            at_s = Epoch.elapsed_s()
            if response.status_code:
                kind = response.headers.get("content-type", "")
                body = response.content or b""
                result = outcome.of_answer(response.status_code, SPEC.status, kind, body)
            else:
                result = outcome.of_error(response.error)
            recorder.finish(number, at_s, SPEC.route, result)
            if result == OUTCOME_OK:
                response.success()
            else:
                response.failure(result)


def _body(unique: str) -> dict[str, Any]:
    if SPEC.json is not None:
        return {"json": fill(SPEC.json, unique)}
    if SPEC.form:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return {"data": urlencode(fill(SPEC.form, unique)), "headers": kind}
    return {}


if SPEC.headless:

    class Ramp(LoadTestShape):
        """Users as the plan asks; ends the load at its exact end."""

        def tick(self) -> tuple[int, float] | None:
            left_s = SPEC.duration_s - Epoch.elapsed_s()
            if left_s < 1.0:
                gevent.sleep(max(0.0, left_s))
                _finish(self.runner)
                return None
            # spawned at once: the steps of the ramp are made here, a second apart
            step_users = max(SPEC.users.per_s, SPEC.users.start_users)
            return SPEC.users.at(Epoch.elapsed_s()), step_users


@events.init.add_listener
def _init(environment: Environment, **_: Any) -> None:
    runner = environment.runner
    if not SPEC.headless:
        return  # somebody looks around by hand, on Locust's own page
    if isinstance(runner, locust.runners.MasterRunner):
        runner.register_message("final", _final)
        _quit_once(runner)
        _wait_for_release(runner)
        Epoch.at_s = time.monotonic()
        runner.send_message("begin", {"at_s": Epoch.at_s})
        gevent.spawn(_progress, runner)
    elif isinstance(runner, locust.runners.WorkerRunner):
        runner.register_message("begin", _begin)
        runner.register_message("finish", _send_final)


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


def _begin(environment: Environment, msg: Any) -> None:
    Epoch.at_s = msg.data["at_s"]


@events.report_to_master.add_listener
def _report(client_id: str, data: dict[str, Any], **_: Any) -> None:
    if not recorder.frozen:
        data["recorder"] = recorder.drain()


@events.worker_report.add_listener
def _merge(client_id: str, data: dict[str, Any], **_: Any) -> None:
    # a load worker reports before the load has begun, too
    if "recorder" in data and Epoch.at_s:
        completions.add(client_id, data["recorder"], Epoch.elapsed_s())


finals: dict[str, dict[str, Any]] = {}


def _send_final(environment: Any, msg: Any) -> None:
    ages_s = recorder.freeze(Epoch.elapsed_s())
    final = {
        "report": recorder.drain(),
        "ages_s": ages_s,
        "address": _own_address(),
        "finished": recorder.finished,
    }
    environment.runner.send_message("final", final)


def _own_address() -> str:
    """The address that this process reaches the target from; no packet is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((urlsplit(SPEC.target_url).hostname, 9))
        return str(probe.getsockname()[0])


def _final(environment: Environment, msg: Any) -> None:
    finals[msg.node_id] = msg.data
    completions.add(msg.node_id, msg.data["report"], SPEC.duration_s)


def _finish(runner: Any) -> None:
    lost = {client.id for client in runner.clients.missing}
    completions.users(SPEC.duration_s, runner.user_count)
    runner.send_message("finish")
    give_up_s = time.monotonic() + FINAL_REPORT_DEADLINE_S
    while len(finals) < SPEC.load_workers - len(lost) and time.monotonic() < give_up_s:
        gevent.sleep(0.02)
    completions.write(OUT, SPEC.users.ramp_s, SPEC.duration_s)
    ages_s = sorted(age for final in finals.values() for age in final["ages_s"])
    _write_json(
        "load.json",
        {
            "load_workers_connected": len(runner.clients),
            "load_workers_lost": SPEC.load_workers - len(finals),
            "load_worker_addresses": sorted(final["address"] for final in finals.values()),
            "finished_by_load_worker": {
                final["address"]: final["finished"] for final in finals.values()
            },
            "peak_users": completions.peak_users,
            "started": completions.started,
            "finished": completions.outcomes.total(),
            "outcomes": dict(completions.outcomes),
            "in_flight_at_stop": len(ages_s),
            "in_flight_ages_s": [round(age, 3) for age in ages_s],
            "complete": len(finals) == SPEC.load_workers,
            "began_at_s": Epoch.at_s,
        },
    )


def _progress(runner: Any) -> None:
    with (OUT / "progress.jsonl").open("w") as log:
        while True:
            gevent.sleep(REPORT_INTERVAL_S / 2)
            elapsed_s = Epoch.elapsed_s()
            completions.users(elapsed_s, runner.user_count)
            correct, failed = completions.rate_rps(int(elapsed_s) - 2)
            line = {
                "elapsed_s": round(elapsed_s, 2),
                "users": runner.user_count,
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
