"""Users who send with the rig's own client: prebuilt bytes over plain sockets.

Loaded where `load.client` is `plain`. Each is one long task: what Locust does between two tasks
costs more than a request. May not know the load's beginning or end.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore
from gevent.pool import Group
from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from rig.load.alarms import alarms
from rig.load.counting.locust_statistics import is_heard
from rig.load.http import outcome
from rig.load.http.answer import NoAnswer
from rig.load.http.asked import RouteRequest
from rig.load.http.exchange import Connection
from rig.load.http.expected import Expected
from rig.load.http.origin import Place, resolved
from rig.load.http.request import Prebuilt, origin_of, rows
from rig.load.http.sessions import SessionFailed
from rig.load.http.values import RanOut
from rig.load.http.visitor import Prepared, Visitor, prepared, prepared_session
from rig.load.http.words import NOTHING, UNIQUE, Filling
from rig.load.process import (
    END_S,
    FINAL_REPORT_DEADLINE_S,
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
from rig.load.shape import Arrivals, Closed, Open, Turn
from rig.load.think import Choice, Think
from rig.load.users.greenlets import GreenletWaiting, sweeper
from rig.model import OUTCOME_OK

ORIGIN = origin_of(SPEC.target_url, SPEC.ca)
SESSION = prepared_session(SPEC.session, ORIGIN)
CHOICE = Choice(SPEC.weights, SPEC.seed) if len(SPEC.requests) > 1 else None
THINK_S = MODEL.think_time_s if isinstance(MODEL, Closed) else 0.0
THINK = SPEC.think or Think("constant", THINK_S)
ARRIVALS = MODEL.arrivals if isinstance(MODEL, Open) else Arrivals(1.0)
MOST_SESSIONS = 8
"""Under way at a time, over all load workers: a crowd at the login is not what is asked."""
AT_ONCE = BoundedSemaphore(max(1, MOST_SESSIONS // SPEC.load_workers))
MADE_AT_ONCE = 4
"""Connections, each of which costs as much as three requests: then it is seen first who is free."""
ALWAYS: Sequence[Turn] = ((0.0, math.inf),)


@dataclass(frozen=True)
class _Ready:
    """What of a route's requests is the same each time, so that it is not asked for again."""

    prepared: Prepared
    fixed: bytes
    """Its bytes, where they are the same each time; else empty."""
    right: tuple[int, ...]
    always: Expected | None
    has_words: bool
    """Whether what every answer is looked at for hangs on its request."""
    bound: Prebuilt | None = None
    """With all that a user's have alike, once it has asked for one."""


def _ready(route: RouteRequest) -> _Ready:
    request = prepared(route, ORIGIN, SESSION is not None)
    fixed = b"" if route.values else request.prebuilt.fixed
    has_words = route.always is not None and not route.always.words.isdisjoint(route.words)
    return _Ready(request, fixed, route.statuses, route.always, has_words)


REQUESTS = [_ready(route) for route in SPEC.requests]


class _Numbers:
    """Who is who in this load worker, and what the next request of each route has."""

    def __init__(self, environment: Environment) -> None:
        runner: Any = environment.runner
        first = runner.worker_index % SPEC.load_workers
        self.users = itertools.count(1 + first, SPEC.load_workers)
        self.indices = _indices(1, first, SPEC.load_workers)
        """The routes of arrivals, which are nobody's."""
        self._first = 1 + first
        self.rows: dict[int, Iterator[Sequence[bytes]]] = {}
        """By route: what the next requests have, whichever user's they are."""
        self._values: dict[int, Mapping[str, Iterator[str | int]]] = {}
        """The same as they stand in answers, by word."""

    def begin_rows(self, index: int, bound: Prebuilt) -> None:
        """Once for all users, for theirs have the same places."""
        if index not in self.rows:
            route = SPEC.requests[index]
            self.rows[index] = rows(route, bound.places, self._first, SPEC.load_workers)

    def values(self, index: int) -> Mapping[str, str | int]:
        """What a route's next request has, by word; asked for once for each, as `rows` is."""
        if index not in self._values:
            shared = SPEC.requests[index].shared
            self._values[index] = {
                one.word: one.drawn(self._first, SPEC.load_workers) for one in shared
            }
        return {word: next(drawn, "") for word, drawn in self._values[index].items()}


