"""The Compose backend: one project and its networks for a session, fresh containers for a trial."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rig.backends import kept, templates
from rig.backends.base import Stack, afterwards
from rig.backends.compose import cluster_cache, engine, own_image
from rig.backends.compose.engine import CACHE_VOLUME, LABEL, SCRATCH_PREFIX, compose, docker
from rig.backends.compose.hosts import ADMIN_NETWORK, LAYOUT, NETWORKS, OURS, ComposeHosts, place
from rig.backends.compose.own_image import OwnImage
from rig.backends.content import Copies, parts
from rig.backends.environment import making
from rig.backends.processes import remove
from rig.backends.specs import make_secrets
from rig.backends.stack import RealStack
from rig.factors.services import SERVICES
from rig.model import Link, Role, StackError
from rig.plan import Plan, Service

CREATE_DEADLINE_S = 120.0
OPEN_FILES_WANTED = 65_536
_SERVICES = {
    Role.DATABASE: "postgres",
    Role.POOLER: "pgbouncer",
    Role.LOAD_MASTER: "locust_master",
    Role.LOAD_WORKER: "locust_worker",
}
_POSTGRES_IMAGE = "async-django-rig/postgres"
MOST_SERVICES = 3
"""Of one target: so many `service_N` are in compose.rig.yaml."""
TARGET_IMAGE = "async-django-rig/django-async"
_IMAGES = ("postgres", "pgbouncer", "django_sync", "django_async", "locust_master", "locust_worker")


class ComposeBackend:
    """Containers of this machine's engine."""

    name = "compose"

    def __init__(self, plans: Sequence[Plan] = (), say: Callable[[str], object] = str) -> None:
        """Builds the images, those of the plans too, and makes passwords. StackError.

        `say` gets a line before what takes a while.
        """
        if unsupported_reason := engine.unsupported_reason():
            raise StackError(unsupported_reason)
        kept.most_bytes()  # a bound that is none is said now
        engine.remove_left_behind()
        _remove_folders()
        self._session = f"async-django-{secrets.token_hex(4)}"
        self._templates = templates.Templates()
        self._shelf = cluster_cache.ComposeClusterCache()
        self._trials = 0
        self._open_files = OPEN_FILES_WANTED
        # its mode, 0700, keeps other users from what is mounted from it
        self._scratch = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX))
        self._own: Mapping[str, OwnImage] = {}
        self._copies = Copies(self._scratch, _hand_over)
        try:
            self._prepare()
            self._own = own_image.provide(plans, say)
        except BaseException:  # a Ctrl-C, too: nobody would close a backend that was never made
            with contextlib.suppress(StackError):
                self.close()
            raise

    def _prepare(self) -> None:
        folder = self._scratch / "secrets"
        self._secrets = make_secrets(folder)
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o444)
        docker("volume", "create", "--label", f"{LABEL}=cache", CACHE_VOLUME)
        engine.build(*_IMAGES)
        cluster_cache.remove_left_behind()
        self._open_files = engine.open_files(_POSTGRES_IMAGE, OPEN_FILES_WANTED)
        server = f"{LAYOUT.postgres_dir}/postgres"
        self._postgres_build = engine.said_by(_POSTGRES_IMAGE, server, "--version")

    def _compose(
        self,
        variables: Mapping[str, str],
        *arguments: str,
        deadline_s: float = engine.COMMAND_DEADLINE_S,
    ) -> str:
        fixed = {
            "RIG_SESSION": self._session,
            "RIG_SECRETS": str(self._scratch / "secrets"),
            "RIG_OPEN_FILES": str(self._open_files),
            "RIG_FRONT": NETWORKS[Link.FRONT],
            "RIG_DATA": NETWORKS[Link.DATA],
            "RIG_CONTROL": NETWORKS[Link.CONTROL],
            "RIG_SERVICES": NETWORKS[Link.SERVICES],
            "RIG_ADMIN": ADMIN_NETWORK,
            "COMPOSE_PROFILES": "sync,async,target,pgbouncer,services",
            "DOCKER_BUILDKIT": "1",
        }
        return compose(self._session, {**fixed, **variables}, *arguments, deadline_s=deadline_s)

    def unsupported_reason(self, plan: Plan) -> str:
        """Whatever a plan needs is in the images, but for an interpreter of this machine's.

        They are made for a few services, too.
        """
        target = plan.target
        if target.python and making.ident(plan) not in self._own:
            return f"target {target.name}'s Python is an interpreter of this machine's"
        if len(target.services) > MOST_SERVICES:
            return f"target {target.name} has more than {MOST_SERVICES} services: local has more"
        if target.services and target.folder in OURS:
            return f"target {target.name}'s services run on the local backend only"
        return ""

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        """Fresh containers and a fresh copy of the posts; all gone afterwards."""
        self._trials += 1
        given, plan = plan, self._copies.placed(plan)
        for code in {plan.target.folder, plan.target.code_folder}:
            check_readable(Path(code))
        folder = self._scratch / f"trial-{self._trials}"
        several = [place(Role.SERVICE, index) for index, _ in enumerate(plan.target.services)]
        for role in (*(str(role) for role in Role if role != Role.SERVICE), *several):
            out = folder / role / ("" if role == Role.DELAY else "out")
            for path in (folder, folder / role, out):
                path.mkdir(exist_ok=True)
                # the containers' user is nobody here, and this user's umask may be a narrow one
                path.chmod(0o777 if path == out else 0o755)
        names: dict[Role, list[str]] = {}
        away = afterwards(lambda: remove(folder))
        with away, afterwards(lambda: _remove(names)):
            own = self._own.get(making.ident(given))
            names |= self._create(plan, folder, own)
            hosts = ComposeHosts(
                *(folder, self._scratch / "secrets", plan.target.folder, names, self._session),
                code_folder=plan.target.code_folder,
                own=own is not None,
            )
            template = self._template(given, plan, hosts, own)
            stack = RealStack(plan, hosts, self._secrets, template)
            with afterwards(stack.tear_down):
                yield stack

    def _create(self, plan: Plan, folder: Path, own: OwnImage | None) -> dict[Role, list[str]]:
        """Creates the plan's containers without starting them; their names by role."""
        if any(service.name in SERVICES for service in plan.target.services):
            engine.build("service_1")
        app = OURS.get(plan.target.folder, "target")
        services = {**_SERVICES, Role.APP: app}
        if plan.pooler == "direct":
            del services[Role.POOLER]
        cpus = {role: ",".join(map(str, some)) for role, some in plan.cpus.items()}
        variables = {
            "RIG_ROLES": str(folder),
            "RIG_TARGET": plan.target.folder if app == "target" else "/dev/null",
            "RIG_PROJECT": plan.target.code_folder if app == "target" else "/dev/null",
            **({"RIG_TARGET_IMAGE": own.tag} if own else {}),
            # a copy, which its commands may change
            "RIG_PROJECT_READ_ONLY": "false" if plan.target.before_start else "true",
            "RIG_CPUS_APP": cpus.get("app", ""),
            "RIG_CPUS_DATABASE": cpus.get("database", ""),
            "RIG_CPUS_POOLER": cpus.get("pooler", ""),
            "RIG_CPUS_LOAD": cpus.get("load_worker", ""),
            **_of_services(plan.target.services, own.tag if own else TARGET_IMAGE),
        }
        helpers = [f"service_{number}" for number, _ in enumerate(plan.target.services, 1)]
        self._compose(
            variables,
            *("up", "--no-start", "--no-deps", "--no-build", "--force-recreate"),
            *("--scale", f"locust_worker={plan.load.load_workers}"),
            *(*services.values(), *helpers),
            deadline_s=CREATE_DEADLINE_S,
        )
        names = self._names()
        found = {role: names[service] for role, service in services.items()}
        return {**found, Role.SERVICE: [names[helper][0] for helper in helpers]}

    def _names(self) -> Mapping[str, list[str]]:
        """This session's containers by service, in the order of their numbers."""
        ours = f"label=com.docker.compose.project={self._session}"
        form = '{{.Label "com.docker.compose.service"}} {{.Names}}'
        names: dict[str, list[str]] = {}
        for line in docker("ps", "--all", "--filter", ours, "--format", form).splitlines():
            service, name = line.split()
            names.setdefault(service, []).append(name)
        for of_a_service in names.values():
            of_a_service.sort(key=lambda name: int(name.rpartition("-")[2]))
        return names

    def _template(self, given: Plan, plan: Plan, hosts: ComposeHosts, own: OwnImage | None) -> str:
        """The seeded cluster of the plan as it was given, made by the plan with its copy."""
        version, python = f"compose {self._postgres_build}", own.content if own else ""
        key = templates.key(given, version, python, self._templates.content)
        return self._templates.of(
            templates.whose(key, plan),
            lambda: templates.provide(self._shelf, key, plan, hosts, self._secrets),
        )

    def facts(self) -> Mapping[str, Any]:
        """What of the engine's machine shapes results."""
        said = docker("version", "--format", "{{.Server.Version}} {{.Server.KernelVersion}}")
        version, _, kernel = said.strip().partition(" ")
        return {
            "engine": version,
            "kernel": kernel,
            "open_files": self._open_files,
            "cpus": int(docker("info", "--format", "{{.NCPU}}")),
            "postgres": LAYOUT.postgres_version,
        }

    def close(self) -> None:
        """Removes what the session made and its folder; the cache of clusters stays."""
        try:
            # by label and not by `compose down`: a probe's container belongs to no project
            engine.remove_left_behind()
        finally:
            remove(self._scratch)


