"""Watches the tasks of somebody's own Locust file: what they raise, and if they let others run.

An exception that no task catches is counted by its place, and said once. A task that ends the
program, returns at once again and again, or holds up its load worker ends the load: nothing that is
measured beside it counts. May not know what tasks send, only whether they did.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

import gevent
from gevent.monkey import get_original
from locust import TaskSet, User
from locust.env import Environment
from locust.exception import StopUser

from rig.load.users.named_requests import NamedRequests
from rig.load.users.users_loading import called, place_of, said_by
from rig.load.users_file import UsersFile

MOST_KINDS, OTHERS = 20, "(others)"
"""Places that exceptions are told apart by."""
AT_ONCE_S = 0.001
MOST_IDLE, IDLE_WITHIN_S = 100, 5.0
"""So many tasks in a row that return at once and send nothing, of one user in so many seconds: a
user who waits at all between its tasks has fewer."""
BLOCKED_S, LOOK_S = 3.0, 0.5
"""Nobody of a load worker can send while one task holds it up; soon after Locust gives it up."""


class TaskWatch:
    """One load worker's tasks."""

    def __init__(
        self,
        file: UsersFile,
        requests: NamedRequests,
        give_up: Callable[[str], None],
        leave: Callable[[str], None],
    ) -> None:
        """`give_up` is told why the load has to end, `leave` why this process has to, at once."""
        self._file, self._requests, self._give_up = file, requests, give_up
        self._leave = leave
        self.errors: dict[str, int] = {}
        """By place and what was raised first there: how often."""
        self._by_place: dict[str, str] = {}
        self._ran_at_s = 0.0

    def listen(self, environment: Environment) -> None:
        """From now on every task of this process is watched."""
        event: Any = environment.events.user_error
        event.add_listener(self._raised)
        for name in ("locust.user.task", "locust.user.users"):
            logging.getLogger(name).addFilter(_Once())
        every_task_set: Any = TaskSet
        run_next = every_task_set.execute_next_task

        def watched(tasks: TaskSet) -> None:
            self._run(run_next, tasks)

        every_task_set.execute_next_task = watched

    def _raised(self, user_instance: Any, exception: BaseException, **_: Any) -> None:
        user = getattr(user_instance, "user", user_instance)
        self._requests.break_off(user)
        place = f"{type(user).__name__}, {place_of(self._file, exception)}"
        if place not in self._by_place:
            known = len(self._by_place) < MOST_KINDS
            self._by_place[place] = f"{place}: {said_by(exception)}" if known else OTHERS
        says = self._by_place[place]
        self.errors[says] = self.errors.get(says, 0) + 1

    def _run(self, run_next: Callable[[TaskSet], None], tasks: TaskSet) -> None:
        queue: Any = tasks._task_queue
        task, begun, began_s = queue[0], self._requests.begun, time.monotonic()
        try:
            run_next(tasks)
        except SystemExit as error:
            self._give_up(f"{self._of(tasks, task)} ends the program: sys.exit({error.code!r})")
            raise StopUser from error
        ended_s = time.monotonic()
        idle = self._requests.begun == begun and ended_s - began_s < AT_ONCE_S
        self._count_idle(tasks, task, ended_s if idle else None)

    def _count_idle(self, tasks: TaskSet, task: Any, at_s: float | None) -> None:
        """Counts a task that did nothing, at an instant; None: it did something."""
        user: Any = tasks.user
        count, since_s = getattr(user, "rig_idle", (0, 0.0))
        if at_s is None or at_s - since_s > IDLE_WITHIN_S:
            count, since_s = 0, at_s or 0.0
        user.rig_idle = (count + (at_s is not None), since_s)
        if user.rig_idle[0] > MOST_IDLE:
            why = "returns at once, sends nothing, and its user does not wait: give it a wait_time"
            self._give_up(f"{self._of(tasks, task)} {why}")
            raise StopUser

    def _of(self, tasks: TaskSet, task: Any) -> str:
        """A task, by its user's class, its own name and its place."""
        name = getattr(task, "__name__", str(task))
        code = getattr(getattr(task, "__func__", task), "__code__", None)
        where = called(self._file, code.co_filename) if code else ""
        place = f"{where}:{code.co_firstlineno}" if code and where else self._file.name
        user: User = tasks.user
        return f"{place}: task {name} of {type(user).__name__}"

    def hold_against_time(self) -> None:
        """Ends this process where a task holds it up for BLOCKED_S: no greenlet could say so."""
        self._ran_at_s = time.monotonic()
        gevent.spawn(self._keep_running)
        start = get_original("_thread", "start_new_thread")
        start(self._watch_from_outside, (_main_thread(), get_original("time", "sleep")))

    def _keep_running(self) -> None:
        while True:
            self._ran_at_s = time.monotonic()
            gevent.sleep(0.5)

    def _watch_from_outside(self, main: int, sleep: Callable[[float], None]) -> None:
        """In a thread of its own."""
        while self._ran_at_s:
            sleep(LOOK_S)
            if not self._ran_at_s or time.monotonic() - self._ran_at_s < BLOCKED_S:
                continue
            # where none of it runs, the machine is to blame
            if where := self._in_file(sys._current_frames().get(main)):
                held = f"has let nobody else run for {BLOCKED_S:g} s: it holds up its users"
                self._leave(f"{where} {held}")

    def _in_file(self, frame: FrameType | None) -> str:
        """The innermost place of the file that runs; empty where none does."""
        for one, line in traceback.walk_stack(frame) if frame else ():
            if name := called(self._file, one.f_code.co_filename):
                return f"{name}:{line}: {one.f_code.co_name}"
        return ""

    def end(self) -> None:
        """The load is over: nobody is watched any more."""
        self._ran_at_s = 0.0


class _Once(logging.Filter):
    """Lets each of Locust's tracebacks through once."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR or not record.args:
            return True
        trace = str(record.args[-1] if isinstance(record.args, tuple) else record.args)
        # the last line of a traceback may name another value each time
        key = trace.rstrip().rpartition("\n")[0] or trace
        if key in self._seen or len(self._seen) >= MOST_KINDS:
            return False
        self._seen.add(key)
        return True


def _main_thread() -> int:
    """This thread, which all greenlets share."""
    return int(get_original("_thread", "get_ident")())
