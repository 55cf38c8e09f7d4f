"""The Compose backend: one project and its networks for a session, fresh containers for a trial."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from rig.backends import cache_bound, role_facts, templates
from rig.backends.base import FEW_HAVE, Stack, afterwards
from rig.backends.compose.hosts import ADMIN_NETWORK, NETWORKS, ComposeHosts
from rig.backends.content import Copies, parts
from rig.backends.docker import clusters, stack_files
from rig.backends.docker.engine import COMMAND_DEADLINE_S, HERE, OPEN_FILES_WANTED
from rig.backends.docker.images import IMAGES, LAYOUT, OURS, SERVICES, TARGET, image_of, place
from rig.backends.docker.needs import Needs, Provided, app_service
from rig.backends.docker.stack_files import SCRATCH_PREFIX, compose
from rig.backends.processes import remove, remove_own
from rig.backends.specs import make_secrets
from rig.backends.stack import RealStack
from rig.backends.users_files import folder_of
from rig.disk.facts import NodeFacts
from rig.model import Link, Role, StackError
from rig.plan import Plan, Service

CREATE_DEADLINE_S = 120.0
_POSTGRES_IMAGE = image_of(SERVICES[Role.DATABASE])
_MTU, USUAL_MTU = "com.docker.network.driver.mtu", 1500
"""The option that a network names it by, and that of those which name none."""


class ComposeBackend:
    """Containers of this machine's engine."""

    name = "compose"

    def __init__(self, plans: Sequence[Plan] = (), say: Callable[[str], object] = str) -> None:
        """Builds the images, those of the plans too, and makes passwords. StackError.

        `say` gets a line before what takes a while.
        """
        if unsupported_reason := stack_files.unsupported_reason():
            raise StackError(unsupported_reason)
        cache_bound.most_bytes()  # a bound that is none is said now
        HERE.remove_left_behind()
        _remove_folders()
        self._session = f"async-django-{secrets.token_hex(4)}"
        self._templates = templates.Templates()
        self._shelf = clusters.EngineClusters(HERE)
        self._trials = 0
        self._open_files = OPEN_FILES_WANTED
        # its mode, 0700, keeps other users from what is mounted from it
        self._scratch = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX))
        self._copies = Copies(self._scratch, _hand_over)
        try:
            self._prepare()
            self._provided = Provided(plans, say)
        except BaseException:  # a Ctrl-C, too: nobody would close a backend that was never made
            with contextlib.suppress(StackError):
                self.close()
            raise

    def _prepare(self) -> None:
        folder = self._scratch / "secrets"
        self._secrets = make_secrets(folder)
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o444)
        self._shelf.create()
        stack_files.build(*IMAGES)
        self._shelf.remove_left_behind()
        self._open_files = HERE.open_files(_POSTGRES_IMAGE, OPEN_FILES_WANTED)
        server = f"{LAYOUT.postgres_dir}/postgres"
        self._postgres_build = HERE.said_by(_POSTGRES_IMAGE, server, "--version")

    def _compose(
        self,
        variables: Mapping[str, str],
        *arguments: str,
        deadline_s: float = COMMAND_DEADLINE_S,
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
        """What a plan needs must be in images."""
        return self._provided.unsupported_reason(plan)

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        """Fresh containers and a fresh copy of the posts; all gone afterwards."""
        self._trials += 1
        given, plan = plan, self._copies.placed(plan)
        load_folder = folder_of(plan.target, plan.locustfile) if plan.locustfile else None
        for code in {plan.target.folder, plan.target.code_folder, str(load_folder or "")} - {""}:
            check_readable(Path(code))
        folder = self._scratch / f"trial-{self._trials}"
        several = [place(Role.SERVICE, index) for index, _ in enumerate(plan.target.services)]
        for role in (*(str(role) for role in Role if role not in FEW_HAVE), *several):
            out = folder / role / ("" if role == Role.DELAY else "out")
            for path in (folder, folder / role, out):
                path.mkdir(exist_ok=True)
                # the containers' user is nobody here, and this user's umask may be a narrow one
                path.chmod(0o777 if path == out else 0o755)
        names: dict[Role, list[str]] = {}
        away = afterwards(lambda: remove(folder))
        with away, afterwards(lambda: _remove(names)):
            needs = self._provided.of(given)
            packages = needs.load_packages
            of_load = {"RIG_LOCUST": str(load_folder)} if load_folder else {}
            of_load |= {"RIG_LOAD_PACKAGES": packages} if packages else {}
            names |= self._create(plan, folder, needs, of_load)
            hosts = ComposeHosts(
                *(folder, self._scratch / "secrets", plan.target, needs, names, self._session),
                machine=lambda: self._machine,
            )
            template = self._template(given, plan, hosts, needs)
            stack = RealStack(plan, hosts, self._secrets, template)
            with afterwards(stack.tear_down):
                yield stack

    def _create(
        self, plan: Plan, folder: Path, needs: Needs, of_load: Mapping[str, str]
    ) -> dict[Role, list[str]]:
        """Creates the plan's containers without starting them; their names by role.

        `of_load`: variables of a Locust file's.
        """
        app = app_service(plan.target)
        services = {**SERVICES, Role.APP: app}
        if plan.pooler == "direct":
            del services[Role.POOLER]
        cpus = {role: ",".join(map(str, some)) for role, some in plan.cpus.items()}
        variables = {
            "RIG_ROLES": str(folder),
            "RIG_TARGET": plan.target.folder if app == TARGET else "/dev/null",
            "RIG_PROJECT": plan.target.code_folder if app == TARGET else "/dev/null",
            "RIG_TARGET_IMAGE": needs.app_image,
            # a copy, which its commands may change
            "RIG_PROJECT_READ_ONLY": "false" if plan.target.before_start else "true",
            "RIG_CPUS_APP": cpus.get("app", ""),
            "RIG_CPUS_DATABASE": cpus.get("database", ""),
            "RIG_CPUS_POOLER": cpus.get("pooler", ""),
            "RIG_CPUS_LOAD": cpus.get("load_worker", ""),
            **_of_services(plan.target.services, needs),
            **of_load,
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
        for line in HERE.docker("ps", "--all", "--filter", ours, "--format", form).splitlines():
            service, name = line.split()
            names.setdefault(service, []).append(name)
        for of_a_service in names.values():
            of_a_service.sort(key=lambda name: int(name.rpartition("-")[2]))
        return names

    def _template(self, given: Plan, plan: Plan, hosts: ComposeHosts, needs: Needs) -> str:
        """The seeded cluster of the plan as it was given, made by the plan with its copy."""
        version = f"compose {self._postgres_build}"
        key = templates.key(given, version, needs.python, self._templates.content)
        return self._templates.of(
            templates.whose(key, plan),
            lambda: templates.provide(self._shelf, key, plan, hosts, self._secrets),
        )

    @cached_property
    def _machine(self) -> NodeFacts:
        """The engine's, once the session's networks are there."""
        said = HERE.said_by(_POSTGRES_IMAGE, "sh", "-c", role_facts.MACHINE)
        ours = f"name=^{self._session}_"
        there = HERE.docker("network", "ls", "--filter", ours, "--format", "{{.Name}}").split()
        form = f'{{{{.Name}}}} {{{{index .Options "{_MTU}"}}}}'
        mtu = {}
        for line in HERE.docker("network", "inspect", "--format", form, *there).splitlines():
            name, _, number = line.strip().partition(" ")
            link = name.removeprefix(f"{self._session}_")
            if link in set(Link):
                mtu[link] = int(number) if number.isdecimal() else USUAL_MTU
        engine = HERE.docker("version", "--format", "{{.Server.Version}}").strip()
        return role_facts.machine(said, mtu, engine)

    def facts(self) -> Mapping[str, Any]:
        """What of the engine's machine shapes results."""
        said = HERE.docker("version", "--format", "{{.Server.Version}} {{.Server.KernelVersion}}")
        version, _, kernel = said.strip().partition(" ")
        return {
            "engine": version,
            "kernel": kernel,
            "open_files": self._open_files,
            "cpus": int(HERE.docker("info", "--format", "{{.NCPU}}")),
            "postgres": LAYOUT.postgres_version,
        }

    def close(self) -> None:
        """Removes what the session made and its folder; the cache of clusters stays."""
        try:
            # by label and not by `compose down`: a probe's container belongs to no project
            HERE.remove_left_behind()
        finally:
            remove(self._scratch)


def _of_services(services: Sequence[Service], needs: Needs) -> dict[str, str]:
    """Each one's image and the port by which the rig asks whether it serves."""
    variables = {}
    for number, service in enumerate(services, 1):
        variables[f"RIG_SERVICE_{number}_PORT"] = str(service.ready_port or service.port)
        variables[f"RIG_SERVICE_{number}_IMAGE"] = needs.image_of_service(service)
    return variables


def _remove(names: Mapping[Role, Sequence[str]]) -> None:
    every = [name for found in names.values() for name in found]
    if every:
        HERE.docker("rm", "--force", "--volumes", *every)


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
    return (
        [] if stack_files.unsupported_reason() else HERE.remove_left_behind()
    ) + _remove_folders()


def _remove_folders() -> list[str]:
    found = remove_own(Path(tempfile.gettempdir()), SCRATCH_PREFIX)
    return [str(path) for path in found]