def _of_services(services: Sequence[Service], target_image: str) -> dict[str, str]:
    """Each one's image and the port by which the rig asks whether it serves."""
    variables = {}
    for number, service in enumerate(services, 1):
        variables[f"RIG_SERVICE_{number}_PORT"] = str(service.ready_port or service.port)
        if service.name not in SERVICES:
            variables[f"RIG_SERVICE_{number}_IMAGE"] = target_image
    return variables


def _remove(names: Mapping[Role, Sequence[str]]) -> None:
    every = [name for found in names.values() for name in found]
    if every:
        docker("rm", "--force", "--volumes", *every)


def _hand_over(made: Path) -> None:
    """Lets the containers' user, who is nobody here, change a copy."""
    for path in (made, *made.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o777 if path.is_dir() else path.stat().st_mode | 0o666)


def check_readable(target: Path) -> None:
    """StackError where the containers' user, who is nobody here, cannot read a target of a user's.

    The folders above it do not matter: the engine mounts it as root. Nor does what is no part of
    the project, such as what git keeps for its owner alone.
    """
    if str(target) in OURS:
        return
    for path in (target, *parts(target)):
        wanted = 0o005 if path.is_dir() else 0o004
        if not path.is_symlink() and path.stat().st_mode & wanted != wanted:
            raise StackError(
                f"the target's {path} cannot be read by the containers' user",
                f"let others read the folder: chmod -R o+rX {target}",
            )


def remove_left_behind() -> list[str]:
    """Removes what killed sessions left: containers, networks, volumes, folders; which."""
    return ([] if engine.unsupported_reason() else engine.remove_left_behind()) + _remove_folders()


def _remove_folders() -> list[str]:
    removed, uid = [], os.geteuid()
    for path in Path(tempfile.gettempdir()).glob(f"{SCRATCH_PREFIX}*"):
        if not path.is_symlink() and path.is_dir() and uid in (0, path.stat().st_uid):
            remove(path)
            removed.append(str(path))
    return removed
