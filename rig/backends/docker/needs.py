"""What plans need in containers beside the rig's own images, made once and kept.

A target's own Python as an image, the packages of a Locust file as a folder, an image for services
that the rig has itself. May not know on which engine they will stand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rig.backends.base import Programs
from rig.backends.docker import load_image, own_image, stack_files
from rig.backends.docker.engine import Engine
from rig.backends.docker.images import OURS, TARGET, image_of
from rig.backends.docker.own_image import OwnImage
from rig.backends.environment import locust_packages, making
from rig.factors import services
from rig.plan import Plan, Service, Target

MOST_SERVICES = 3
"""Of one target: so many `service_N` are in compose.rig.yaml."""
OWN_SERVICE = "redis"
"""The image of all services that the rig has itself."""


@dataclass(frozen=True)
class Needs:
    """Of one plan."""

    app_image: str
    """The image that its target's code runs in, by name."""
    own: OwnImage | None = None
    """What of it is the target's own Python."""
    load_packages: str = ""
    """The folder of this machine with what its Locust file imports; empty for nothing."""

    @property
    def python(self) -> str:
        """What decides the tables that the target's commands make; empty for the rig's own."""
        return self.own.content if self.own else ""

    def layout(self) -> Programs:
        """Debian's packages, and the target's own Python where its image has one."""
        found = load_image.layout(self.load_packages)
        if self.own is None:
            return found
        return dataclasses.replace(found, own_python=own_image.PYTHON, own_path=own_image.PATH)

    def image_of_service(self, service: Service) -> str:
        """The image of one of the target's services, by name."""
        return image_of(OWN_SERVICE) if service.name in services.SERVICES else self.app_image


class Provided:
    """What the plans of a session need."""

    def __init__(self, plans: Sequence[Plan], say: Callable[[str], object]) -> None:
        """Makes it, the rig's own images being there. StackError, with one cause.

        `say` gets a line before what takes a while.
        """
        self._load_packages = locust_packages.provide(plans, load_image.OfImage(), say)
        self._own: Mapping[str, OwnImage] = own_image.provide(plans, say)
        if any(service.name in services.SERVICES for service in _services(plans)):
            stack_files.build("service_1")

    def prune(self, engine: Engine) -> None:
        """Removes older sessions' images from an engine that was given some. StackError."""
        own_image.prune(engine.docker, self._own.values())

    def of(self, plan: Plan) -> Needs:
        """What one plan needs, as it was given."""
        own = self._own.get(making.ident(plan))
        image = own.tag if own else image_of(app_service(plan.target))
        return Needs(image, own, self._load_packages.get(locust_packages.ident(plan), ""))

    def unsupported_reason(self, plan: Plan) -> str:
        """Whatever a plan needs is in images, but for an interpreter of this machine's.

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


def app_service(target: Target) -> str:
    """The service of the stack's files that a target is started as."""
    return OURS.get(target.folder, TARGET)


def _services(plans: Sequence[Plan]) -> list[Service]:
    return [service for plan in plans for service in plan.target.services]
