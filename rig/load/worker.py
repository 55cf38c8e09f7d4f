"""A load worker's part of a load: begins when it is told, measures itself, reports what is new.

May not know who asked, nor how its users send.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import gevent
import locust.runners
from locust.env import Environment

from rig.load.alarms import alarms
from rig.load.clocks import ASK, tell_time
from rig.load.counting import locust_statistics
from rig.load.counting import meter as meters
from rig.load.counting.report import HEARTBEATS_INTERVAL_S, LoadReport, Slot
from rig.load.descriptors import make_room
from rig.load.gathering import SHARES
from rig.load.http import tls
from rig.load.process import (
    GATHERS,
    MODEL,
    SPEC,
    LoadClock,
    Present,
    is_over,
    received,
    recorder,
    sessions,
    waiting,
)
from rig.load.spec import LOCUST
from rig.load.users.own_users import own_users

meter = meters.Meter()
METHODS = {asked.route: asked.method for asked in SPEC.requests}


def report(environment: Environment) -> None:
    """Puts what is new into each of Locust's reports, by hand, too."""
    # before Locust's own, so that what it sends now holds what it is told now
    reporting: Any = environment.events.report_to_master
    reporting._handlers.insert(0, partial(_report, environment))


def follow(environment: Environment) -> None:
    """Does what the load master asks."""
    runner: Any = environment.runner
    locust.runners.HEARTBEAT_INTERVAL = HEARTBEATS_INTERVAL_S
    make_room(math.ceil(MODEL.most_in_flight / SPEC.load_workers))
    if own_users:
        own_users.watch(environment)
    runner.register_message(ASK, tell_time)
    if GATHERS:
        runner.register_message(SHARES, waiting.dealt)
    runner.register_message("begin", _begin)
    runner.register_message("finish", _send_final)


def _begin(environment: Any, msg: Any) -> None:
    LoadClock.at_s = msg.data["at_s"]
    if own_users:
        own_users.begin()
    if GATHERS:
        waiting.begin()
    gevent.spawn(_measure_itself, environment.runner)


def _measure_itself(runner: Any) -> None:
    # beyond the end users leave, and would be missing from a second that is half theirs
    while not is_over(LoadClock.elapsed_s()):
        due_s = LoadClock.elapsed_s() + meters.INTERVAL_S
        alarms().wait(meters.INTERVAL_S)
        at_s = LoadClock.elapsed_s()
        users = Present.users if GATHERS else runner.user_count
        meter.tick(at_s, time.process_time(), users, max(0.0, at_s - due_s))


def _drain(environment: Environment) -> LoadReport:
    """What is new since the last report; Locust is told of it, too, where nobody else has."""
    if own_users or SPEC.client == LOCUST or locust_statistics.is_heard(environment):
        return replace(recorder.drain(), meter=meter.drain())
    began_s = time.time() - LoadClock.elapsed_s()

    def count(slot: Slot, counts: Mapping[int, int]) -> None:
        method, at_s = METHODS[slot.route], began_s + slot.second
        locust_statistics.feed(environment.stats, method, slot, counts, at_s)

    report = recorder.drain(count)
    method = METHODS.get(SPEC.route)  # a mix's answers are not told apart by their size
    locust_statistics.feed_size(environment.stats, method, SPEC.route, received.take())
    return replace(report, meter=meter.drain())


def _report(environment: Environment, data: dict[str, Any], **_: Any) -> None:
    if recorder.frozen:
        return
    report = _drain(environment)
    if LoadClock.at_s:  # a load worker reports before the load has begun, and when led by hand, too
        data["recorder"] = report.to_wire()


def _send_final(environment: Any, msg: Any) -> None:
    at_s = LoadClock.elapsed_s()
    left = recorder.freeze(at_s)
    if own_users:
        own_users.end()
    meter.end(at_s, time.process_time())
    final = {
        "report": _drain(environment).to_wire(),
        "index": environment.runner.worker_index,
        "address": _own_address(),
        "left": left.to_wire(),
        "sessions": sessions.to_wire(),
        "handshakes": vars(tls.handshakes),
        "task_errors": own_users.errors if own_users else {},
    }
    # Locust would send its own once more when nobody waits for it any more
    environment.runner._send_stats()
    environment.runner.send_message("final", final)


def _own_address() -> str:
    """The address that this process reaches the target from; no packet is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((urlsplit(SPEC.target_url).hostname, 9))
        return str(probe.getsockname()[0])
