"""The local backend: fresh namespaces for every trial, one scratch folder for a session."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rig.backends import cache_bound, templates
from rig.backends import environment as environments
from rig.backends.base import Stack, afterwards
from rig.backends.content import Copies
from rig.backends.environment import Environment, locust_packages
from rig.backends.local import network, sandbox
from rig.backends.local.cluster_cache import LocalClusterCache
from rig.backends.local.hosts import LocalHosts
from rig.backends.machine import binaries, role_mounts
from rig.backends.machine.user import roles_user
from rig.backends.processes import remove, remove_own
from rig.backends.specs import PROJECT, Secrets, make_secrets
from rig.backends.stack import RealStack
from rig.backends.users_files import folder_of
from rig.factors.services import SERVICES
from rig.model import StackError
from rig.plan import Plan, Target

SCRATCH_ROOT = Path("/var/tmp")
_CONGESTION = Path("/proc/sys/net/ipv4/tcp_congestion_control")
SCRATCH_PREFIX = "async-django-rig-"


class LocalBackend:
    """Namespaces of this machine. Only usable inside its sandbox (see `sandbox`)."""

    name = "local"

    def __init__(self, say: Callable[[str], None]) -> None:
        """Makes the session's scratch folder, passwords and view. StackError.

        `say` gets a line on each thing that is no error, but costs time.
        """
        self._say = say
        if not sandbox.inside():
            raise StackError(
                "the local backend runs inside its sandbox only", "start it by runner.py"
            )
        cache_bound.most_bytes()  # a bound that is none is said now
        sandbox.settle()
        self._cpu_count = len(os.sched_getaffinity(0))
        self._user = roles_user()
        self._layout = binaries.find()
        self._scratch = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX, dir=SCRATCH_ROOT))
        self._scratch.chmod(0o711)
        self._secrets = self._make_secrets()
        self._clusters = self._scratch / "clusters"
        self._clusters.mkdir(mode=0o700)
        self._user.owns(self._clusters)
        # open mount namespaces, by what the target needs of the file system
        self._views: dict[tuple[str, ...], int] = {}
        self._copies = Copies(self._scratch, lambda made: self._user.owns(*made.rglob("*"), made))
        self._templates = templates.Templates()
        self._trials = 0

    def _make_secrets(self) -> Secrets:
        folder = self._scratch / "secrets"
        made = make_secrets(folder)
        self._user.may_read(folder, made.superuser_password_file, made.app_password_file)
        # the runner never reads it, and libpq takes one that is its reader's alone
        self._user.owns(made.pgpass_file)
        return made

    def unsupported_reason(self, plan: Plan) -> str:
        """PgBouncer and a known service may be missing; the rest the doctor has seen to."""
        if plan.pooler == "pgbouncer" and not self._layout.pgbouncer:
            return "PgBouncer is not here: make setup, or sudo apt install pgbouncer"
        for service in plan.target.services:
            program = service.start[0]
            if service.name in SERVICES and not binaries.which(program):
                return f"{program} is not here: make setup, or sudo apt install {program}"
        return ""

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        """Namespaces, roles and a fresh copy of the posts; all gone afterwards."""
        self._trials += 1
        folder = self._scratch / f"trial-{self._trials}"
        folder.mkdir(mode=0o711)
        environment, given = environments.handed_over(plan), plan
        plan = self._copies.placed(plan)
        packages = locust_packages.handed_over(given)
        mounts = self._view(plan.target, environment, packages)
        layout = dataclasses.replace(self._layout, load_packages=packages)
        if environment:
            layout = dataclasses.replace(
                layout, own_python=environment.python, own_path=environment.path
            )
        hosts = LocalHosts(folder, self._user, mounts, plan.cpus, layout, self._clusters)
        away = afterwards(lambda: remove(folder))
        with away, afterwards(network.clear), afterwards(sandbox.end_all):
            network.lay(network.hosts_of(plan))
            template = self._template(given, plan, hosts, environment)
            stack = RealStack(plan, hosts, self._secrets, template)
            with afterwards(stack.tear_down):
                yield stack

    def _view(self, target: Target, environment: Environment | None, packages: str) -> str:
        """The mount namespace in which the roles see what they need; empty: the runner's own."""
        if not self._user.other:
            return ""
        beside = {str(folder_of(target, one)) for one in target.locustfiles.values()}
        own = (
            *(target.folder, target.code_folder, *sorted(beside)),
            *(environment.folders if environment else ()),
            *([packages] if packages else ()),
        )
        if own not in self._views:
            needed = [PROJECT, Path(sys.prefix), Path(sys.base_prefix), self._scratch]
            needed += [Path(self._layout.postgres_dir).parent, *map(Path, own)]
            log = self._scratch / f"view-{len(self._views) + 1}.log"
            self._views[own] = role_mounts.mount_for_roles(needed, log)
        return f"/proc/{os.getpid()}/fd/{self._views[own]}"

    def _template(
        self, given: Plan, plan: Plan, hosts: LocalHosts, environment: Environment | None
    ) -> str:
        """The seeded cluster of the plan as it was given, made by the plan with its copy."""
        python = environment.content if environment else ""
        build, hashes = self._layout.postgres_build, self._templates.content
        key = templates.key(given, build, python, hashes)
        clusters = LocalClusterCache(self._scratch, self._user.uid, self._say)

        def make() -> str:
            # the target's commands may have left processes behind
            with afterwards(sandbox.end_all):
                return templates.provide(clusters, key, plan, hosts, self._secrets)

        return self._templates.of(templates.whose(key, plan), make)

    def facts(self) -> Mapping[str, Any]:
        """What of this machine shapes results."""
        return {
            "kernel": platform.release(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "cpus": self._cpu_count,
            # decides in how many delays a large reply arrives
            "tcp_congestion_control": _CONGESTION.read_text().strip(),
            "postgres": self._layout.postgres_version,
            "pgbouncer": self._layout.pgbouncer != "",
            "roles_user": self._user.name,
        }

    def close(self) -> None:
        """Removes the session's scratch folder; the sandbox takes care of the rest."""
        for mounts in self._views.values():
            os.close(mounts)
        remove(self._scratch)


def remove_left_behind() -> list[Path]:
    """Removes scratch folders of killed sessions, this user's (root: everyone's); which."""
    return remove_own(SCRATCH_ROOT, SCRATCH_PREFIX)
