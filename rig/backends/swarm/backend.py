"""The Swarm backend: networks and agents for a session, fresh containers for a trial."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rig.backends import cache_bound, templates
from rig.backends.base import Stack, afterwards
from rig.backends.docker import stack_files
from rig.backends.docker.clusters import EngineClusters
from rig.backends.docker.engine import OPEN_FILES_WANTED
from rig.backends.docker.images import IMAGES, LAYOUT, OBSERVER, OURS, SERVICES, image_of
from rig.backends.docker.needs import Needs, Provided
from rig.backends.parallel import in_parallel
from rig.backends.processes import remove, remove_own
from rig.backends.specs import make_secrets
from rig.backends.stack import RealStack
from rig.backends.swarm import containers, overlays, swarm
from rig.backends.swarm.hosts import SwarmHosts
from rig.backends.swarm.session import SwarmSession
from rig.model import NoNode, Role, StackError
from rig.nodes import Nodes, Placement, without
from rig.plan import Plan

SCRATCH_PREFIX = "async-django-rig-swarm-"


class SwarmBackend:
    """Containers on the nodes of a Swarm."""

    name = "swarm"

    def __init__(
        self, nodes: Nodes, plans: Sequence[Plan] = (), say: Callable[[str], object] = str
    ) -> None:
        """Builds the images here, hands them over, and takes the Swarm. StackError, UsageError.

        `say` gets a line before what takes a while.
        """
        if unsupported_reason := stack_files.unsupported_reason():
            raise StackError(f"the images are made on this machine: {unsupported_reason}")
        cache_bound.most_bytes()  # a bound that is none is said now
        self._nodes, self._say = nodes, say
        _remove_folders()
        self._templates = templates.Templates()
        # its mode, 0700, keeps other users from the passwords in it
        self._scratch = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX))
        self._session: SwarmSession | None = None
        try:
            self._prepare(plans)
        except BaseException:  # a Ctrl-C, too: nobody would close a backend that was never made
            with contextlib.suppress(StackError):
                self.close()
            raise

    def _prepare(self, plans: Sequence[Plan]) -> None:
        place = self._nodes.place
        if self._nodes.proposed:
            self._say(f"the nodes file leaves places open: {place}")
        members = swarm.members_of(self._nodes, place.names)
        self._secrets = make_secrets(self._scratch / "secrets")
        stack_files.build(*IMAGES, OBSERVER)
        self._provided = Provided(plans, self._say)
        self._say("handing the images to the nodes that lack them")
        self._session = SwarmSession(
            *(members, _images(place, plans, self._provided), self._nodes.mtu_bytes),
            *(self._scratch, overlays.links_of(plans), self._nodes.registry),
        )
        self._placement = place
        in_parallel(lambda one: self._provided.prune(one.engine), members.values())
        image = self.session.ids[image_of(OBSERVER)]
        self._open_files = min(
            in_parallel(
                lambda one: one.engine.open_files(image, OPEN_FILES_WANTED), members.values()
            )
        )
        self._services = containers.services(self._open_files)
        database = members[place.database].engine
        self._shelf = EngineClusters(database)
        self._shelf.create()
        self._shelf.remove_left_behind()
        server = f"{LAYOUT.postgres_dir}/postgres"
        postgres = image_of(SERVICES[Role.DATABASE])
        self._postgres_build = database.said_by(postgres, server, "--version")

    @property
    def session(self) -> SwarmSession:
        """What it holds of the Swarm."""
        assert self._session is not None
        return self._session

    def unsupported_reason(self, plan: Plan) -> str:
        """What a plan needs must be in images, and have its addresses."""
        if plan.load.load_workers > overlays.MOST_LOAD_WORKERS:
            return f"a Swarm has room for {overlays.MOST_LOAD_WORKERS} load workers"
        return self._provided.unsupported_reason(plan)

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        """Fresh containers and a fresh copy of the posts; all gone afterwards.

        NoNode where a node is lost without which there is no session.
        """
        self._place_without_lost()
        folder = Path(tempfile.mkdtemp(prefix="trial-", dir=self._scratch))
        with afterwards(lambda: remove(folder)):
            needs = self._provided.of(plan)
            hosts = SwarmHosts(
                *(self.session, self._placement, plan, needs, self._secrets, self._services),
                folder,
            )
            with afterwards(hosts.close):
                template = self._template(plan, hosts, needs)
                stack = RealStack(plan, hosts, self._secrets, template)
                with afterwards(stack.tear_down):
                    yield stack

    def _place_without_lost(self) -> None:
        lost = [name for name in self.session.lost if name in self._placement.names]
        if not lost:
            return
        place = without(self._nodes, self.session.lost)
        if place is None or self.session.losses == overlays.MOST_LOSSES:
            raise NoNode(
                f"node {lost[0]} is lost, and the session cannot go on without it",
                "mend it, then: python runner.py resume; or name other nodes with --nodes",
            )
        self._say(f"node {lost[0]} is lost; the session goes on without it: {place}")
        self._placement, self.session.used = place, place.names
        self.session.losses += 1

    def _template(self, plan: Plan, hosts: SwarmHosts, needs: Needs) -> str:
        """The seeded cluster, on the database's node."""
        version = f"compose {self._postgres_build}"
        key = templates.key(plan, version, needs.python, self._templates.content)
        return self._templates.of(
            templates.whose(key, plan),
            lambda: templates.provide(self._shelf, key, plan, hosts, self._secrets),
        )

    def facts(self) -> Mapping[str, Any]:
        """What of the nodes shapes results, and which role stands where."""
        session, place = self.session, self._placement
        return {
            "postgres": LAYOUT.postgres_version,
            "mtu_bytes": session.mtu_bytes,
            "open_files": self._open_files,
            "nodes_file": self._nodes.file,
            "nodes": {
                name: {
                    "context": one.node.context,
                    "engine": one.version,
                    "kernel": one.kernel,
                    "boot_id": session.facts[name]["boot_id"],
                    "cpu_model": session.facts[name]["cpu_model"],
                    "cpus": len(session.facts[name]["cpus"]),
                    "mtu_bytes": session.mtus[name],
                }
                for name, one in session.members.items()
            },
            "place": {
                "app": place.app,
                "database": place.database,
                "pooler": place.pooler,
                "load_master": place.load_master,
                "load_worker": list(place.load_worker),
            },
        }

    def close(self) -> None:
        """Removes what the session made on every node that lives; the cache of clusters stays."""
        try:
            if self._session is not None:
                self._session.close()
        finally:
            remove(self._scratch)


