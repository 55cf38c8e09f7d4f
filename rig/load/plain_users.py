"""Users who send with the rig's own client: prebuilt bytes over plain sockets.

Loaded where `load.client` is `plain`. Each is one long task: what Locust does between two tasks
costs more than a request. May not know the load's beginning or end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gevent.pool import Group
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from rig.load import outcome
from rig.load.answer import NoAnswer
from rig.load.greenlets import Client, Sweeper
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
REQUEST = request_of(SPEC, ORIGIN)
PREBUILT = REQUEST.prebuilt()
PLACE = resolved(ORIGIN)
THINK_S = MODEL.think_time_s if isinstance(MODEL, Closed) else 0.0
ARRIVALS = MODEL.arrivals if isinstance(MODEL, Open) else Arrivals(1.0)


class _Sender(User):
    """Sends the load's request and records what became of it."""

    abstract = True
    sweeper: Sweeper | None = None

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if _Sender.sweeper is None:
            _Sender.sweeper = Sweeper(SPEC.timeout_s)
        runner: Any = environment.runner
        self._ask = Client(PLACE, SPEC.timeout_s, _Sender.sweeper).ask
        self._hub: Any = gevent.get_hub()
        self._index = runner.worker_index
        self._fire = _told(environment)

    def _send(self, at_s: float, intended_s: float | None, first: bool) -> bool:
        """Whether a whole answer came back, right or wrong."""
        number = recorder.start(at_s, intended_s=intended_s, first=first)
        message = PREBUILT.of(f"{self._index}-{number}")
        size, answered = 0, True
        try:
            answer = self._ask(message, LoadClock.at_s + at_s, REQUEST.is_head, SPEC.status)
        except NoAnswer as error:
            end_s, result, answered = LoadClock.elapsed_s(), error.outcome, False
        else:
            end_s, size = LoadClock.elapsed_s(), answer.body_bytes
            Received.body_bytes += size
            right = answer.status == SPEC.status
            result = OUTCOME_OK if right else outcome.of_wrong(answer.answer(), SPEC.status)
        recorder.finish(number, end_s, SPEC.route, result)
        if self._fire is not None:
            self._fire(end_s - at_s, size, result)
        if not answered:
            gevent.sleep(0)  # one that is refused at once would let nobody else run
        return answered


def _told(environment: Environment) -> Callable[[float, int, str], None] | None:
    """Tells whoever listens of a request: how long, how large, its outcome; None for nobody."""
    event: Any = environment.events.request

    def fire(took_s: float, size: int, result: str) -> None:
        event.fire(
            request_type=SPEC.method,
            name=SPEC.route,
            response_time=1000 * took_s,
            response_length=size,
            response=None,
            context={},
            exception=None if result == OUTCOME_OK else RuntimeError(result),
        )

    return fire if is_heard(environment) else None


class PlainUser(_Sender):
    """One user of a closed load: sends, waits for the answer, thinks, sends again."""

    @task
    def ask_again_and_again(self) -> None:
        answered = False
        elapsed_s, send, think = LoadClock.elapsed_s, self._send, self._thinking()
        while not is_over(at_s := elapsed_s()):
            answered = send(at_s, None, not answered) or answered
            if THINK_S:
                think()
        raise StopUser

    def _thinking(self) -> Callable[[], None]:
        """A pause. One timer for the user's whole life, instead of gevent's for each pause."""
        timer = self._hub.loop.timer(THINK_S, THINK_S)
        resume, pause = gevent.getcurrent().switch, self._hub.switch

        def think() -> None:
            timer.again(resume)  # a second `start` would count from the first one's end
            try:
                pause()
            finally:
                timer.stop()

        return think


class PlainArrivals(_Sender):
    """An open load, one of these in each load worker: a greenlet for every request under way.

    They share the connections, as if they came through one proxy: an idle one is used again, and
    there may be as many as there may be requests in flight.
    """

    def on_start(self) -> None:
        self._carriers = Group()
        self._idle: list[Callable[[float], object]] = []
        self._index = self.environment.runner.worker_index

    def on_stop(self) -> None:
        self._carriers.kill(block=False)

    @task
    def arrive(self) -> None:
        most = ARRIVALS.share(self._index, SPEC.load_workers)
        for intended_s in ARRIVALS.of(self._index, SPEC.load_workers):
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
        resume = gevent.getcurrent().switch
        while not is_over(at_s := LoadClock.elapsed_s()):
            self._send(at_s, intended_s, False)
            self._idle.append(resume)
            intended_s = self._hub.switch()