def _indices(user: int, first: int, step: int) -> Iterator[int]:
    """Which routes are asked for, one after another."""
    return CHOICE.indices(user, first, step) if CHOICE else itertools.repeat(0)


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
        self._tell = _request_event(environment)
        numbers = self._numbers = _numbers(environment)
        self._requests = REQUESTS
        # arrivals are nobody's: all connections together choose one after another
        self._indices = _indices(number, 0, 1) if isinstance(MODEL, Closed) else numbers.indices
        self.pauses_s = THINK.pauses_s(SPEC.seed, number)
        self.visitor = Visitor(self._connection, number, SESSION)
        self.close = self._connection.close

    def send(self, at_s: float, intended_s: float | None = None, first: bool = False) -> bool:
        """Whether a whole answer came back, right or wrong. StopUser where values ran out."""
        index = next(self._indices)
        ready = self._requests[index]
        request, right = ready.prepared, ready.right
        route = request.route_request
        number = recorder.start(at_s, intended_s=intended_s, first=first, route=route.route)
        message = ready.fixed or self._message(index, number)
        said = self._said(index, number) if ready.has_words else NOTHING
        began_at_s, size, answered = LoadClock.at_s, 0, True
        try:
            deadline_s = began_at_s + at_s + SPEC.timeout_s
            answer = self._connection.ask(
                message, deadline_s, request.is_head, request.right_status, request.most_kept_bytes
            )
        except NoAnswer as error:
            end_s, result, answered = monotonic() - began_at_s, error.outcome, False
        else:
            end_s, size = monotonic() - began_at_s, answer.body_bytes
            received.body_bytes += size
            if answer.status not in right:
                result = outcome.of_wrong(answer.answer(), right)
            elif ready.always is not None:
                result = outcome.of_looked_at(answer.answer(), ready.always, said)
            else:
                result = OUTCOME_OK
            if SESSION is not None and answer.sets_cookies:
                self.visitor.answered(request, answer)
                self._requests = REQUESTS
        recorder.finish(number, end_s, route.route, result)
        if self._tell is not None:
            self._tell(route, end_s - at_s, size, result)
        if not answered:
            gevent.sleep(0)  # one that is refused at once would let nobody else run
        return answered

    def _message(self, index: int, number: int) -> bytes:
        try:
            bound = self._requests[index].bound or self._bind(index)
            if bound.fixed:
                return bound.fixed
            row = next(self._numbers.rows[index], None)
            if row is None:
                raise SPEC.requests[index].ran_out()
        except RanOut as error:
            _end_the_load(self._environment, f"route {SPEC.requests[index].route}: {error}")
            raise StopUser from error
        return bound.with_row(row, f"{self._name}{number}" if UNIQUE in bound.words else "")

    def _said(self, index: int, number: int) -> Filling:
        """What the words of a request stand for, and those of its answer."""
        values = self._numbers.values(index)
        return self.visitor.said(REQUESTS[index].prepared, f"{self._name}{number}", values)

    def _bind(self, index: int) -> Prebuilt:
        ready = REQUESTS[index]
        bound = self.visitor.bound(ready.prepared)
        if not bound.fixed:
            self._numbers.begin_rows(index, bound)
        self._requests = [*self._requests]
        self._requests[index] = replace(ready, bound=bound, fixed=bound.fixed)
        return bound


def _end_the_load(environment: Environment, says: str) -> None:
    """What was asked for cannot be sent: the load master ends with this line."""
    runner: Any = environment.runner
    runner.send_message("impossible", says)