def _images(place: Placement, plans: Sequence[Plan], provided: Provided) -> dict[str, list[str]]:
    """Which images each node needs, by their names."""
    wanted: dict[str, list[str]] = {name: [image_of(OBSERVER)] for name in place.names}
    for role, service in SERVICES.items():
        for node in place.load_worker if role == Role.LOAD_WORKER else [place.of(role)]:
            wanted[node].append(image_of(service))
    needs = [(plan.target, provided.of(plan)) for plan in plans]
    wanted[place.app] += [of.app_image for _, of in needs] or map(image_of, OURS.values())
    wanted[place.of(Role.SERVICE)] += [
        of.image_of_service(service) for target, of in needs for service in target.services
    ]
    return {node: list(dict.fromkeys(names)) for node, names in wanted.items()}


def remove_left_behind(
    nodes: Nodes, clusters_too: bool = False
) -> tuple[list[str], list[StackError]]:
    """Removes what killed sessions left on the nodes, and lets go of the Swarm.

    What was removed, and why something could not be: a node does not answer, say.
    """
    members, errors = swarm.answering(nodes)
    removed, failed = swarm.remove_left_behind(members)
    errors += failed
    steps: tuple[Callable[[], list[str]], ...] = (
        lambda: swarm.let_go(swarm.manager_of(members)),
        lambda: _clusters(nodes, members, clusters_too),
        _remove_folders,
    )
    for step in steps:
        try:
            removed += step()
        except StackError as error:
            errors.append(error)
    return removed, errors


def _clusters(nodes: Nodes, members: Sequence[swarm.Member], clusters_too: bool) -> list[str]:
    """Of the database's node: what is half made, or all that is kept."""
    removed: list[str] = []
    for one in members:
        if one.node.name == nodes.place.database:
            cached = EngineClusters(one.engine)
            removed += cached.clear() if clusters_too else cached.remove_left_behind()
    return removed


def _remove_folders() -> list[str]:
    found = remove_own(Path(tempfile.gettempdir()), SCRATCH_PREFIX)
    return [str(path) for path in found]
