"""Users who send with the rig's own client: prebuilt bytes over plain sockets.

Loaded where `load.client` is `plain`. Each is one long task: what Locust does between two tasks
costs more than a request. May not know the load's beginning or end.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent
from gevent.pool import Group
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from rig.load import outcome
from rig.load.answer import ANY_STATUS, NoAnswer
from rig.load.asked import RouteRequest
from rig.load.exchange import Connection
from rig.load.greenlets import GreenletWaiting, sweeper
from rig.load.locust_statistics import is_heard
from rig.load.origin import Place, resolved
from rig.load.process import (
    FINAL_REPORT_DEADLINE_S,
    MODEL,
    SPEC,
    LoadClock,
    Present,
    Received,
    is_over,
    recorder,
    sessions,
)
from rig.load.request import origin_of
from rig.load.sessions import SessionFailed
from rig.load.shape import Arrivals, Closed, Open
from rig.load.think import Choice
from rig.load.values import RanOut
from rig.load.visitor import Visitor, prepared, prepared_session
from rig.model import OUTCOME_OK

ORIGIN = origin_of(SPEC.target_url, SPEC.ca)
SESSION = prepared_session(SPEC.session, ORIGIN)
REQUESTS = [prepared(asked, ORIGIN, SESSION is not None) for asked in SPEC.requests]
CHOICE = Choice(SPEC.weights, SPEC.seed) if len(REQUESTS) > 1 else None
THINK_S = MODEL.think_time_s if isinstance(MODEL, Closed) else 0.0
ARRIVALS = MODEL.arrivals if isinstance(MODEL, Open) else Arrivals(1.0)
MOST_LOOKED_AT_BYTES = 16 << 20
"""Of an answer that is looked at; what stands beyond it is not found."""
SPREAD, GOLDEN_RATIO = 0.7, 0.618034
"""Over so much of a second the sessions of users who come together begin."""
SESSION_PAUSE_S = 1.0
"""After a session that failed, before its user tries again."""


class _Numbers:
    """Who is who in this load worker, and which request of its route is next."""

    def __init__(self, environment: Environment) -> None:
        runner: Any = environment.runner
        first = runner.worker_index % SPEC.load_workers
        self.users = itertools.count(1 + first, SPEC.load_workers)
        self.turns = itertools.count(first, SPEC.load_workers)
        self.positions = [itertools.count(1 + first, SPEC.load_workers) for _ in REQUESTS]


@functools.cache
def _numbers(environment: Environment) -> _Numbers:
    return _Numbers(environment)


@functools.cache
def _place() -> Place:
    """The target's address: asked for once, and by load workers only, for the master has no way."""
    return resolved(ORIGIN)


class _Sender:
    """Sends requests over one connection, one after another, and records what became of each."""

    def __init__(self, environment: Environment, number: int = 1) -> None:
        self._environment = environment
        runner: Any = environment.runner
        self._connection = Connection(_place(), GreenletWaiting(sweeper(SPEC.timeout_s)))
        self._name = f"{runner.worker_index}-"
        self._tell = _told(environment)
        numbers = _numbers(environment)
        self._positions = numbers.positions
        # arrivals are nobody's: all connections together choose one after another
        self._turns = itertools.count() if isinstance(MODEL, Closed) else numbers.turns
        self.turn = 0
        self.visitor = Visitor(self._connection, number, SESSION)
        self.close = self._connection.close

    def send(self, at_s: float, intended_s: float | None = None, first: bool = False) -> bool:
        """Whether a whole answer came back, right or wrong. StopUser where values ran out."""
        self.turn = next(self._turns)
        index = CHOICE.index(self.visitor.number, self.turn) if CHOICE else 0
        request = REQUESTS[index]
        asked = request.asked
        number = recorder.start(at_s, intended_s=intended_s, first=first)
        try:
            position = next(self._positions[index]) if asked.values else 0
            message = self.visitor.message(request, f"{self._name}{number}", position)
        except RanOut as error:
            _end_the_load(self._environment, f"route {asked.route}: {error}")
            raise StopUser from error
        began_at_s, size, answered = LoadClock.at_s, 0, True
        right = asked.statuses
        try:
            deadline_s = began_at_s + at_s + SPEC.timeout_s
            kept = (ANY_STATUS, MOST_LOOKED_AT_BYTES) if asked.looks else (right[0],)
            answer = self._connection.ask(message, deadline_s, request.is_head, *kept)
        except NoAnswer as error:
            end_s, result, answered = monotonic() - began_at_s, error.outcome, False
        else:
            end_s, size = monotonic() - began_at_s, answer.body_bytes
            Received.body_bytes += size
            if answer.status not in right:
                result = outcome.of_wrong(answer.answer(), right)
            elif asked.looks:
                result = outcome.of_looked_at(answer.answer(), asked)
            else:
                result = OUTCOME_OK
            if SESSION is not None:
                self.visitor.answered(request, answer)
        recorder.finish(number, end_s, asked.route, result)
        if self._tell is not None:
            self._tell(asked, end_s - at_s, size, result)
        if not answered:
            gevent.sleep(0)  # one that is refused at once would let nobody else run
        return answered


