"""A Locust file that runs another one unchanged, and makes its users do the same each time.

For both sides of `beside_locust`. SAME_FILE is the other file. Each user draws its chances (the
module `random`) from a seed of its own and ends after SAME_TASKS tasks, so that what it sends and
how long it waits is known. Whenever nobody is left, SAME_OUT says how many users there were, and
how long each request took by Locust's own event, in ms and not rounded, by method and name.
"""

from __future__ import annotations

import functools
import json
import os
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from gevent.local import local
from locust import TaskSet, User, events
from locust.exception import StopUser
from locust.util.load_locustfile import load_locustfile

FILE, OUT = Path(os.environ["SAME_FILE"]), Path(os.environ["SAME_OUT"])
TASKS = int(os.environ["SAME_TASKS"])


class _Own(local):  # type: ignore[misc] # gevent ships no types
    """What each greenlet has for itself."""

    def __init__(self) -> None:
        self.chance = random.Random()


own = _Own()
begun: Counter[str] = Counter()
"""Users of each class."""
ended: list[User] = []
tasks_done: Counter[int] = Counter()
"""By user."""
times_ms: defaultdict[str, list[float]] = defaultdict(list)


def _draw_from_own_seed() -> None:
    """All functions of `random` ask these two of its one generator."""
    shared: Any = random._inst
    shared.random = lambda: own.chance.random()
    shared.getrandbits = lambda bits: own.chance.getrandbits(bits)
    random.random, random.getrandbits = shared.random, shared.getrandbits


def _repeatable(run: Callable[[Any], None]) -> Callable[[Any], None]:
    @functools.wraps(run)
    def repeatable(user: User) -> None:
        name = type(user).__name__
        begun[name] += 1
        own.chance = random.Random(f"{name} {begun[name]}")
        try:
            run(user)
        finally:
            ended.append(user)
            if len(ended) == begun.total():
                _write()

    return repeatable


def _bounded(execute: Callable[[Any], None]) -> Callable[[Any], None]:
    @functools.wraps(execute)
    def bounded(tasks: TaskSet) -> None:
        user = id(tasks.user)
        if tasks_done[user] >= TASKS:
            raise StopUser
        tasks_done[user] += 1
        execute(tasks)

    return bounded


def _write() -> None:
    part = OUT.with_suffix(".part")
    part.write_text(json.dumps({"users": len(ended), "times_ms": times_ms}))
    part.replace(OUT)


def _note(request_type: str, name: str, response_time: float, **_: Any) -> None:
    times_ms[f"{request_type} {name}"].append(response_time)


_draw_from_own_seed()
user, task_set, requests = (cast(Any, one) for one in (User, TaskSet, events.request))
user.run = _repeatable(user.run)
task_set.execute_next_task = _bounded(task_set.execute_next_task)
requests.add_listener(_note)
os.chdir(FILE.parent)
sys.path.insert(0, str(FILE.parent))
globals().update(load_locustfile(str(FILE))[0])
