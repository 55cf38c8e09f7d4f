"""The load master's part of a load: begins it in all load workers, merges their reports, ends it.

It is released by SIGUSR1 once its load workers are there, so that no second of load is lost to
start-up. May not know users nor how they send.
"""

from __future__ import annotations

import json
import signal
import time
from functools import partial
from typing import Any

import gevent
import locust.runners
from gevent.event import Event
from locust.env import Environment
from locust.rpc import Message

from rig.load import time_server
from rig.load.clocks import ANSWER, TO_TELL_DRIFT, LoadWorkerClocks
from rig.load.counting.completions import Completions
from rig.load.counting.report import INTERVAL_S, MOST_TOLD, RESPONSES, FinalCount, LoadReport
from rig.load.counting.session_count import together
from rig.load.gathering import THERE, Gathering, TooFew
from rig.load.http import tls
from rig.load.process import (
    FINAL_REPORT_DEADLINE_S,
    GATHERS,
    MODEL,
    OUT,
    SPEC,
    LoadClock,
    leave,
)
from rig.load.shape import Closed, Open
from rig.load.spec import PLAIN
from rig.load.users.own_users import own_users

completions = Completions(SPEC.route)
clocks = LoadWorkerClocks()
gathering = Gathering(SPEC.session_due_s)
released = Event()
session_counts: dict[str, Any] = {}
"""What each load worker says of its users' sessions."""
handshakes: dict[str, Any] = {}
"""What each load worker's TLS handshakes came to."""
WITH_TLS = not own_users and SPEC.client == PLAIN and SPEC.target_url.startswith("https:")
"""Whether handshakes are counted: Locust's client has them by itself."""


class Told:
    """The last second that progress was told of."""

    second = -1


def listen(environment: Environment) -> None:
    """Counts what load workers report, by hand, too."""
    reported: Any = environment.events.worker_report
    reported.add_listener(_merge)


def lead(environment: Environment) -> None:
    """Begins the load once it is released, and tells of its progress."""
    runner: Any = environment.runner
    runner.register_message("final", _final)
    runner.register_message("impossible", _give_up)
    reported: Any = environment.events.worker_report
    reported.add_listener(partial(_is_alive, runner))
    quitting: Any = environment.events.quitting
    quitting.add_listener(_finish_anyway)
    _quit_once(runner)
    runner.register_message(ANSWER, clocks.answered)
    if SPEC.clock_port:
        time_server.serve(SPEC.clock_port)
    _wait_for_release(runner)
    if GATHERS:
        runner.register_message(THERE, gathering.on_there)
        gevent.spawn(_gather, runner)
    else:
        _begin_all(runner)
    gevent.spawn(_progress, runner)


def _give_up(environment: Environment, msg: Any) -> None:
    """A load worker cannot send what was asked for: nothing of this load counts."""
    leave(str(msg.data))


def _gather(runner: Any) -> None:
    """Begins the load once all users are there; after sessions when it is released again.

    So the database can be counted between what sessions did and what the load does.
    """
    begun_s = time.monotonic()
    try:
        gathering.wait(runner, MODEL.most_in_flight, SPEC.gathering_deadline_s)
    except TooFew as error:
        leave(str(error))
    if SPEC.session:
        released.clear()
        took_s = time.monotonic() - begun_s
        _write_json("gathered.json", {"users": gathering.there, "within_s": round(took_s, 3)})
        if not released.wait(SPEC.connect_deadline_s):
            leave("nobody released the load once its users were there")
    _begin_all(runner)


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
    gevent.signal_handler(signal.SIGUSR1, released.set)
    give_up_s = time.monotonic() + SPEC.connect_deadline_s
    while len(runner.clients.ready) < SPEC.load_workers:
        if time.monotonic() > give_up_s:
            connected = len(runner.clients.ready)
            raise SystemExit(f"{connected} of {SPEC.load_workers} load workers connected")
        gevent.sleep(0.05)
    _write_json("ready.json", {"load_workers": [client.id for client in runner.clients.ready]})
    released.wait()


