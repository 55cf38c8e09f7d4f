"""Follows a load from its release until its master has written what it came to.

May not know what is asked of the database meanwhile, nor what the load is made of.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from rig.backends import said
from rig.backends.base import Hosts, LoadProgress, OnProgress
from rig.backends.processes import until
from rig.backends.roles import Roles, Started
from rig.load.spec import gathering_deadline_s
from rig.model import LoadError, Role
from rig.plan import Plan

LOOKS_EVERY_S = 0.2
SLACK_S = 60.0


def follow_load(
    plan: Plan,
    hosts: Hosts,
    roles: Roles,
    on_progress: OnProgress,
    gathered: Callable[[], None],
) -> None:
    """Releases the load master and follows it to the load's end. LoadError where it breaks.

    Where users have sessions the load master is released once more when all are past theirs,
    after `gathered`: from then on the database's counts are the load's alone.
    """

    def follow(name: str, deadline_s: float) -> None:
        _until_written(
            lambda: hosts.out(Role.LOAD_MASTER),
            *(name, deadline_s + SLACK_S, on_progress),
            lambda: _why_ended(plan, roles),
        )

    load = plan.load
    master = roles.of(Role.LOAD_MASTER)[0].process
    master.signal(signal.SIGUSR1)
    if plan.session:
        follow("gathered.json", gathering_deadline_s(load.model, with_sessions=True))
        gathered()
        master.signal(signal.SIGUSR1)
    follow("load.json", load.duration_s)


def _until_written(
    out: Callable[[], Path],
    name: str,
    deadline_s: float,
    on_progress: OnProgress,
    why_ended: Callable[[], str],
) -> None:
    """Until the file is there, telling what the load says of itself. LoadError where it is not.

    `out` gives the master's folder as it then stands; `why_ended` says why the file will not come,
    and nothing while it may.
    """
    reported: list[LoadProgress] = []
    for _ in until(deadline_s, every_s=LOOKS_EVERY_S):
        folder = out()
        written = os.path.lexists(folder / name)
        # what is told last is there before that file, and may not have been copied before it
        progress = said.progress(out() if written else folder)
        for one in _new(progress, reported):
            on_progress(one)
        reported = progress
        if written:
            return
        if why := why_ended():
            raise LoadError(why)
    raise LoadError(f"the load did not end in time: no {name} within {deadline_s:g} s")


def _new(
    progress: Sequence[LoadProgress], reported: Sequence[LoadProgress]
) -> Sequence[LoadProgress]:
    """What was told since; of what nobody followed, the last."""
    if not reported:
        return progress[-1:]
    return [one for one in progress if one not in reported]


def _why_ended(plan: Plan, roles: Roles) -> str:
    """Why a load does not go on; empty while it does."""
    for one in _needed(plan, roles):
        if one.process.code() is not None:
            return f"the {str(one.role).replace('_', ' ')} ended early: {roles.why(one)}"
    return ""


def _needed(plan: Plan, roles: Roles) -> list[Started]:
    """Without whom a load does not go on. A load worker that is lost is one check's matter, but
    for one that somebody's own file ended: it would do so again."""
    workers = roles.of(Role.LOAD_WORKER) if plan.locustfile else []
    return [*roles.of(Role.LOAD_MASTER), *workers]
