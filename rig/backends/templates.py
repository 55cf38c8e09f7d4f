"""The seeded cluster that every trial gets a fresh copy of: made once, cached by content."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from rig.backends import database
from rig.backends.base import Hosts, tail
from rig.backends.database import APP_USER, DATABASE, Login
from rig.backends.processes import Process, run, until
from rig.backends.specs import Secrets, command_spec, template_spec
from rig.model import Link, Role, StackError
from rig.plan import Plan, digest

START_DEADLINE_S = 60.0
SEED_DEADLINE_S = 900.0
_COMPLETE = "complete"

# seen with 200,000 posts: 42 MB; copies: the cache's, the session's, the trial's
POST_BYTES, EMPTY_BYTES, COPIES = 250, 200 << 20, 3


def key(plan: Plan, postgres_version: str) -> str:
    """Hex digest of all that decides the cluster's contents."""
    target = plan.bound_target()
    files = [
        [str(path.relative_to(root)), hashlib.sha256(path.read_bytes()).hexdigest()]
        for root, path in _content(target.folder, target.content)
    ]
    database_words = [word for word in target.env.values() if "{" not in word]
    # a target without content of its own is known by its name and whole folder
    whose = [] if target.content else [target.name]
    env = [] if target.content else database_words
    commands = [target.migrate, target.seed]
    return digest([postgres_version, plan.data.posts, commands, files, whose, env])


def _content(folder: str, listed: tuple[str, ...]) -> Iterator[tuple[Path, Path]]:
    for entry in listed or (".",):
        root = (Path(folder) / entry).resolve()
        if not root.is_dir():
            yield root.parent, root
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield root, path


def cache_folder() -> Path:
    """Where templates are kept between sessions."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "async-django-rig"


def provide(path: Path, name: str, plan: Plan, hosts: Hosts, secrets: Secrets, uid: int) -> None:
    """Puts the template at `path`, with this session's passwords: from the cache, or made.

    StackError where the target's migrate or seed fails.
    """
    _room(path.parent, plan.data.posts)
    kept = cache_folder() / name
    exists = (kept / _COMPLETE).exists()
    if exists:
        _copy(kept / "cluster", path, uid)
    else:
        path.mkdir(mode=0o700)
        _own(path, uid)
    process = hosts.start(Role.DATABASE, template_spec(hosts, secrets, path, exists))
    try:
        login = Login(hosts.address(Role.DATABASE, Link.DATA), secrets.superuser_password_file)
        _await_ready(process, login)
        if not exists:
            _fill(plan, hosts, secrets, login)
    finally:
        process.signal(database.FAST_SHUTDOWN)
        ended = process.wait(60)
        process.kill()
    if ended != 0:
        raise StackError(f"Postgres did not end in order after seeding: {tail(process)}")
    if not exists:
        _keep(path, kept)


def _room(folder: Path, posts: int) -> None:
    wanted_bytes = COPIES * (EMPTY_BYTES + posts * POST_BYTES)
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < wanted_bytes:
        raise StackError(
            f"{folder} has {free_bytes >> 20} MiB free, and {posts} posts need about "
            f"{wanted_bytes >> 20} MiB",
            "make room there, or ask for fewer posts",
        )


def _await_ready(process: Process, login: Login) -> None:
    for _ in until(START_DEADLINE_S):
        if process.code() is not None:
            break
        if database.ready(login):
            return
    raise StackError(f"Postgres did not start for seeding: {tail(process)}")


def _fill(plan: Plan, hosts: Hosts, secrets: Secrets, login: Login) -> None:
    verifier = login.verifier(APP_USER, secrets.app_password_file.read_text().strip())
    login.tell(
        f"CREATE ROLE {APP_USER} LOGIN PASSWORD '{verifier}'",
        f"CREATE DATABASE {DATABASE} OWNER {APP_USER}",
    )
    target = plan.bound_target()
    for what, command in (("migrate", target.migrate), ("seed", target.seed)):
        if not command:
            continue
        process = hosts.start(Role.APP, command_spec(plan, hosts, secrets, command))
        code = process.wait(SEED_DEADLINE_S)
        process.kill()
        if code != 0:
            raise StackError(f"target {target.name}'s {what} failed ({code}): {tail(process)}")
    owner = Login(login.address, login.password_file, database=DATABASE)
    owner.tell("VACUUM (FREEZE, ANALYZE)", "CHECKPOINT")


def _keep(path: Path, kept: Path) -> None:
    scratch = kept.with_name(f"{kept.name}.{os.getpid()}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, mode=0o700)
    run(["cp", "-r", "--reflink=auto", str(path), str(scratch / "cluster")], 600)
    (scratch / _COMPLETE).touch()
    shutil.rmtree(kept, ignore_errors=True)
    scratch.rename(kept)


def _copy(source: Path, path: Path, uid: int) -> None:
    run(["cp", "-r", "--reflink=auto", str(source), str(path)], 600)
    path.chmod(0o700)
    _own(path, uid)


def _own(path: Path, uid: int) -> None:
    if uid != os.geteuid():
        run(["chown", "-R", str(uid), str(path)], 120)