def _request_event(
    environment: Environment,
) -> Callable[[RouteRequest, float, int, str], None] | None:
    """Tells whoever listens of a request: how long, how large, its outcome; None for nobody."""
    event: Any = environment.events.request

    def fire(route: RouteRequest, took_s: float, size: int, result: str) -> None:
        event.fire(
            request_type=route.method,
            name=route.route,
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
        self._sender: _Sender | None = None
        self._answered = False

    def on_stop(self) -> None:
        if self._sender is not None:
            self._sender.close()

    @task
    def come_and_go(self) -> None:
        if self._sender is None:
            number = waiting.number() if GATHERS else next(_numbers(self.environment).users)
            self._sender = _Sender(self.environment, number)
        sender = self._sender
        if SESSION is not None:
            waiting.wait_until(SPEC.session_due_s(sender.visitor.number))
            _begin(self.environment, sender.visitor)
            sender.close()  # as of a user without a session, a connection is made when one is due
        if GATHERS:
            waiting.wait()
        for from_s, until_s in _turns(sender.visitor.number):
            gevent.sleep(max(0.0, from_s - LoadClock.elapsed_s()))
            Present.users += 1
            try:
                self._ask_until(until_s, sender)
            finally:
                Present.users -= 1
            sender.close()
        raise StopUser

    def _ask_until(self, until_s: float, sender: _Sender) -> None:
        send, think = sender.send, _thinking(sender, until_s)
        until_s = min(until_s, END_S)
        while (at_s := monotonic() - LoadClock.at_s) < until_s and not recorder.frozen:
            self._answered = send(at_s, None, not self._answered) or self._answered
            if think is not None:
                think()


def _turns(number: int) -> Sequence[Turn]:
    """When a user is active; by hand always."""
    return MODEL.users.turns(number) if GATHERS and isinstance(MODEL, Closed) else ALWAYS


def _begin(environment: Environment, visitor: Visitor) -> None:
    """Does a user's session, of which a few are under way at a time; one that fails ends the load.

    By hand it ends this user's task alone.
    """
    with AT_ONCE:
        begun_s = monotonic()
        sessions.begin(waiting.elapsed_s())
        try:
            name = f"session{visitor.number}"
            visitor.begin(name, lambda: monotonic() + SPEC.timeout_s, sessions.sent)
        except (SessionFailed, RanOut) as error:
            if not SPEC.headless:
                raise
            says = f"session {visitor.session}: " if isinstance(error, RanOut) else ""
            _end_the_load(environment, f"{says}{error} (user {visitor.number})")
            raise StopUser from error
        sessions.end(monotonic() - begun_s)


def _thinking(sender: _Sender, until_s: float) -> Callable[[], None] | None:
    """A user's pause, no longer than its turn; None for none."""
    if SPEC.think is None:
        if not THINK_S:
            return None
        if math.isinf(until_s):
            return _constant_pause()
    pauses_s = sender.pauses_s

    def pause() -> None:
        left_s = max(0.0, until_s - LoadClock.elapsed_s())
        gevent.sleep(min(left_s, next(pauses_s)))

    return pause


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
        at_s, made = 0.0, 0
        wait_until = alarms().wait_until
        for intended_s in ARRIVALS.of(index, SPEC.load_workers):
            # all that are due by then begin after one wait
            if intended_s > at_s or made == MADE_AT_ONCE:
                wait_until(LoadClock.at_s + intended_s)
                at_s, made = LoadClock.elapsed_s(), 0
                if is_over(at_s):
                    break
            if self._idle:
                self._hub.loop.run_callback(self._idle.pop(), intended_s)
            elif len(self._carriers) < most:
                made += 1
                self._carriers.spawn(self._carry, intended_s)
            else:
                recorder.drop(intended_s)
        # stays until it is stopped, so that its requests may still be answered meanwhile
        gevent.sleep(FINAL_REPORT_DEADLINE_S + SPEC.timeout_s)

    def _carry(self, intended_s: float) -> None:
        sender, resume = _Sender(self.environment), gevent.getcurrent().switch
        try:
            while (at_s := monotonic() - LoadClock.at_s) < END_S and not recorder.frozen:
                sender.send(at_s, intended_s)
                self._idle.append(resume)
                intended_s = self._hub.switch()
        finally:
            sender.close()
