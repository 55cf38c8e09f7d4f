"""The seeded cluster that every trial gets a fresh copy of: made once, cached by content."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from rig.backends import database
from rig.backends.base import Hosts, ProcessHandle, afterwards, last_error, tail
from rig.backends.database import APP_USER, DATABASE, Login
from rig.backends.processes import until
from rig.backends.specs import Secrets, command_spec, template_spec
from rig.disk.files import sha256
from rig.model import Role, StackError, digest
from rig.plan import Plan, Target

START_DEADLINE_S = 60.0
MOST_CONTENT = 100_000
"""Files whose contents are hashed for a key, below one folder."""

# seen with 200,000 posts: 42 MB; copies: the cache's, the session's, the trial's
POST_BYTES, EMPTY_BYTES, COPIES = 250, 200 << 20, 3


def key(plan: Plan, postgres_version: str, python: str = "") -> str:
    """Hex digest of all that decides the cluster's contents; `python`: of a target's own."""
    target = plan.target
    files = [[str(path.relative_to(root)), sha256(path)] for root, path in _content(target)]
    # two settings of one project make tables of their own, unless they say that they share them
    whose = target.template or [target.name, sorted(target.env.items())]
    commands = [target.migrate, target.seed]
    own = [target.django.settings] if target.django else []
    own += [python] * bool(python)
    if target.env_file:
        own.append(sha256(Path(target.code_folder) / target.env_file))
    return digest([postgres_version, plan.data.posts, commands, files, whose, *own])


def _content(target: Target) -> Iterator[tuple[Path, Path]]:
    for entry in target.content or (target.code_folder,):
        root = (Path(target.folder) / entry).resolve()
        if not root.is_dir():
            yield root.parent, root
        found = list(itertools.islice(root.rglob("*"), MOST_CONTENT + 1))
        if len(found) > MOST_CONTENT:
            what = f"{root} has more than {MOST_CONTENT} files"
            raise StackError(what, "name what decides the posts in the target's `content`")
        for path in sorted(found):
            if path.is_file() and "__pycache__" not in path.parts:
                yield root, path


class TargetError(StackError):
    """The target's own migrate or seed failed: so it would for every plan that needs the same."""


class Templates:
    """The seeded clusters of one session, by key: each is made once, and fails once."""

    def __init__(self) -> None:
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


def provide(clusters: ClusterCache, name: str, plan: Plan, hosts: Hosts, passwords: Secrets) -> str:
    """The template with this session's passwords, kept or made, as the database role sees it.

    TargetError where the target's migrate or seed fails; StackError.
    """
    kept = clusters.get(name)
    wanted_bytes = COPIES * (EMPTY_BYTES + plan.data.posts * POST_BYTES)
    path = kept or clusters.allocate(name, wanted_bytes)
    process = hosts.start(Role.DATABASE, template_spec(hosts, passwords, path, bool(kept)))
    with afterwards(lambda: _end(process)):
        address, port = hosts.reach(Role.DATABASE, database.PORT)
        login = Login(address, port, passwords.superuser_password_file)
        _await_ready(process, login)
        if not kept:
            _fill(plan, hosts, passwords, login)
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
    target = plan.target
    limits = target.limits
    for what, command, deadline_s in (
        ("migrate", target.migrate, limits.migrate_s),
        ("seed", target.seed, limits.seed_s),
    ):
        if not command:
            continue
        process = hosts.start(Role.APP, command_spec(plan, hosts, passwords, command))
        code = process.wait(deadline_s)
        process.kill()
        if code != 0:
            late = f"did not end within {deadline_s:g} s (`limits` in target.yaml)"
            how = late if code is None else f"failed ({code})"
            raise TargetError(f"target {target.name}'s {what} {how}: {last_error(process)}")
    owner = dataclasses.replace(login, database=DATABASE)
    owner.tell("VACUUM (FREEZE, ANALYZE)", "CHECKPOINT")