def _end_the_load(environment: Environment, says: str) -> None:
    """What was asked for cannot be sent: the load master ends with this line."""
    runner: Any = environment.runner
    runner.send_message("impossible", says)


def _told(environment: Environment) -> Callable[[RouteRequest, float, int, str], None] | None:
    """Tells whoever listens of a request: how long, how large, its outcome; None for nobody."""
    event: Any = environment.events.request

    def fire(asked: RouteRequest, took_s: float, size: int, result: str) -> None:
        event.fire(
            request_type=asked.method,
            name=asked.route,
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
        self._sender = _Sender(self.environment, next(_numbers(self.environment).users))

    def on_stop(self) -> None:
        self._sender.close()

    @task
    def ask_again_and_again(self) -> None:
        if SESSION is not None:
            try:
                if not _begun(self._sender.visitor):
                    raise StopUser
            except RanOut as error:
                _end_the_load(self.environment, f"session {SESSION.name}: {error}")
                raise StopUser from error
        Present.users += 1
        try:
            self._ask_until_the_end()
        finally:
            Present.users -= 1
        raise StopUser

    def _ask_until_the_end(self) -> None:
        answered = False
        send, think = self._sender.send, _thinking(self._sender)
        while not is_over(at_s := monotonic() - LoadClock.at_s):
            answered = send(at_s, first=not answered) or answered
            if think is not None:
                think()


def _begun(visitor: Visitor) -> bool:
    """Does a user's session, until it is complete; False where the load is over before.

    Those who come in one second spread theirs over it, and ask from the next one on.
    """
    came_s = LoadClock.elapsed_s()
    gevent.sleep(SPREAD * (visitor.number * GOLDEN_RATIO % 1.0))
    for attempt in itertools.count(1):
        begun_s = LoadClock.elapsed_s()
        if is_over(begun_s):
            return False
        try:
            name = f"session{visitor.number}a{attempt}"
            visitor.begin(name, lambda: monotonic() + SPEC.timeout_s, sessions.sent)
            break
        except SessionFailed as error:
            sessions.fail(str(error))
            gevent.sleep(SESSION_PAUSE_S)
    ended_s = LoadClock.elapsed_s()
    sessions.end(ended_s - begun_s, ended_s >= SPEC.ramp_s)
    gevent.sleep(max(0.0, math.floor(came_s) + 1 - ended_s))
    return True


def _thinking(sender: _Sender) -> Callable[[], None] | None:
    """A user's pause; None for none."""
    if (think := SPEC.think) is None:
        return _constant_pause() if THINK_S else None
    number = sender.visitor.number
    return lambda: gevent.sleep(think.pause_s(SPEC.seed, number, sender.turn))


def _constant_pause() -> Callable[[], None]:
    """One timer for all of a user's pauses, instead of gevent's for each."""
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