def _begin_all(runner: Any) -> None:
    """Tells each load worker when the load begins, on its own clock."""
    clients = runner.clients  # those with users are not `ready` any more
    there = [one.id for one in (*clients.ready, *clients.spawning, *clients.running)]
    offsets = clocks.read(runner, there)
    if silent := [name for name in there if name not in offsets]:
        leave(f"{silent[0]} (load worker) does not tell the time of its clock")
    LoadClock.at_s = time.monotonic()
    for name, offset in offsets.items():
        completions.add_clock(name, offset)
        runner.send_message("begin", {"at_s": offset.there_s(LoadClock.at_s)}, name)


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


def _final(environment: Environment, msg: Any) -> None:
    said = msg.data
    completions.add(msg.node_id, LoadReport.from_wire(said["report"]))
    left = FinalCount.from_wire(said["left"])
    if SPEC.session:
        session_counts[msg.node_id] = said["sessions"]
    if WITH_TLS:
        handshakes[msg.node_id] = said["handshakes"]
    if own_users:
        own_users.add_errors(said["task_errors"])
    completions.close(msg.node_id, said["index"], said["address"], left)


def finish(runner: Any) -> None:
    """Ends the load: takes every load worker's last report, and writes all files."""
    lost = {client.id for client in runner.clients.missing}
    connected = len(runner.clients)
    runner.send_message("finish")
    give_up_s = time.monotonic() + FINAL_REPORT_DEADLINE_S
    while completions.closed < SPEC.load_workers - len(lost) and time.monotonic() < give_up_s:
        if not runner.worker_count:
            break  # nobody is left who could report
        gevent.sleep(0.02)
    for name, after in clocks.read(runner, completions.closed_ids, TO_TELL_DRIFT).items():
        completions.add_clock(name, after)
    planned = MODEL.users.at if isinstance(MODEL, Closed) else None
    completions.write(OUT, SPEC.ramp_s, SPEC.duration_s, planned)
    _tell(runner, LoadClock.elapsed_s(), int(SPEC.duration_s) - 1)
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
            **({} if own_users else {"client": SPEC.client}),  # theirs is their file's business
            **({"sessions": together(session_counts.values())} if SPEC.session else {}),
            **({"tls": tls.together(handshakes.values())} if WITH_TLS else {}),
            **({"locustfile": own_users.to_json(completions)} if own_users else {}),
            **totals,
        },
    )


def _finish_anyway(environment: Environment, **_: Any) -> None:
    """Where Locust ends a load by itself, having lost its last load worker."""
    runner: Any = environment.runner
    if LoadClock.at_s and not runner.worker_count and not (OUT / "load.json").exists():
        finish(runner)


def _progress(runner: Any) -> None:
    while True:
        gevent.sleep(INTERVAL_S / 2)
        elapsed_s = LoadClock.elapsed_s() if LoadClock.at_s else 0.0
        # load workers report every second: the one before the last is surely complete
        _tell(runner, elapsed_s, max(-1, int(elapsed_s) - 2))


def _tell(runner: Any, elapsed_s: float, last: int) -> None:
    """A line of progress for each second up to the `last` that nobody was told of; one at least."""
    new = range(max(Told.second + 1, last - MOST_TOLD + 1), last + 1)
    if new:
        # as they came: whoever wants percentiles of them pays for these
        _write_json(RESPONSES, {second: completions.responses(second) for second in new})
    Told.second = max(Told.second, last)
    with (OUT / "progress.jsonl").open("a") as log:
        for second in new or [Told.second]:
            correct, failed = completions.rate_rps(second)
            line = {
                "elapsed_s": round(elapsed_s, 2),
                "users": _users(runner, second),
                "goodput_rps": correct,
                "failed_rps": failed,
                "outcomes": dict(completions.outcomes),
                "second": second,
            }
            log.write(json.dumps(line) + "\n")


def _users(runner: Any, second: int) -> int:
    """Who is there, before the load begins and in a second of it."""
    if GATHERS:
        return completions.users(second) if LoadClock.at_s else gathering.there
    # those of an open load are Locust's way to start its arrivals, and nobody's users
    return int(runner.user_count) if isinstance(MODEL, Closed) else 0


def _write_json(name: str, data: Any) -> None:
    scratch = OUT / f"{name}.part"
    scratch.write_text(json.dumps(data))
    scratch.replace(OUT / name)
