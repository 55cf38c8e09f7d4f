"""All users are there, and past their sessions, before the load begins.

So its ramp is its plan's whatever a login costs, and no login stands in a measured second. The load
master deals the users' numbers out, from when on sessions have a ramp of their own; each load
worker says how many of its users are there. May not know what users do.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
from gevent.event import Event

from rig.load.alarms import alarms

SHARES, THERE = "shares", "there"
"""Messages: to the load workers, and from them."""
TOLD_EVERY_S, LOOKS_EVERY_S = 0.1, 0.02
STALLED_S = 120.0
"""So long may pass until one more user is there, once it is due."""


class Waiting:
    """One load worker's users, until the load begins."""

    def __init__(self) -> None:
        self._numbered, self._begun = Event(), Event()
        self._numbers: Iterator[int] = iter(())
        self._there, self._dealt_s = 0, 0.0

    def number(self) -> int:
        """The next user's, from 1 on, once the load master has dealt them out."""
        self._numbered.wait()
        return next(self._numbers)

    def wait_until(self, due_s: float) -> None:
        """A user waits until that much time has passed since the numbers were dealt out."""
        alarms().wait_until(self._dealt_s + due_s)

    def elapsed_s(self) -> float:
        """Seconds since the numbers were dealt out."""
        return time.monotonic() - self._dealt_s

    def wait(self) -> None:
        """A user is there, and waits for the load to begin."""
        self._there += 1
        self._begun.wait()

    def begin(self) -> None:
        """The load has begun."""
        self._begun.set()

    def dealt(self, environment: Any, msg: Any) -> None:
        """The load master knows how many users each load worker has."""
        runner = environment.runner
        first, users = msg.data["shares"][runner.client_id]
        self._dealt_s = time.monotonic()
        self._numbers = itertools.islice(itertools.count(first, msg.data["step"]), users)
        self._numbered.set()
        gevent.spawn(self._tell, runner, users)

    def _tell(self, runner: Any, users: int) -> None:
        told = None
        while told != users:
            if told != self._there:
                told = self._there
                runner.send_message(THERE, {"users": told})
            gevent.sleep(TOLD_EVERY_S)


class TooFew(Exception):
    """Not all users were there in time; its text says how many."""


class Gathering:
    """The load master's part.

    `due_s`: when a user of a number is to begin, in seconds since the numbers were dealt out.
    """

    def __init__(self, due_s: Callable[[int], float]) -> None:
        self._there: dict[str, int] = {}
        self._due_s = due_s

    @property
    def there(self) -> int:
        """Users so far."""
        return sum(self._there.values())

    def on_there(self, environment: Any, msg: Any) -> None:
        """A load worker says how many of its users are there."""
        self._there[msg.node_id] = msg.data["users"]

    def wait(self, runner: Any, users: int, deadline_s: float) -> None:
        """Until all users are there. TooFew, as soon as that cannot be any more."""
        give_up_s, workers = time.monotonic() + deadline_s, len(runner.clients)
        self._until(lambda: runner.user_count == users, runner, users, give_up_s, workers)
        # who has one user more is first, so that the numbers are those from 1 to all of them
        order = sorted(
            runner.clients.values(),
            key=lambda one: (-one.user_count, runner.get_worker_index(one.id)),
        )
        shares = {one.id: (first, one.user_count) for first, one in enumerate(order, 1)}
        runner.send_message(SHARES, {"shares": shares, "step": len(order)})
        self._until(lambda: self.there == users, runner, users, give_up_s, workers)

    def _until(self, done: Any, runner: Any, users: int, give_up_s: float, workers: int) -> None:
        there, begun_s = self.there, time.monotonic()
        came_s = begun_s
        while not done():
            if runner.worker_count < workers:
                raise TooFew("a load worker was lost before the load began")
            if self.there > there:
                there, came_s = self.there, time.monotonic()
            awaited_s = max(came_s, begun_s + self._due_s(there + 1))
            if time.monotonic() > min(give_up_s, awaited_s + STALLED_S):
                raise TooFew(f"{self.there} of {users} users were past their sessions in time")
            gevent.sleep(LOOKS_EVERY_S)
