"""The seeded cluster that every trial gets a fresh copy of: made once, cached by content."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from rig.backends import database, services
from rig.backends.base import Hosts, ProcessHandle, afterwards, last_error, tail
from rig.backends.content import ContentHashes
from rig.backends.database import APP_USER, DATABASE, Login
from rig.backends.processes import until
from rig.backends.specs import Secrets, command_spec, template_spec
from rig.disk.files import sha256
from rig.model import Role, StackError, digest
from rig.plan import Plan

START_DEADLINE_S = 60.0

# seen with 200,000 posts: 42 MB; copies: the cache's, the session's, the trial's
POST_BYTES, EMPTY_BYTES, COPIES = 250, 200 << 20, 3


def key(
    plan: Plan, postgres_build: str, python: str = "", content: ContentHashes | None = None
) -> str:
    """Hex digest of all that decides the cluster's contents; `python`: of a target's own."""
    target = plan.target
    files = (content or ContentHashes()).of(target)
    # two settings of one project make tables of their own, unless they say that they share them
    whose = target.template or [target.name, sorted(target.env.items())]
    commands = [target.migrate, target.seed]
    own = [target.django.settings] if target.django else []
    own += [python] * bool(python)
    if target.env_file:
        own.append(sha256(Path(target.code_folder) / target.env_file))
    return digest([postgres_build, plan.data.posts, commands, files, whose, *own])


def whose(key: str, plan: Plan) -> str:
    """Under which a session remembers that a cluster is there.

    Each target's own commands run before its start, whoever made the cluster that they share.
    """
    return f"{key}{plan.target.name * bool(plan.target.before_start)}"


class TargetError(StackError):
    """One of the target's own commands failed: so it would for every plan that needs the same."""


class Templates:
    """The seeded clusters of one session, by key: each is made once, and fails once."""

    def __init__(self) -> None:
        self.content = ContentHashes()
        self._found: dict[str, str | StackError] = {}

    def of(self, name: str, make: Callable[[], str]) -> str:
        """What `make` gave, or StackError as it raised it: seeding takes minutes to fail, too."""
        if name not in self._found:
            try:
                self._found[name] = make()
            except StackError as error:
                self._found[name] = error
        found = self._found[name]
        if isinstance(found, StackError):
            raise type(found)(found.what, found.do) from found
        return found


class ClusterCache(Protocol):
    """Where a backend keeps seeded clusters between sessions."""

    def get(self, key: str) -> str:
        """A kept cluster, ready to be started, as the database role sees it; "" without one."""
        ...

    def allocate(self, key: str, wanted_bytes: int) -> str:
        """An empty place for a new one, whatever an earlier try has left there.

        StackError where there is no room.
        """
        ...

    def commit(self, key: str) -> None:
        """Keeps what now stands in that place."""
        ...

    def discard(self, key: str) -> None:
        """Empties that place of what was never finished. StackError."""
        ...


def provide(clusters: ClusterCache, name: str, plan: Plan, hosts: Hosts, passwords: Secrets) -> str:
    """The template with this session's passwords, kept or made, as the database role sees it.

    TargetError where one of the target's commands fails; StackError. Neither leaves half a one.
    """
    kept = clusters.get(name)
    try:
        return _seeded(clusters, name, plan, hosts, passwords, kept)
    except StackError:
        if not kept:
            with contextlib.suppress(StackError):
                clusters.discard(name)
        raise


def _seeded(
    clusters: ClusterCache, name: str, plan: Plan, hosts: Hosts, passwords: Secrets, kept: str
) -> str:
    wanted_bytes = COPIES * (EMPTY_BYTES + plan.data.posts * POST_BYTES)
    path = kept or clusters.allocate(name, wanted_bytes)
    process = hosts.start(Role.DATABASE, template_spec(hosts, passwords, path, bool(kept)))
    with afterwards(lambda: _end(process)):
        address, port = hosts.reach(Role.DATABASE, database.PORT)
        login = Login(address, port, passwords.superuser_password_file)
        _await_ready(process, login)
        needed = not kept or plan.target.before_start
        with services.while_up(plan, hosts, passwords) if needed else contextlib.nullcontext():
            if not kept:
                _fill(plan, hosts, passwords, login)
            _prepare(plan, hosts, passwords)
    if not kept:
        clusters.commit(name)
    return path


def _end(process: ProcessHandle) -> None:
    process.signal(database.FAST_SHUTDOWN)
    ended = process.wait(60)
    process.kill()
    if ended != 0:
        raise StackError(f"Postgres did not end in order after seeding: {tail(process)}")


def _await_ready(process: ProcessHandle, login: Login) -> None:
    for _ in until(START_DEADLINE_S):
        if process.code() is not None:
            break
        if database.ready(login):
            return
    raise StackError(f"Postgres did not start for seeding: {tail(process)}")


def _fill(plan: Plan, hosts: Hosts, passwords: Secrets, login: Login) -> None:
    verifier = login.verifier(APP_USER, passwords.app_password_file.read_text().strip())
    login.tell(
        f"CREATE ROLE {APP_USER} LOGIN PASSWORD '{verifier}'",
        f"CREATE DATABASE {DATABASE} OWNER {APP_USER}",
    )
    limits = plan.target.limits
    for what, command, deadline_s in (
        ("migrate", plan.target.migrate, limits.migrate_s),
        ("seed", plan.target.seed, limits.seed_s),
    ):
        if command:
            _run(what, command, deadline_s, plan, hosts, passwords)
    owner = dataclasses.replace(login, database=DATABASE)
    owner.tell("VACUUM (FREEZE, ANALYZE)")
    # nobody makes a database any more, and each has 300 files that every trial would copy
    for spare in ("template1", "template0"):
        login.tell(f"ALTER DATABASE {spare} IS_TEMPLATE false", f"DROP DATABASE {spare}")
    login.tell("CHECKPOINT")


def _prepare(plan: Plan, hosts: Hosts, passwords: Secrets) -> None:
    """Runs what the target wants done once before its web server first starts."""
    ends_s = time.monotonic() + plan.target.limits.before_start_s
    for command in plan.target.before_start:
        left_s = max(0.0, ends_s - time.monotonic())
        _run("before_start", command, left_s, plan, hosts, passwords)


def _run(
    what: str,
    command: Sequence[str],
    deadline_s: float,
    plan: Plan,
    hosts: Hosts,
    passwords: Secrets,
) -> None:
    process = hosts.start(Role.APP, command_spec(plan, hosts, passwords, command))
    code = process.wait(deadline_s)
    process.kill()
    if code != 0:
        late = f"did not end within {deadline_s:.3g} s (`limits` in target.yaml)"
        how = late if code is None else f"failed ({code})"
        raise TargetError(f"target {plan.target.name}'s {what} {how}: {last_error(process)}")
