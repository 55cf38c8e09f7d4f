"""The users of somebody's own Locust file, in this load process.

The load master knows their classes; in a load worker what they send and do is watched as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from locust import User
from locust.env import Environment

from rig.load.counting.completions import Completions
from rig.load.process import SPEC, LoadClock, is_over, leave, recorder, say_cause
from rig.load.users.named_requests import NamedRequests
from rig.load.users.task_watch import TaskWatch
from rig.load.users.users_loading import BadUsersFile, loaded
from rig.load.users_file import UsersFile


class OwnUsers:
    """One file's. Ends this process with what is wrong with it, where it cannot be imported."""

    def __init__(self, file: UsersFile) -> None:
        self._file = file
        self._tasks: TaskWatch | None = None
        self._errors: Counter[str] = Counter()
        try:
            self._loaded = loaded(file)
        except BadUsersFile as error:
            leave(str(error))

    def classes(self) -> Mapping[str, type[User]]:
        """Under names that no module has for anything else."""
        return {f"users:{one.__name__}": one for one in self._loaded.user_classes}

    def watch(self, environment: Environment) -> None:
        """Records what they send, and sees to it that they let each other run."""
        runner: Any = environment.runner

        def give_up(says: str) -> None:
            say_cause(says)
            runner.send_message("impossible", says)

        requests = NamedRequests(recorder, LoadClock.elapsed_s, is_over)
        requests.listen(environment)
        self._tasks = TaskWatch(self._file, requests, give_up, leave)
        self._tasks.listen(environment)

    def begin(self) -> None:
        """The load has begun."""
        if self._tasks is not None:
            self._tasks.hold_against_time()

    def end(self) -> None:
        """Nobody counts any more."""
        if self._tasks is not None:
            self._tasks.end()

    @property
    def errors(self) -> dict[str, int]:
        """What their tasks raised in this load worker, and how often."""
        return self._tasks.errors if self._tasks else {}

    def add_errors(self, errors: Mapping[str, int]) -> None:
        """What they raised in another one."""
        self._errors.update(errors)

    def to_json(self, completions: Completions) -> dict[str, Any]:
        """What `load.json` says of them."""
        return {
            "user_classes": [one.__name__ for one in self._loaded.user_classes],
            "notes": list(self._loaded.notes),
            "requests": completions.by_name(),
            "task_errors": dict(self._errors.most_common()),
        }


own_users = OwnUsers(SPEC.users_file) if SPEC.users_file else None
"""In the place of the rig's."""
