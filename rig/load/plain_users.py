"""Users who send with the rig's own client: prebuilt bytes over plain sockets.

Loaded where `load.client` is `plain`. Each is one long task: what Locust does between two tasks
costs more than a request. May not know the load's beginning or end.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent
from gevent.pool import Group
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from rig.load import outcome
from rig.load.answer import NoAnswer
from rig.load.exchange import Connection
from rig.load.greenlets import GreenletWaiting, sweeper
from rig.load.locust_statistics import is_heard
from rig.load.origin import resolved
from rig.load.process import (
    FINAL_REPORT_DEADLINE_S,
    MODEL,
    SPEC,
    LoadClock,
    Received,
    is_over,
    recorder,
)
from rig.load.request import origin_of, request_of
from rig.load.shape import Arrivals, Closed, Open
from rig.model import OUTCOME_OK

ORIGIN = origin_of(SPEC.target_url)
(ASKED,) = SPEC.requests
STATUSES = ASKED.statuses
REQUEST = request_of(ASKED, ORIGIN)
PREBUILT = REQUEST.prebuilt()
PLACE = resolved(ORIGIN)
THINK_S = MODEL.think_time_s if isinstance(MODEL, Closed) else 0.0
ARRIVALS = MODEL.arrivals if isinstance(MODEL, Open) else Arrivals(1.0)


class _Sender:
    """Sends requests over one connection, one after another, and records what became of each."""

    def __init__(self, environment: Environment) -> None:
        runner: Any = environment.runner
        self._connection = Connection(PLACE, GreenletWaiting(sweeper(SPEC.timeout_s)))
        self._name = f"{runner.worker_index}-"
        self._tell = _told(environment)
        self.close = self._connection.close

    def send(self, at_s: float, intended_s: float | None = None, first: bool = False) -> bool:
        """Whether a whole answer came back, right or wrong."""
        number = recorder.start(at_s, intended_s=intended_s, first=first)
        message, began_at_s = PREBUILT.of(f"{self._name}{number}"), LoadClock.at_s
        size, answered = 0, True
        try:
            answer = self._connection.ask(
                message, began_at_s + at_s + SPEC.timeout_s, REQUEST.is_head, STATUSES[0]
            )
        except NoAnswer as error:
            end_s, result, answered = monotonic() - began_at_s, error.outcome, False
        else:
            end_s, size = monotonic() - began_at_s, answer.body_bytes
            Received.body_bytes += size
            right = answer.status in STATUSES
            result = OUTCOME_OK if right else outcome.of_wrong(answer.answer(), STATUSES)
        recorder.finish(number, end_s, SPEC.route, result)
        if self._tell is not None:
            self._tell(end_s - at_s, size, result)
        if not answered:
            gevent.sleep(0)  # one that is refused at once would let nobody else run
        return answered


def _told(environment: Environment) -> Callable[[float, int, str], None] | None:
    """Tells whoever listens of a request: how long, how large, its outcome; None for nobody."""
    event: Any = environment.events.request

    def fire(took_s: float, size: int, result: str) -> None:
        event.fire(
            request_type=ASKED.method,
            name=SPEC.route,
            response_time=1000 * took_s,
            response_length=size,
            response=None,
            context={},
            exception=None if result == OUTCOME_OK else RuntimeError(result),
        )

    return fire if is_heard(environment) else None


class PlainUser(User):
    """One user of a closed load: sends, waits for the answer, thinks, sends again."""

    host = SPEC.target_url

    def on_start(self) -> None:
        self._sender = _Sender(self.environment)

    def on_stop(self) -> None:
        self._sender.close()

    @task
    def ask_again_and_again(self) -> None:
        answered = False
        send, think = self._sender.send, _thinking()
        while not is_over(at_s := monotonic() - LoadClock.at_s):
            answered = send(at_s, first=not answered) or answered
            if THINK_S:
                think()
        raise StopUser


def _thinking() -> Callable[[], None]:
    """A user's pause. One timer for all of them, instead of gevent's for each."""
    hub: Any = gevent.get_hub()
    timer = hub.loop.timer(THINK_S, THINK_S)
    resume, pause = gevent.getcurrent().switch, hub.switch

    def think() -> None:
        timer.again(resume)  # a second `start` would count from the first one's end
        try:
            pause()
        finally:
            timer.stop()

    return think


class PlainArrivals(User):
    """An open load, one of these in each load worker: a greenlet for every request under way.

    Each has a connection, and the one that was idle last is used first: as if all came through one
    proxy, with as many connections as there may be requests in flight.
    """

    host = SPEC.target_url

    def on_start(self) -> None:
        self._hub: Any = gevent.get_hub()
        self._carriers = Group()
        self._idle: list[Callable[[float], object]] = []

    def on_stop(self) -> None:
        self._carriers.kill(block=False)

    @task
    def arrive(self) -> None:
        runner: Any = self.environment.runner
        index = runner.worker_index
        most = ARRIVALS.share(index, SPEC.load_workers)
        for intended_s in ARRIVALS.of(index, SPEC.load_workers):
            gevent.sleep(max(0.0, intended_s - LoadClock.elapsed_s()))
            if is_over(LoadClock.elapsed_s()):
                break
            if self._idle:
                self._hub.loop.run_callback(self._idle.pop(), intended_s)
            elif len(self._carriers) < most:
                self._carriers.spawn(self._carry, intended_s)
            else:
                recorder.drop(intended_s)
        # stays until it is stopped, so that its requests may still be answered meanwhile
        gevent.sleep(FINAL_REPORT_DEADLINE_S + SPEC.timeout_s)

    def _carry(self, intended_s: float) -> None:
        sender, resume = _Sender(self.environment), gevent.getcurrent().switch
        try:
            while not is_over(at_s := LoadClock.elapsed_s()):
                sender.send(at_s, intended_s)
                self._idle.append(resume)
                intended_s = self._hub.switch()
        finally:
            sender.close()
