"""Wakes greenlets at instants, as exactly as the kernel's own clock. For load workers.

gevent's timers end with whole milliseconds, up to one too late, and all that are due by then at
once: what they send comes as a burst, and so do its answers. One alarm of the kernel's (timerfd)
is for all greenlets of a process. May not know what they wait for.
"""

from __future__ import annotations

import ctypes
import functools
import heapq
import itertools
import math
import os
import time
from collections.abc import Callable
from types import MethodType
from typing import Any

import gevent
from gevent.hub import RawGreenlet

READ = 1
ABSOLUTE = 1
"""`TFD_TIMER_ABSTIME`."""
NS = 1_000_000_000
NEVER_S, AT_ONCE_S = math.inf, -math.inf
APART_S = 2.5e-4
"""From one ring to the next, at least: each costs a third of a request."""

_LIBC: Any = ctypes.PyDLL(None, use_errno=True)  # nothing waits in it, so that it keeps the GIL


def _nobody() -> None:
    """Who is woken where somebody has given up waiting."""


class Alarms:
    """Who is to be woken, and when: times are on CLOCK_MONOTONIC."""

    def __init__(self) -> None:
        self._hub: Any = gevent.get_hub()
        # gevent's own asks whoever waits what it has to say to that; here nobody has anything
        self._pause: Callable[[], object] = MethodType(RawGreenlet.switch, self._hub)
        self._waiting: list[list[Any]] = []
        """A heap: when somebody is due, in which order they asked, and what wakes them."""
        self._numbers = itertools.count()
        self._set_to_s, self._rung_s = NEVER_S, 0.0
        self._descriptor: int = _LIBC.timerfd_create(
            time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC
        )
        if self._descriptor < 0:
            raise _failed("timerfd_create")
        # the kernel's itimerspec: seconds and nanoseconds of the interval, and of the instant
        self._times = (ctypes.c_long * 4)()
        self._settime = functools.partial(
            _LIBC.timerfd_settime, self._descriptor, ABSOLUTE, ctypes.byref(self._times), None
        )
        self._watcher: Any = self._hub.loop.io(self._descriptor, READ)
        self._watcher.start(self._ring)
        self._overdue: Any = self._hub.loop.timer(0.0)

    def wait_until(self, due_s: float) -> None:
        """Everybody else runs meanwhile; where it is past, those who have something to do."""
        entry = [due_s, next(self._numbers), gevent.getcurrent().switch]
        heapq.heappush(self._waiting, entry)
        if due_s < self._set_to_s:
            self._set(due_s)
        try:
            self._pause()
        except BaseException:  # somebody ends whoever waits here
            entry[2] = _nobody
            raise

    def wait(self, wait_s: float) -> None:
        """The same, so long from now."""
        self.wait_until(time.monotonic() + wait_s)

    def close(self) -> None:
        """Nobody is woken any more."""
        for watcher in (self._watcher, self._overdue):
            watcher.stop()
            watcher.close()
        os.close(self._descriptor)

    def _ring(self) -> None:
        waiting, due = self._waiting, []
        now_s = self._rung_s = time.monotonic()
        while waiting and waiting[0][0] <= now_s:
            due.append(heapq.heappop(waiting))
        # who waits again meanwhile has its turn after whoever has an answer
        self._set_to_s = AT_ONCE_S
        try:
            for entry in due:
                entry[2]()
        finally:
            self._set(waiting[0][0] if waiting else NEVER_S)

    def _set(self, due_s: float) -> None:
        """To the instant that is due first; that takes a ring back which nobody has heard yet."""
        self._set_to_s = due_s
        at_s = max(due_s, self._rung_s + APART_S)
        if at_s <= time.monotonic():
            self._overdue.start(self._ring)  # which costs no interrupt
            return
        at_ns = 0 if at_s == NEVER_S else math.ceil(at_s * NS)  # 0 is never
        self._times[2], self._times[3] = divmod(at_ns, NS)
        if self._settime():
            raise _failed("timerfd_settime")


def _failed(call: str) -> OSError:
    code = ctypes.get_errno()
    return OSError(code, f"{call}: {os.strerror(code)}")


@functools.cache
def alarms() -> Alarms:
    """Those of this process."""
    return Alarms()
